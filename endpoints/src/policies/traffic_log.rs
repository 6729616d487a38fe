//! Logging what goes over connections.

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use log::Level;
use ropewalk_reactor::{Address, ConnectionId, Factory, Layer, LayerEnd, LayerState, Protocol, Result};

use super::{Policy, prepared};

/// Logs what goes over each connection, both ways:
///
/// ```text
/// connection #7 with 127.0.0.1:50614: received 16 bytes: "GET / HTTP/1.0\r\n"
/// connection #7 with 127.0.0.1:50614: sending 40960 bytes: "HTTP/1.0 200 OK\r\n" and 40943 more
/// connection #7 with 127.0.0.1:50614: sending no more
/// ```
///
/// Each line is one piece as it passes, escaped as Rust escapes a byte string and cut off after
/// [some bytes](Self::with_length). Before the protocol has the connection, its number is not known and left out.
///
/// What it sees depends on its place: around a factory that puts TLS under its connections, what is on the wire; within,
/// what the protocols hear and say. Whether the level is enabled is asked when a connection begins; if it is not, that
/// connection pays nothing. Otherwise each byte is copied.
///
/// **What is logged may be secret.** Passwords and private data end up where logs do.
///
/// ```
/// use ropewalk_endpoints::{Policy, TrafficLog};
/// # use ropewalk_reactor::{Factory, Protocol, Result, Transport, for_protocol};
/// # struct Echo;
/// # impl Protocol for Echo {
/// #     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result { Ok(transport.write(data)) }
/// # }
///
/// fn watched_echo() -> impl Factory {
///     TrafficLog::new(log::Level::Debug).around(for_protocol(|| Echo))
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TrafficLog {
    level: Level,
    length: usize,
    target: &'static str,
}

impl TrafficLog {
    /// Logs at this level, with the target `ropewalk::traffic`, up to 256 bytes of each piece.
    pub const fn new(level: Level) -> Self {
        Self { level, length: 256, target: "ropewalk::traffic" }
    }

    /// The same, with up to so many bytes of each piece.
    #[must_use]
    pub const fn with_length(self, bytes: usize) -> Self {
        Self { length: bytes, ..self }
    }

    /// The same with another target, by which to tell several such logs apart.
    #[must_use]
    pub const fn with_target(self, target: &'static str) -> Self {
        Self { target, ..self }
    }
}

impl Policy for TrafficLog {
    fn admit(&self, peer: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        if log::log_enabled!(target: self.target, self.level) {
            let id = known_id(layers).unwrap_or_default();
            layers.push(Box::new(Logging { log: *self, peer: peer.clone(), id }));
        }
        true
    }

    fn build_protocol(&self, peer: &Address, factory: &dyn Factory) -> Option<Box<dyn Protocol>> {
        Some(prepared(factory.build_protocol(peer)?, |transport| {
            if let Some(id) = transport.keepsake::<Id>() {
                id.0.set(Some(transport.id()));
            }
        }))
    }
}

/// The name of a connection, once it is known.
#[derive(Default)]
struct Id(Cell<Option<ConnectionId>>);

/// All logs of one connection share its name.
fn known_id(layers: &[Box<dyn Layer>]) -> Option<Rc<Id>> {
    layers.iter().find_map(|layer| {
        let layer: &dyn Any = &**layer;
        layer.downcast_ref::<Logging>().map(|logging| Rc::clone(&logging.id))
    })
}

/// The layer that sees the bytes.
struct Logging {
    log: TrafficLog,
    peer: Address,
    id: Rc<Id>,
}

impl Logging {
    fn write(&self, what: impl fmt::Display) {
        let TrafficLog { level, target, .. } = self.log;
        match self.id.0.get() {
            Some(id) => log::log!(target: target, level, "connection {id} with {}: {what}", self.peer),
            None => log::log!(target: target, level, "connection with {}: {what}", self.peer),
        }
    }

    fn write_bytes(&self, verb: &str, data: &[u8]) {
        let (shown, rest) = data.split_at(data.len().min(self.log.length));
        let unit = if data.len() == 1 { "byte" } else { "bytes" };
        let (length, shown) = (data.len(), shown.escape_ascii());
        match rest.len() {
            0 => self.write(format_args!("{verb} {length} {unit}: \"{shown}\"")),
            more => self.write(format_args!("{verb} {length} {unit}: \"{shown}\" and {more} more")),
        }
    }
}

impl Layer for Logging {
    fn name(&self) -> &'static str {
        "traffic log"
    }

    fn received(&mut self, input: &mut [u8], up: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<usize> {
        self.write_bytes("received", input);
        up.extend_from_slice(input);
        Ok(input.len())
    }

    fn send(&mut self, data: &[u8], down: &mut Vec<u8>) -> Result {
        self.write_bytes("sending", data);
        down.extend_from_slice(data);
        Ok(())
    }

    fn close(&mut self, _: LayerEnd, _: &mut Vec<u8>) {
        self.write("sending no more");
    }

    fn state(&self) -> LayerState {
        LayerState::Open
    }

    fn keepsake(&self) -> Option<Rc<dyn Any>> {
        let id: Rc<dyn Any> = Rc::<Id>::clone(&self.id);
        Some(id)
    }
}
