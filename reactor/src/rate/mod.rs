//! How fast connections may move bytes.

mod bucket;
mod share;

pub use bucket::TokenBucket;
pub(crate) use share::{Direction, Rates, Share};
