//! The counts in a file are checked: keys of a database, members of a value, keys and members that occur twice.

use super::{edit, file, load, shown, store};
use crate::rdb::{Miscount, write};
use std::io::Cursor;

const TWICE: &str = "a set, sorted set or hash in which a member or field occurs twice";

/// A file that a bad disk or tool has shortened between two keys can look whole (version 4 has no checksum, and
/// checksums can be off). It was imported as it was, with exit code 0.
#[test]
fn a_databases_number_of_keys_is_counted() {
    let miscount = |body: &[u8]| load(&file("0009", body)).unwrap().1.miscount;
    let of = |database, announced, found| Some(Miscount { database, announced, found });
    assert_eq!(miscount(b"\xfe\0\xfb\x01\0\0\x01k\x01v"), None);
    assert_eq!(miscount(b"\xfe\0\xfb\x02\0\0\x01k\x01v"), of(0, 2, 1));
    assert_eq!(miscount(b"\xfe\x03\xfb\0\0\0\x01k\x01v\xfe\x04\xfb\x01\0\0\x01k\x01v"), of(3, 0, 1));
    assert_eq!(miscount(b"\xfe\x03\0\x01k\x01v\xfe\x04\xfb\x02\0\0\x01k\x01v"), of(4, 2, 1));
    // Keys of other types, expired keys and empty ones count as well.
    let body =
        b"\xfe\0\xfb\x04\x01\0\x01k\x01v\x01\x01l\x01\x01e\xfc\x01\0\0\0\0\0\0\0\0\x01x\x01v\x02\x01s\0";
    assert_eq!(miscount(body), None);
    // A count that did not fit into 32 bits.
    assert_eq!(miscount(b"\xfe\0\xfb\x80\xff\xff\xff\xff\0\0\x01k\x01v"), of(0, u64::from(u32::MAX), 1));
}

/// Redis ends at a key or a member that occurs twice. Here the last one won, and the store held fewer than were
/// counted.
#[test]
fn keys_and_members_that_occur_twice_are_refused() {
    let refusal = |body: &[u8]| load(&file("0012", body)).map(drop).unwrap_err().to_string();
    assert!(
        refusal(b"\0\x01k\x01v\0\x01k\x01w")
            .contains("a key occurs in it twice: 2 were read, and there are 1")
    );
    assert!(refusal(b"\x02\x01k\x02\x01a\x01a").contains(TWICE));
    assert!(refusal(b"\x05\x01k\x02\x01a\0\0\0\0\0\0\0\0\x01a\0\0\0\0\0\0\0\0").contains(TWICE));
    assert!(refusal(b"\x0b\x01k\x0c\x02\0\0\0\x02\0\0\0\x01\0\x01\0").contains(TWICE));
    assert!(refusal(b"\x14\x01k\x0b\x0b\0\0\0\x02\0\x01\x01\x01\x01\xff").contains(TWICE));
    assert!(refusal(b"\x11\x01k\x0f\x0f\0\0\0\x04\0\x01\x01\x02\x01\x01\x01\x03\x01\xff").contains(TWICE));
    assert!(refusal(b"\x04\x01k\x02\x01a\x01v\x01a\x01w").contains(TWICE));
    assert!(refusal(b"\x10\x01k\x0f\x0f\0\0\0\x04\0\x01\x01\x02\x01\x01\x01\x03\x01\xff").contains(TWICE));
    // The same name in two databases is two keys.
    assert_eq!(load(&file("0012", b"\0\x01k\x01v\xfe\x01\0\x01k\x01w")).unwrap().1.keys, 2);
}

/// Redis up to 6.2 could write sets without members (redis#8453), and leaves them out when it reads them.
#[test]
fn empty_values_are_left_out_and_counted() {
    let (store, tally) =
        load(&file("0009", b"\x02\x01s\0\x05\x01z\0\x0b\x01i\x08\x02\0\0\0\0\0\0\0")).unwrap();
    assert_eq!((tally.keys, tally.empty_keys), (0, 3));
    assert_eq!(shown(&store, 0, "s"), "none");
}

/// BGSAVE walks beside writers. The number of keys that it wrote was that of its beginning.
#[test]
fn a_file_written_beside_writers_counts_right() {
    let store = store();
    for key in 0..400 {
        edit(&store, &format!("k{key}"), &mut (0..3).map(|i| (format!("m{i}"), 1.0)));
    }
    let mut out = Cursor::new(Vec::new());
    let mut steps = 0;
    write(&mut out, store.export(), 1, || {
        steps += 1;
        edit(&store, &format!("later{steps}"), &mut std::iter::once(("m".to_owned(), 1.0)));
        Ok(())
    })
    .unwrap();
    let (_, tally) = load(out.get_ref()).unwrap();
    assert!(tally.keys > 400 && steps > 10, "{} keys, {steps} steps", tally.keys);
    assert_eq!(tally.miscount, None);
}
