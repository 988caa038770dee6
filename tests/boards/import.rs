//! `rankd import --board`: composite scores become scores and moments.

use crate::support::client::encode;
use crate::support::reply::Reply;
use crate::support::server::{Server, run_rankd};

/// Imports an append-only file of these commands. Returns the status, the report and the errors, and the directory.
fn import(commands: &[&str], board: &str) -> (Option<i32>, String, String, tempfile::TempDir) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("old.aof");
    let bytes = commands.iter().flat_map(|line| encode(&line.split(' ').collect::<Vec<_>>()));
    std::fs::write(&file, bytes.collect::<Vec<u8>>()).expect("a writable directory");
    let arguments =
        ["import", &file.to_string_lossy(), "--dir", &directory.path().to_string_lossy(), "--board", board];
    let (status, report, errors) = run_rankd(&arguments);
    (status.code(), report, errors, directory)
}

/// The time of `late` is an hour after that of `early`, which a double of this size cannot tell. The times of `kim` and `lee`
/// are a second apart, and their scores small enough.
#[test]
fn composite_scores_are_split_and_lost_ties_are_told() {
    let commands = [
        "SELECT 0",
        "ZADD day 99999999998242364800 early 99999999998242361200 late 1298242364800 kim 1298242364799 lee",
        "ZADD other 1 a",
        "PEXPIREAT day 32503680000000",
    ];
    let (status, report, errors, directory) = import(&commands, "d*=INTEGER,TIES FIRST,COMPOSITE 1e11");
    assert_eq!(status, Some(0), "{report}{errors}");
    assert!(report.contains("'day' in database 0: 4 members"), "{report}");
    let lost = "2 members had lost the tie, because doubles rounded the time away: 'late', 'early'";
    assert!(report.contains(lost), "{report}");
    let server = Server::rankd_in(directory, &[]).expect("a server on what was imported");
    let mut client = server.client();
    let ranks = client.ask("LB.RANK day MEMBERS 4 early late kim lee WITHTIME");
    let times: Vec<i64> = ranks.items().iter().map(|row| row.items()[3].integer()).collect();
    // The time that is left of the first two is within the distance of two doubles.
    assert!(times[0] == times[1] && (times[0] - 1_757_635_200_000).abs() <= 16_384_000, "{times:?}");
    let expected = [("kim", "12", 1_757_635_200_000), ("lee", "12", 1_757_635_201_000)];
    let found = client.ask("LB.RANK day MEMBERS 2 kim lee WITHTIME");
    let place = |row: &Reply| row.items()[2].integer();
    assert_eq!((place(&found.items()[0]), place(&found.items()[1])), (2, 3));
    for ((name, score, at_ms), row) in expected.iter().zip(found.items()) {
        let [member, points, _, time] = row.items() else { panic!("{row:?}") };
        assert_eq!((member.text().as_str(), points.text().as_str(), time.integer()), (*name, *score, *at_ms));
    }
    assert_eq!(client.ask("PEXPIRETIME day").integer(), 32_503_680_000_000);
    assert_eq!(client.ask("ZSCORE other a").text(), "1");
}

#[test]
fn laps_are_split_too_and_scores_without_a_time_keep_their_order() {
    let commands =
        ["ZADD laps 6151757635200 ann 6151757635201 bob 6101757639999 cat", "ZADD plain 1.5 a 1.5 b"];
    let (status, report, errors, directory) =
        import(&commands, "laps=DECIMAL 1,ORDER ASC,TIES FIRST,COMPOSITE 10000000000");
    assert_eq!(status, Some(0), "{report}{errors}");
    let server = Server::rankd_in(directory, &[]).expect("a server on what was imported");
    let mut client = server.client();
    let members = |reply: Reply| -> Vec<(String, String)> {
        reply.items().iter().map(|row| (row.items()[0].text(), row.items()[1].text())).collect()
    };
    let expected = [("cat", "610.0"), ("ann", "615.0"), ("bob", "615.0")];
    let expected = expected.map(|(member, score)| (member.to_owned(), score.to_owned()));
    assert_eq!(members(client.ask("LB.TOP laps 9")), expected);
    drop(server);
    let (status, report, errors, directory) = import(&commands, "*=DECIMAL 3,TIES FIRST");
    assert_eq!(status, Some(0), "{report}{errors}");
    let server = Server::rankd_in(directory, &[]).expect("a server on what was imported");
    let expected =
        [("b", "1.500"), ("a", "1.500")].map(|(member, score)| (member.to_owned(), score.to_owned()));
    assert_eq!(members(server.client().ask("LB.TOP plain 9")), expected);
}

#[test]
fn what_cannot_become_a_board_is_told() {
    let commands = ["ZADD day 1.5 ann"];
    for (board, words) in [
        ("day", "it is PATTERN=POLICY"),
        ("day=INTEGER,COMPOSITE 1e11", "COMPOSITE needs exact scores and TIES FIRST"),
        ("day=INTEGER,TIES FIRST,COMPOSITE 7", "COMPOSITE takes a power of ten"),
        ("day=INTEGER,TIES LAST", "TIES takes"),
        ("day=INTEGER,TIES FIRST", "board 'day': the score 1.5 of 'ann' is none of the board"),
        ("day=INTEGER,TIES FIRST,COMPOSITE 1e11", "board 'day': the score 1.5 of 'ann' is not whole"),
        ("day=RANGE 2 3", "board 'day': score is outside the board's range"),
    ] {
        let (status, report, errors, _) = import(&commands, board);
        assert_ne!(status, Some(0), "{board}: {report}");
        assert!(errors.contains(words), "{board}: {errors}");
    }
}

#[test]
fn a_running_rankd_gives_its_boards_archives_and_templates() {
    let source = Server::rankd_with(&["--appendonly", "no", "--enable-debug-command", "yes"]);
    let mut client = source.client();
    for line in [
        "LB.TEMPLATE SET day:* SCORE DECIMAL 2 TIES FIRST ORDER ASC CAP 9 IDS 3 RANGE -1.50 99 SATURATE",
        "LB.SUBMIT day:1 ID one 5 ann 7.25 bob 5 cat",
        "PEXPIREAT day:1 32503680000000",
        "LB.SUBMIT day:2 1 ann",
        "LB.CLOSE day:2 old",
        "ZADD plain 1.5 a",
        "SELECT 3",
        "LB.CREATE empty SCORE INTEGER KEEP SUM",
    ] {
        assert!(!client.ask(line).is_error(), "{line}");
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let address = format!("redis://{}", source.address);
    let (status, report, errors) =
        run_rankd(&["import", &address, "--dir", &directory.path().to_string_lossy()]);
    assert_eq!(status.code(), Some(0), "{report}{errors}");
    let copy = Server::rankd_in(directory, &["--enable-debug-command", "yes"]).expect("a server on the copy");
    let mut copy = copy.client();
    assert_eq!(copy.ask("DEBUG DIGEST"), client.ask("DEBUG DIGEST"));
    assert_eq!(copy.ask("LB.TEMPLATE LIST"), client.ask("LB.TEMPLATE LIST"));
    assert_eq!(copy.ask("PEXPIRETIME day:1").integer(), 32_503_680_000_000);
    assert_eq!(copy.ask("LB.SUBMIT day:1 ID one 5 ann").integer(), -1);
}
