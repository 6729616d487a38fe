//! A world in memory for tests: a reactor and its protocols run without sockets, exactly and fast.
//!
//! # One protocol
//!
//! [`Probe`] gives one protocol a connection; start here. What the protocol hears it may record in [`Events`].
//!
//! ```
//! # use ropewalk_reactor::{Protocol, Result, Transport};
//! # struct Echo;
//! # impl Protocol for Echo {
//! #     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result { Ok(transport.write(data)) }
//! # }
//! use ropewalk_reactor::testing::Probe;
//!
//! let mut probe = Probe::new(Echo);
//! probe.deliver("hello");
//! assert_eq!(probe.written(), b"hello");
//! ```
//!
//! # All that may happen to it
//!
//! The network may cut what a peer sends anywhere, the peer may stop reading, vanish or break the connection at any moment, and
//! timers may expire between any two events. [`check_protocol`] does all that to a protocol, and holds it to the [`Law`]s: it does
//! the same however its input is cut, holds what it states, closes, leaves nothing behind, never panics. If it does not, the
//! panic's message has a test to be pasted, with the shortest [`Script`] that was found.
//!
//! ```
//! # use ropewalk_reactor::{Protocol, Result, Transport};
//! use ropewalk_reactor::testing::{Events, check_protocol};
//!
//! /// Notes whole words, and keeps the last one until it is ended.
//! struct Words { events: Events, word: Vec<u8> }
//!
//! impl Words {
//!     fn new(events: Events) -> Self {
//!         Self { events, word: Vec::new() }
//!     }
//! }
//!
//! impl Protocol for Words {
//!     fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
//!         for byte in data {
//!             match byte {
//!                 b' ' => self.events.record_bytes("word", &std::mem::take(&mut self.word)),
//!                 byte => self.word.push(*byte),
//!             }
//!         }
//!         Ok(())
//!     }
//! }
//!
//! let outcome = check_protocol(Words::new, "to be or");
//! assert_eq!(outcome.events, ["word to", "word be"]);
//!
//! // A fuzz target in one line: what cargo-fuzz, or whoever invents bytes, calls.
//! fn fuzz(data: &[u8]) {
//!     ropewalk_reactor::testing::fuzz_protocol(Words::new, data);
//! }
//! # fuzz(b"\x07\x14words\x00\x04 \x12\x03");
//! ```
//!
//! [`ProtocolCheck`] is the long form. It takes what is stated of the protocol, such as how many bytes it holds at most, and
//! scripts in which more happens than that bytes arrive, or scripts from seeds. Here a word is stated to have a bound, which it
//! does not have:
//!
//! ```
//! # use ropewalk_reactor::{Protocol, Result, Transport};
//! # struct Words { word: Vec<u8> }
//! # impl Protocol for Words {
//! #     fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
//! #         for byte in data {
//! #             match byte { b' ' => self.word.clear(), byte => self.word.push(*byte) }
//! #         }
//! #         Ok(())
//! #     }
//! # }
//! use ropewalk_reactor::testing::{Law, ProtocolCheck};
//!
//! let check = ProtocolCheck::new(|_| Words { word: Vec::new() }).holds_at_most(100, |words| words.word.len());
//! check.run("to be or not to be ");
//! let failure = check.try_run("antidisestablishmentarianism").unwrap_err();
//! assert_eq!(failure.law, Law::Memory);
//! ```
//!
//! ## What it catches
//!
//! The check is held to a catalogue of broken protocols, `tests/broken_protocols/` in the repository. Each has a bug that
//! implementations of real protocols have had and is caught by the law named here, with a script of a few bytes. Beside each stands
//! a twin without the bug, which breaks no law. For [`Law::Memory`] a bound was stated, and for the two bugs that depend on silence
//! that time may pass between two reads ([`ProtocolCheck::time_between_reads`]).
//!
#![doc = include_str!("broken_protocols.md")]
//!
//! What the check cannot know is what a protocol is *meant* to do: one that does something wrong, but always the same, passes. The
//! [`Outcome`] that it returns is there to be compared with what is expected.
//!
//! # Many connections, time, and failures
//!
//! [`Memory`] is the world itself: a [`Driver`](crate::driver::Driver) with a virtual clock, whose far ends are [`Peer`]s
//! that the test scripts byte by byte, and in which any system call can be made to fail. The reactor on it is the one of
//! production.
//!
//! ```
//! use std::time::Duration;
//! use ropewalk_reactor::testing::Memory;
//!
//! let memory = Memory::new();
//! let mut reactor = memory.reactor();
//! reactor.call_later(Duration::from_secs(3600), |reactor| reactor.stop());
//! reactor.run()?; // an hour passes at once
//! assert_eq!(memory.now() - ropewalk_reactor::Instant::ZERO, Duration::from_secs(3600));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Nothing here waits: a clock that nobody advances stands still, and a loop with nothing left to wait for gets an
//! error instead of hanging.

mod checking;
mod datagrams;
mod dice;
mod driver;
mod events;
mod faults;
mod listener;
mod memory;
mod names;
mod peer;
mod probe;
mod seeds;
mod socket;
mod stream;

pub use checking::{Failure, Law, Outcome, ProtocolCheck, Script, check_protocol, fuzz_protocol};
pub use datagrams::DatagramPeer;
pub use dice::Dice;
pub use events::Events;
pub use faults::Operation;
pub use memory::Memory;
pub use peer::Peer;
pub use probe::Probe;
pub use seeds::for_each_seed;
