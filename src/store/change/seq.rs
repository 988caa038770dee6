//! The numbers of records.

/// The number of a record in the journal: 1 for the first record, then counting up without gaps. 0 is before the first
/// record; a reply that rests on no record has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);
