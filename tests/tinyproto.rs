//! tinyproto over real sockets: messages larger than memory should be, and conversations written in a line.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::rc::Rc;

use allocation_counter::measure;
use ropewalk::{
    Address, ClientEndpoint, ConnectOptions, Delivery, Factory, LimitConnections, ListenOptions, Policy,
    Protocol, Reactor, Result, TcpClientEndpoint, TinyConnectionLimit, TinyMessages, TinyProtocol,
    TinyReceiver, TinyTask, Transmit, TransmitError, Transport, connect_tiny, for_protocol,
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

/// Answers each question.
async fn serve(messages: TinyMessages) -> Result {
    messages.for_each(async |question| Ok(messages.send([&question[..], b"!"].concat()).await?)).await
}

#[test]
fn both_ends_may_be_written_in_a_line() {
    let mut reactor = Reactor::new().unwrap();
    let address = address(&reactor, for_protocol(|| TinyReceiver::server(TinyTask::new(serve))));
    let handle = reactor.handle();
    let ask = async move {
        let endpoint = TcpClientEndpoint::from(address);
        let server = connect_tiny(&handle, &endpoint, |receiver| receiver.max_message(9)).await.unwrap();
        let mut answers = Vec::new();
        for question in ["hello", "", "goodbye"] {
            server.send(question).await.unwrap();
            answers.push(String::from_utf8(server.receive().await.unwrap().unwrap()).unwrap());
        }
        server.send("more than nine").await.unwrap();
        (answers, server.receive().await.unwrap_err().to_string())
    };
    let (answers, end) = reactor.block_on(ask).unwrap().unwrap();
    assert_eq!(answers, ["hello!", "!", "goodbye!"]);
    assert!(end.contains("a message of 15 bytes; the limit is 9"), "{end}");
}

#[test]
fn a_client_that_lets_go_of_its_messages_closes_once_they_are_transmitted() {
    let mut reactor = Reactor::new().unwrap();
    let heard = Rc::<RefCell<Vec<String>>>::default();
    let noted = Rc::clone(&heard);
    let hear = for_protocol(move || {
        let noted = Rc::clone(&noted);
        TinyReceiver::server(TinyTask::new(async move |messages: TinyMessages| {
            let hear = async |message| {
                noted.borrow_mut().push(String::from_utf8(message)?);
                Ok(())
            };
            let end = messages.for_each(hear).await;
            noted.borrow_mut().push(format!("{end:?}"));
            end
        }))
    });
    let address = address(&reactor, hear);
    let endpoint = TcpClientEndpoint::from(address);
    connect_tiny(&reactor, &endpoint, |receiver| receiver).then(|result| {
        let messages = result.unwrap();
        messages.transport().transmit("one");
        messages.transport().transmit("two");
    });
    run_until_empty(&mut reactor);
    assert_eq!(*heard.borrow(), ["one", "two", "Ok(())"]);
}

#[test]
fn clients_hear_why_there_is_nobody_to_talk_to() {
    let mut reactor = Reactor::new().unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let failing = connect_tiny(&reactor, &TcpClientEndpoint::from(closed), |receiver| receiver);
    let error = reactor.block_on(failing.into_future()).unwrap().unwrap().unwrap_err();
    assert!(error.to_string().starts_with(&format!("connecting to {closed}: ")), "{error}");
    let address = address(&reactor, for_protocol(ropewalk::Daytime::default));
    let handle = reactor.handle();
    let asking = async move {
        let endpoint = TcpClientEndpoint::from(address);
        let messages = connect_tiny(&handle, &endpoint, |receiver| receiver).await.unwrap();
        (messages.receive().await.unwrap_err(), messages.send("hello?").await.unwrap_err())
    };
    let (lost, not_sent) = reactor.block_on(asking).unwrap().unwrap();
    assert!(lost.to_string().contains("the peer does not speak tinyproto"), "{lost}");
    assert!(matches!(not_sent, TransmitError::NotTransmitted), "{not_sent}");
}

/// Lets nobody speak tinyproto before the peer has said something.
struct Gate;

impl Policy for Gate {
    fn build_protocol(&self, peer: &Address, factory: &dyn Factory) -> Option<Box<dyn Protocol>> {
        Some(Box::new(Waits(Some(factory.build_protocol(peer)?))))
    }
}

struct Waits(Option<Box<dyn Protocol>>);

impl Protocol for Waits {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        if let Some(protocol) = self.0.take() {
            transport.switch_protocol(protocol, data);
        }
        Ok(())
    }
}

#[test]
fn who_has_no_messages_yet_is_an_error() {
    let mut reactor = Reactor::new().unwrap();
    let address = address(&reactor, for_protocol(|| TinyReceiver::server(TinyTask::new(serve))));
    let endpoint = TcpClientEndpoint::from(address).with_policy(Gate);
    let connecting = connect_tiny(&reactor, &endpoint, |receiver| receiver);
    let error = reactor.block_on(connecting.into_future()).unwrap().unwrap().unwrap_err();
    assert!(error.to_string().contains("built no protocol"), "{error}");
    run_until_empty(&mut reactor);
}
