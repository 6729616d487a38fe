//! tinyproto over real sockets: messages larger than memory should be, and conversations written in a line.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::rc::Rc;

use allocation_counter::measure;
use ropewalk::{
    ConnectOptions, Delivery, Factory, LimitConnections, ListenOptions, Policy, Reactor, Result,
    TinyConnectionLimit, TinyMessages, TinyProtocol, TinyReceiver, TinyTask, Transmit, Transport,
    for_protocol,
};
use support::{ANY_PORT, dial, read_all, run_until, run_until_empty, with_peer};

/// A message of a quarter of a gibibyte.
const SIZE: u32 = 256 * 1024 * 1024;
/// More than both ends need for it together, in bytes.
const MEMORY_MAX: u64 = 1024 * 1024;

fn address(reactor: &Reactor, factory: impl Factory + 'static) -> SocketAddr {
    let port = reactor.listen(ANY_PORT, ListenOptions::default(), factory).unwrap();
    port.address().to_string().parse().unwrap()
}

/// Hears a message in pieces, and sends as much back.
struct SendsBack {
    heard: u32,
}

impl TinyProtocol for SendsBack {
    fn message_begun(&mut self, _: &Transport, _: u32) -> Delivery {
        Delivery::Pieces
    }

    fn piece_received(&mut self, _: &Transport, piece: &[u8]) -> Result {
        self.heard += piece.len() as u32;
        Ok(())
    }

    fn message_ended(&mut self, transport: &Transport) -> Result {
        transport.transmit_from(std::io::repeat(b'y'), self.heard).then(|result| result.unwrap());
        Ok(())
    }

    fn message_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        unreachable!("all messages come in pieces")
    }
}

/// Sends a message and hears one, both of any size.
struct Client {
    heard: Rc<Cell<u32>>,
    over: Rc<Cell<bool>>,
}

impl TinyProtocol for Client {
    fn connection_made(&mut self, transport: &Transport) {
        transport.transmit_from(std::io::repeat(b'x').take(SIZE.into()), SIZE).then(|result| result.unwrap());
    }

    fn message_begun(&mut self, _: &Transport, _: u32) -> Delivery {
        Delivery::Pieces
    }

    fn piece_received(&mut self, _: &Transport, piece: &[u8]) -> Result {
        assert!(piece.iter().all(|byte| *byte == b'y'));
        self.heard.set(self.heard.get() + piece.len() as u32);
        Ok(())
    }

    fn message_ended(&mut self, transport: &Transport) -> Result {
        self.over.set(true);
        transport.lose_connection();
        Ok(())
    }

    fn message_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        unreachable!("all messages come in pieces")
    }
}

#[test]
fn a_message_of_any_size_takes_no_memory_at_either_end() {
    let mut reactor = Reactor::new().unwrap();
    let address = address(&reactor, for_protocol(|| TinyReceiver::server(SendsBack { heard: 0 })));
    let (heard, over) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
    let (of_client, ended) = (Rc::clone(&heard), Rc::clone(&over));
    let client = for_protocol(move || {
        TinyReceiver::client(Client { heard: Rc::clone(&of_client), over: Rc::clone(&ended) })
    });
    drop(reactor.connect(address, &ConnectOptions::default(), client));
    let memory = measure(|| run_until(&mut reactor, "the answer has come", || over.get())).bytes_max;
    assert_eq!(heard.get(), SIZE);
    assert!(memory < MEMORY_MAX, "{memory} bytes were needed");
}

/// At the limit, the original 3.0 ends altogether, and 2.0.1 answers with 254 zeros.
#[test]
fn one_too_many_hears_fe_and_a_place_that_comes_free_is_given_away() {
    let mut reactor = Reactor::new().unwrap();
    let limit = LimitConnections::new(2).with_overflow(for_protocol(|| TinyConnectionLimit));
    let factory = for_protocol(|| TinyReceiver::server(SendsBack { heard: 0 }));
    let address = address(&reactor, limit.around(factory));
    let enter = move || {
        let mut stream = dial(address);
        stream.write_all(b"\xff").unwrap();
        let mut answer = [0];
        stream.read_exact(&mut answer).unwrap();
        (answer, stream)
    };
    let [(first, leaving), (second, mut staying)] = [(); 2].map(|()| with_peer(&mut reactor, enter));
    assert_eq!([first, second], [[0xff]; 2]);
    for _ in 0..3 {
        assert_eq!(with_peer(&mut reactor, move || read_all(&dial(address))), b"\xfe");
    }
    let answer = with_peer(&mut reactor, move || {
        staying.write_all(b"\x00\x00\x00\x01x").unwrap();
        let mut answer = [0; 5];
        staying.read_exact(&mut answer).unwrap();
        answer
    });
    assert_eq!(&answer, b"\xff\x00\x00\x00\x01", "who is there is served on");
    drop(leaving);
    run_until_empty(&mut reactor);
    assert_eq!(with_peer(&mut reactor, enter).0, [0xff]);
}

#[test]
fn both_ends_may_be_written_in_a_line() {
    async fn serve(mut messages: TinyMessages) -> Result {
        while let Some(question) = messages.receive().await? {
            messages.send([&question[..], b"!"].concat()).await?;
        }
        Ok(())
    }
    let mut reactor = Reactor::new().unwrap();
    let address = address(&reactor, for_protocol(|| TinyReceiver::server(TinyTask::new(serve))));
    let answers = Rc::<RefCell<Vec<String>>>::default();
    let heard = Rc::clone(&answers);
    let ask = move |mut messages: TinyMessages| {
        let heard = Rc::clone(&heard);
        async move {
            for question in ["hello", "", "goodbye"] {
                messages.send(question).await?;
                let answer = messages.receive().await?.unwrap();
                heard.borrow_mut().push(String::from_utf8(answer)?);
            }
            Ok(())
        }
    };
    let client = for_protocol(move || TinyReceiver::client(TinyTask::new(ask.clone())));
    drop(reactor.connect(address, &ConnectOptions::default(), client));
    run_until_empty(&mut reactor);
    assert_eq!(*answers.borrow(), ["hello!", "!", "goodbye!"]);
}
