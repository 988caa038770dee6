//! How records are numbered.

/// A record's place in the journal and in time: 1 for the first record ever, then counting up without gaps. 0 is before
/// the first, for what rests on no record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);
