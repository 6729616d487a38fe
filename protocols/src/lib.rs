//! What sits on top of [`Protocol`](ropewalk_reactor::Protocol): receivers that cut the stream of bytes into lines,
//! strings or the messages of a WebSocket, what sends them, a sender of files, and the small services of the early Internet.
//!
//! Use the crate `ropewalk`, which presents this one together with the reactor and the endpoints.
//!
//! # The chunking law
//!
//! A receiver gives the same frames, the same answers and the same end whichever way the network has cut the bytes
//! into reads; [`check_protocol`](ropewalk_reactor::testing::check_protocol) tests that, and will test yours. It works
//! in time linear in what arrives, copies no frame that lies whole in one read, and holds no more than one unfinished
//! frame and what one read gave.
//!
//! Nothing in here knows a socket or a clock.
#![forbid(unsafe_code)]

mod errors;
mod file_sender;
mod line;
mod receiving;
mod services;
mod string;
mod websocket;

// The public interface is:
pub use errors::{BadNetstring, FrameTooLong, StringTooLong};
pub use file_sender::{FileSendError, FileSender};
pub use line::delimiter::{CustomDelimiter, Delimiter, EmptyDelimiter};
pub use line::sending::SendLine;
pub use line::transport::LineTransport;
pub use line::{LineProtocol, LineReceiver};
pub use services::chargen::Chargen;
pub use services::daytime::Daytime;
pub use services::discard::Discard;
pub use services::echo::Echo;
pub use services::qotd::Qotd;
pub use services::time::Time;
pub use string::format::StringFormat;
pub use string::int_prefix::IntPrefix;
pub use string::netstring::Netstring;
pub use string::sending::SendString;
pub use string::stateful::{Stateful, StatefulStringProtocol};
pub use string::transport::StringTransport;
pub use string::{
    Int8StringReceiver, Int16StringReceiver, Int32StringReceiver, NetstringReceiver, StringProtocol,
    StringReceiver,
};
pub use websocket::close_code::CloseCode;
pub use websocket::error::{FrameProblem, WebSocketError};
pub use websocket::fragments::{FragmentedMessage, MessageInProgress};
pub use websocket::handshake::error::HandshakeError;
pub use websocket::handshake::request::HttpRequest;
pub use websocket::handshake::response::HttpResponse;
pub use websocket::handshake::url::{WebSocketUrl, WebSocketUrlError};
pub use websocket::message::{EncodedMessage, Message, MessageKind};
pub use websocket::receiver::WebSocketReceiver;
pub use websocket::socket::WebSocket;
pub use websocket::{ControlTooLong, Delivery, WebSocketProtocol};
