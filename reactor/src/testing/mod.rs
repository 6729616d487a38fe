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
//! # Every way of cutting its input
//!
//! The network may cut what a peer sends anywhere. [`check_protocol`] holds a protocol to doing the same whatever it
//! does, pauses of reading and blocked output included, and shows the shortest input and cut that it finds if not.
//!
//! ```
//! # use ropewalk_reactor::{Protocol, Result, Transport};
//! use ropewalk_reactor::testing::{Events, check_protocol};
//!
//! /// Notes whole words, and keeps the last one until it is ended.
//! struct Words { events: Events, word: Vec<u8> }
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
//! let outcome = check_protocol(|events| Words { events, word: Vec::new() }, "to be or");
//! assert_eq!(outcome.events, ["word to", "word be"]);
//! ```
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

pub use checking::{Dice, Failure, Law, Outcome, ProtocolCheck, Script, check_protocol, fuzz_protocol};
pub use datagrams::DatagramPeer;
pub use dice::Dice;
pub use events::Events;
pub use faults::Operation;
pub use memory::Memory;
pub use peer::Peer;
pub use probe::Probe;
pub use seeds::for_each_seed;
