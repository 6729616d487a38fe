//! The protocols of the examples keep every law: whatever happens to them, and however what they hear is cut.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]
#![allow(clippy::duplicate_mod, reason = "each example has its own copy of what they share")]

mod chats;
mod clients;
mod servers;
#[cfg(all(feature = "tls", any(feature = "ring", feature = "aws-lc-rs")))]
mod starting_tls;
mod tiny;
mod websockets;

use std::net::SocketAddr;
use std::time::Duration;

use ropewalk::testing::ProtocolCheck;
use ropewalk::{Address, Factory, Layer, Protocol};

/// Shorter than any time that the examples wait for something.
const PAUSE: Duration = Duration::from_millis(50);

/// A check of what a factory makes, with the layers that it puts below. Each run has a factory of its own, so who enters a room is
/// alone there.
fn check<F: Factory>(make: impl Fn() -> F + Copy + 'static) -> ProtocolCheck<'static, Box<dyn Protocol>> {
    let check = ProtocolCheck::new(move |_| {
        let factory = make();
        factory.start_factory();
        factory.build_protocol(&peer()).expect("there is room for one")
    });
    let check = check.time_between_reads(PAUSE);
    if layers(&make()).is_empty() { check } else { check.through(move || layers(&make())) }
}

fn layers(factory: &impl Factory) -> Vec<Box<dyn Layer>> {
    let mut layers = Vec::new();
    assert!(factory.admit(&peer(), &mut layers));
    layers
}

fn peer() -> Address {
    Address::Tcp(SocketAddr::from(([192, 0, 2, 1], 1)))
}

/// What is written when the peer says this, as text.
fn said<F: Factory>(make: impl Fn() -> F + Copy + 'static, input: impl AsRef<[u8]>) -> String {
    String::from_utf8_lossy(&check(make).run(input.as_ref()).written).into_owned()
}
