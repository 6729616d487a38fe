//! Plugins of tinyproto.

mod tiny;

use ropewalk_protocols::{TinyPlugin, TinyProtocol, TinyReceiver, Transmit};
use ropewalk_reactor::testing::{Events, Probe};
use ropewalk_reactor::{Result, Transport};
use tiny::{Hears, transcript};

/// Puts a byte behind what is sent, and wants it there in what comes.
struct Appends(u8);

impl TinyPlugin for Appends {
    fn transmit(&mut self, mut message: Vec<u8>) -> Result<Vec<u8>> {
        message.push(self.0);
        Ok(message)
    }

    fn receive(&mut self, mut message: Vec<u8>, _: u32) -> Result<Vec<u8>> {
        if message.pop() == Some(self.0) { Ok(message) } else { Err(format!("no {}", self.0).into()) }
    }
}

fn says_back(log: &Events) -> TinyReceiver<impl TinyProtocol + use<>> {
    let say_back = |transport: &Transport, message: &[u8]| {
        transport.transmit(message);
        Ok(())
    };
    TinyReceiver::server(Hears::new(log, say_back))
}

#[test]
fn plugins_change_messages_in_order_and_back_in_reverse_order() {
    let log = Events::new();
    let mut server = Probe::new(says_back(&log).plugin(Appends(b'1')).plugin(Appends(b'2')));
    transcript(
        &mut server,
        &[
            (b"\xff", b"\xff"),
            (b"\x00\x00\x00\x04", b"\xff"),
            (b"hi12", b"\x00\x00\x00\x04"),
            (b"\xff", b"hi12"),
        ],
    );
    assert_eq!(log.take(), ["ready", "message hi"]);
}

#[test]
fn a_plugin_that_fails_ends_the_connection() {
    let log = Events::new();
    let mut server = Probe::new(says_back(&log).plugin(Appends(b'1')).plugin(Appends(b'2')));
    server.deliver(b"\xff\x00\x00\x00\x02hi");
    server.deliver_eof();
    assert_eq!(log.take(), ["ready", "lost the connection was closed because of an error: no 50"]);
}

#[cfg(feature = "zlib")]
mod zlib {
    use ropewalk_protocols::ZlibPlugin;

    use super::*;

    /// What `zlib.compress(52 * b"a")` gives in Python.
    const PACKED: &[u8] = b"\x78\x9c\x4b\x4c\x24\x1d\x00\x00\x0a\x74\x13\xb5";

    #[test]
    fn what_python_has_compressed_is_delivered() {
        let log = Events::new();
        let mut server = Probe::new(says_back(&log).plugin(ZlibPlugin));
        transcript(&mut server, &[(b"\xff\x00\x00\x00\x0c", b"\xff\xff")]);
        server.deliver(PACKED);
        assert_eq!(log.take(), ["ready".to_owned(), format!("message {}", "a".repeat(52))]);
    }

    #[test]
    fn what_is_compressed_is_shorter_and_comes_back() {
        let message = b"a".repeat(1000);
        let packed = ZlibPlugin.transmit(message.clone()).unwrap_or_default();
        assert!(packed.starts_with(b"\x78\x9c") && packed.len() < 50, "{packed:?}");
        assert_eq!(ZlibPlugin.receive(packed, 1000).unwrap_or_default(), message);
    }

    #[test]
    fn a_message_that_unpacks_to_more_than_the_limit_ends_the_connection() {
        for (length, limit) in [(1000, 1000), (1001, 1000), (10_000_000, 1000)] {
            let packed = ZlibPlugin.transmit(vec![b'a'; length]).unwrap_or_default();
            let unpacked = ZlibPlugin.receive(packed, limit);
            if length <= limit as usize {
                assert_eq!(unpacked.unwrap_or_default().len(), length);
            } else {
                let error = unpacked.map_err(|error| error.to_string());
                assert_eq!(error, Err("a compressed message is longer than 1000 bytes".into()));
            }
        }
    }

    #[test]
    fn what_is_not_compressed_or_broke_off_is_an_error() {
        for broken in [&b"hello"[..], &PACKED[..8], &PACKED[..11], b""] {
            assert!(ZlibPlugin.receive(broken.to_vec(), 1000).is_err(), "{}", broken.escape_ascii());
        }
        let mut damaged = PACKED.to_vec();
        damaged[11] ^= 1;
        assert!(ZlibPlugin.receive(damaged, 1000).is_err());
    }
}
