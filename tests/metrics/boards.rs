//! The boards that `metrics-boards` names.

use super::{Metered, Scrape};
use crate::support::wait_for;

fn wait_for_sum(metered: &Metered, board: &str, sum: f64) -> Scrape {
    wait_for(&format!("the sum {sum} of {board}"), || {
        let scrape = metered.scrape();
        let sums = scrape.all("rankd_board_sum_of_scores");
        let is_there = sums.iter().any(|sample| sample.labels["board"] == board && sample.value == sum);
        is_there.then_some(scrape)
    })
}

#[test]
fn named_boards_have_their_members_and_sums() {
    let metered = Metered::rankd(&["--appendonly", "no"]);
    let mut client = metered.client();
    for line in [
        "ZADD day 1 a 2.5 b +inf c",
        "LB.CREATE exact SCORE DECIMAL 2 TIES FIRST",
        "LB.SUBMIT exact 10.25 a",
        "LB.SUBMIT exact 0.5 b",
        "ZADD other 7 a",
        "SET daytext x",
        "SELECT 2",
        "ZADD day 100 a",
    ] {
        assert!(!matches!(client.ask(line), crate::support::reply::Reply::Error(_)), "{line}");
    }
    assert!(metered.scrape().all("rankd_board_members").is_empty(), "no board is named");
    client.ask("CONFIG SET metrics-boards \"day* exact nosuch\"");
    let scrape = wait_for_sum(&metered, "day", 100.0);
    let labels = |database, board| [("db", database), ("board", board)];
    assert_eq!(scrape.value("rankd_board_members", &labels("db0", "day")), 3.0);
    assert_eq!(scrape.value("rankd_board_sum_of_scores", &labels("db0", "day")), 3.5);
    assert_eq!(scrape.value("rankd_board_sum_of_scores", &labels("db2", "day")), 100.0);
    assert_eq!(scrape.value("rankd_board_sum_of_scores", &labels("db0", "exact")), 10.75);
    assert_eq!(scrape.all("rankd_board_members").len(), 3);
    assert_eq!(scrape.value("rankd_boards_left_out", &[]), 0.0);
}

/// A pass over a board of many members takes many locks, one after the other.
#[test]
fn the_sum_of_a_large_board_is_exact_where_nobody_writes() {
    let metered = Metered::rankd(&["--appendonly", "no", "--metrics-boards", "large"]);
    let mut client = metered.client();
    for first in (0..20_000).step_by(1_000) {
        let mut request = vec!["ZADD".to_owned(), "large".to_owned()];
        request.extend((first..first + 1_000).flat_map(|member| ["3".to_owned(), format!("m{member}")]));
        client.call(&request);
    }
    // A pass may have begun before the last members came.
    client.ask("CONFIG SET metrics-boards l*");
    let scrape = wait_for_sum(&metered, "large", 60_000.0);
    assert_eq!(scrape.value("rankd_board_members", &[]), 20_000.0);
}

#[test]
fn there_are_at_most_a_hundred_boards_and_no_long_names() {
    let metered = Metered::rankd(&["--appendonly", "no"]);
    let mut client = metered.client();
    let odd = "odd\"\\\n\u{e9}";
    client.call(&["ZADD", odd, "5", "a"]);
    client.call(&["ZADD", &"x".repeat(300), "5", "a"]);
    client.ask("CONFIG SET metrics-boards \"x* o*\"");
    let escaped = r#"odd\"\\\n\xc3\xa9"#;
    let scrape = wait_for_sum(&metered, escaped, 5.0);
    assert_eq!(scrape.value("rankd_boards_left_out", &[]), 1.0, "the key of 300 bytes");

    let metered = Metered::rankd(&["--appendonly", "no"]);
    let mut client = metered.client();
    for board in 0..130 {
        client.call(&["ZADD", &format!("board:{board}"), "1", "a"]);
    }
    client.ask("CONFIG SET metrics-boards board:*");
    wait_for("the boards", || {
        let scrape = metered.scrape();
        let found = scrape.all("rankd_board_members").len();
        (found == 100 && scrape.value("rankd_boards_left_out", &[]) == 30.0).then_some(())
    });
}
