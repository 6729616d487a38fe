//! What sits on top of [`Protocol`](ropewalk_reactor::Protocol): receivers that cut the stream of bytes into lines.
//!
//! Use the crate `ropewalk`, which presents this one together with the reactor and the endpoints.
//!
//! # The chunking law
//!
//! A receiver gives the same frames, the same answers and the same end whichever way the network has cut the bytes
//! into reads. It works in time linear in what arrives, copies no frame that lies whole in one read, and holds no more
//! than one unfinished frame and what one read gave.
//!
//! Nothing in here knows a socket or a clock.
#![forbid(unsafe_code)]

mod errors;
mod line;
mod receiving;

// The public interface is:
pub use errors::FrameTooLong;
pub use line::delimiter::{CustomDelimiter, Delimiter, EmptyDelimiter};
pub use line::sending::SendLine;
pub use line::transport::LineTransport;
pub use line::{LineProtocol, LineReceiver};
