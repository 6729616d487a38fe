//! A connection that is made again whenever it is lost, on virtual time (S96 to S98; no factory reconnects by itself).
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod losing;
mod preparing;
mod setting;
mod stopping;
mod waiting;
#[path = "../world/mod.rs"]
mod world;
