//! Compression (RFC 7692).

mod hostile;
mod laws;
mod memory;
mod negotiation;
mod receiving;
mod sending;
mod talking;

use flate2::{Compress, Compression, FlushCompress};
use ropewalk_protocols::{DeflateOptions, WebSocketReceiver};
use ropewalk_reactor::testing::{Events, Probe};

use crate::world::{Listens, REQUEST};

/// What a client asks that offers this, or nothing.
fn request(offer: &str) -> String {
    let end = "\r\n\r\n";
    let field = format!("\r\nSec-WebSocket-Extensions: {offer}{end}");
    if offer.is_empty() { REQUEST.to_owned() } else { REQUEST.replace(end, &field) }
}

/// What a head says about extensions.
fn extensions(head: &[u8]) -> Option<String> {
    let head = String::from_utf8(head.to_vec()).unwrap();
    head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: ")).map(str::to_owned)
}

/// A server's end that is open to a client that offers this, what it hears, and what it has answered.
fn negotiated(
    options: DeflateOptions,
    offer: &str,
    make: impl Fn(&Events) -> Listens,
) -> (Probe, Events, Option<String>) {
    let log = Events::new();
    let mut probe = Probe::new(WebSocketReceiver::server(make(&log)).deflate(options));
    probe.deliver(request(offer));
    assert_eq!(log.take(), ["asked /chat", "opened "]);
    let answer = extensions(&probe.written());
    (probe, log, answer)
}

/// The same with context takeover, and with messages of all lengths compressed.
fn server(make: fn(&Events) -> Listens) -> (Probe, Events) {
    let options = DeflateOptions::new().context_takeover(true).threshold(0);
    let (probe, log, answer) = negotiated(options, "permessage-deflate", make);
    assert_eq!(answer.as_deref(), Some("permessage-deflate"));
    (probe, log)
}

/// The same without context takeover.
fn forgetful_server(make: fn(&Events) -> Listens) -> (Probe, Events) {
    let (probe, log, _) = negotiated(DeflateOptions::new().threshold(0), "permessage-deflate", make);
    (probe, log)
}

/// The payload of a compressed message.
fn deflated(message: impl AsRef<[u8]>) -> Vec<u8> {
    let mut payload = flushed(&mut Compress::new(Compression::best(), false), message.as_ref());
    payload.truncate(payload.len() - 4);
    payload
}

/// What can be inflated of `message` without what follows.
fn flushed(stream: &mut Compress, message: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(message.len() + message.len() / 8 + 1_000);
    stream.compress_vec(message, &mut payload, FlushCompress::Sync).unwrap();
    payload
}
