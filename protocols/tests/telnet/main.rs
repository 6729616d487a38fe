//! Telnet between the wire and lines, in every division of the input.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

mod commands;
mod data;
mod editing;
mod following;
mod hostile;
mod negotiation;
mod serving;
mod stage;
