//! Scripts: what hostile ones meet, and what other clients see of them. What they return is in `tests/scripts/eval*.resp`.

mod atomicity;
mod flags;
mod hostile;
mod killing;
mod random;
mod turns;
