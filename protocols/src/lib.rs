//! What sits on top of [`Protocol`](ropewalk_reactor::Protocol): receivers that cut the stream of bytes into lines,
//! strings or the messages of a WebSocket, what sends them, telnet, a sender of files, routers that choose a handler for what
//! comes, groups of connections that are told things together, and the small services of the early Internet.
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

mod answers;
mod delivery;
mod errors;
mod file_sender;
mod group;
mod line;
mod receiving;
mod router;
mod services;
mod spare;
mod string;
mod telnet;
mod tinyproto;
mod websocket;

// The public interface is:
pub use delivery::Delivery;
pub use errors::{BadNetstring, FrameTooLong, StringTooLong};
pub use file_sender::{FileSendError, FileSender};
pub use group::Group;
pub use group::membership::{KeyTaken, Membership};
pub use group::policy::{Lag, LagPolicy, MemberTooSlow, Overflow};
pub use group::recipient::Recipient;
pub use line::delimiter::{CustomDelimiter, Delimiter, EmptyDelimiter};
pub use line::sending::SendLine;
pub use line::transport::LineTransport;
pub use line::{LineProtocol, LineReceiver};
#[cfg(feature = "regex")]
pub use regex;
pub use router::Router;
pub use router::context::RouterContext;
pub use router::jobs::JobError;
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
pub use telnet::codes::TelnetOption;
pub use telnet::event::TelnetEvent;
pub use telnet::factory::TelnetServer;
pub use telnet::layer::TelnetLayer;
pub use telnet::transport::{TelnetInfo, TelnetTransport};
pub use tinyproto::TinyReceiver;
pub use tinyproto::error::{TinyProtoError, TransmitError};
pub use tinyproto::plugin::TinyPlugin;
pub use tinyproto::protocol::TinyProtocol;
pub use tinyproto::refusing::TinyConnectionLimit;
pub use tinyproto::task::{TinyLost, TinyMessages, TinyTask};
pub use tinyproto::transmit::Transmit;
#[cfg(feature = "zlib")]
pub use tinyproto::zlib::ZlibPlugin;
pub use websocket::close_code::CloseCode;
#[cfg(feature = "deflate")]
pub use websocket::deflate::options::DeflateOptions;
pub use websocket::error::{FrameProblem, WebSocketError};
pub use websocket::fragments::{FragmentedMessage, MessageInProgress};
pub use websocket::handshake::error::HandshakeError;
pub use websocket::handshake::request::HttpRequest;
pub use websocket::handshake::response::HttpResponse;
pub use websocket::handshake::url::{WebSocketUrl, WebSocketUrlError};
pub use websocket::message::{EncodedMessage, Message, MessageKind};
pub use websocket::receiver::WebSocketReceiver;
pub use websocket::socket::WebSocket;
pub use websocket::stream::client::WebSocketClientConfig;
pub use websocket::stream::layer::WebSocketLayer;
pub use websocket::stream::server::WebSocketServerConfig;
pub use websocket::{ControlTooLong, WebSocketProtocol};
