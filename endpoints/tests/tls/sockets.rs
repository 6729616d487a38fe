//! Both sides over sockets.

use std::rc::Rc;
use std::time::{Duration, Instant};

use ropewalk_endpoints::{
    ClientEndpoint, ServerEndpoint, TcpClientEndpoint, TcpServerEndpoint, TlsClientConfig, TlsClientEndpoint,
    TlsServerConfig, TlsServerEndpoint, TlsTransport, WebSocketServerEndpoint,
};
use ropewalk_protocols::WebSocketServerConfig;
use ropewalk_reactor::{Address, ConnectError, Factory, Protocol, Reactor, Result, Transport, for_protocol};
use std::cell::RefCell;
use std::net::SocketAddr;

use crate::authority::{Authority, NAME, client, friends};
use crate::notes::Notes;

/// Longer than anything here takes; a test that waits as long has failed.
const PATIENCE: Duration = Duration::from_secs(10);

#[track_caller]
fn run_until(reactor: &mut Reactor, done: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "it did not happen within {PATIENCE:?}");
        let _ = reactor.run_once(Some(Duration::from_millis(20))).unwrap();
    }
}

fn address(address: &Address) -> SocketAddr {
    SocketAddr::new(address.ip().unwrap(), address.port().unwrap())
}

fn any_port() -> TcpServerEndpoint {
    "127.0.0.1:0".parse().unwrap()
}

/// Listens for `server` and connects `client` to it.
fn join(
    reactor: &Reactor,
    (client_config, server_config): (TlsClientConfig, TlsServerConfig),
    (client, server): (&Notes, &Notes),
) -> Rc<RefCell<Option<String>>> {
    let port = TlsServerEndpoint::new(any_port(), server_config).listen(reactor, server.clone()).unwrap();
    let tcp = TcpClientEndpoint::from(address(port.address()));
    let endpoint = TlsClientEndpoint::new(tcp, NAME, client_config).unwrap();
    let result = Rc::new(RefCell::new(None));
    let shared = Rc::clone(&result);
    endpoint.connect(reactor, client.clone()).then(move |connected| {
        let text = connected.map_or_else(|error: ConnectError| error.to_string(), |_| "connected".to_owned());
        *shared.borrow_mut() = Some(text);
    });
    result
}

#[test]
fn a_connection_is_made_when_the_handshake_is_over() {
    let mut reactor = Reactor::new().unwrap();
    let (client, server) = (Notes::new(), Notes::new());
    let result = join(&reactor, friends(), (&client, &server));
    run_until(&mut reactor, || client.has("made") && server.has("made"));
    assert_eq!(result.borrow().as_deref(), Some("connected"));
    assert_eq!(server.transport().tls().unwrap().server_name.as_deref(), Some(NAME));
    client.transport().write("a question");
    run_until(&mut reactor, || server.has("data"));
    server.transport().write("an answer");
    server.transport().lose_connection();
    run_until(&mut reactor, || client.has("lost") && server.has("lost"));
    let lost = "lost: the connection was closed cleanly";
    assert_eq!(server.all(), ["made: TLS 1.3", "data: a question", lost]);
    assert_eq!(client.all(), ["made: TLS 1.3", "data: an answer", "end", lost]);
}

#[test]
fn much_data_passes_both_ways() {
    let mut reactor = Reactor::new().unwrap();
    let (client, server) = (Notes::new(), Notes::new());
    join(&reactor, friends(), (&client, &server));
    run_until(&mut reactor, || client.has("made") && server.has("made"));
    let data = "0123456789abcdef".repeat(60_000);
    client.transport().write(&data);
    server.transport().write(&data);
    run_until(&mut reactor, || client.received() == data.len() && server.received() == data.len());
    assert!(client.all()[1] == format!("data: {data}") && server.all()[1] == client.all()[1]);
}

#[test]
fn both_sides_hear_why_a_handshake_failed() {
    let mut reactor = Reactor::new().unwrap();
    let (client_notes, server_notes) = (Notes::new(), Notes::new());
    let stranger = Authority::new().server(&[NAME]).server_config();
    let configs = (client(&Authority::new()).build().unwrap(), stranger);
    let result = join(&reactor, configs, (&client_notes, &server_notes));
    run_until(&mut reactor, || result.borrow().is_some() && server_notes.has("failed"));
    let why = "the peer's certificate is not signed by an authority that this side trusts: \
               unknown issuer, or it is self-signed";
    assert!(result.borrow().as_ref().unwrap().ends_with(why), "{result:?}");
    assert_eq!(client_notes.all(), [format!("failed: {why}")]);
    assert_eq!(server_notes.all(), ["failed: the peer rejected our certificate: unknown CA"]);
}

/// Stops a server with a connection of TLS that has said `words`, and returns what the client has heard then.
fn stop<E: ServerEndpoint>(
    over: impl FnOnce(TlsServerEndpoint<TcpServerEndpoint>) -> E,
    server: impl Factory + 'static,
    words: &str,
) -> Vec<String> {
    let (mut reactor, mut far) = (Reactor::new().unwrap(), Reactor::new().unwrap());
    let (client_config, server_config) = friends();
    let port = over(TlsServerEndpoint::new(any_port(), server_config)).listen(&reactor, server).unwrap();
    let client = Notes::new();
    let tcp = TcpClientEndpoint::from(address(port.address()));
    let endpoint = TlsClientEndpoint::new(tcp, NAME, client_config).unwrap();
    endpoint.connect(&far, client.clone()).then(drop);
    let turn = |reactor: &mut Reactor| {
        let _ = reactor.run_once(Some(Duration::from_millis(5))).unwrap();
    };
    let deadline = Instant::now() + PATIENCE;
    let mut has_asked = false;
    while !client.has("data") {
        assert!(Instant::now() < deadline, "the server says nothing");
        turn(&mut reactor);
        turn(&mut far);
        if client.has("made") && !std::mem::replace(&mut has_asked, true) {
            client.transport().write(words);
        }
    }
    reactor.stop();
    reactor.run().unwrap();
    run_until(&mut far, || client.has("lost"));
    client.all()
}

#[test]
fn a_stop_says_that_this_is_the_end() {
    /// Has a farewell of its own.
    struct Polite;
    impl Protocol for Polite {
        fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result {
            transport.set_farewell(", goodbye");
            transport.write("hello");
            Ok(())
        }
    }
    let heard = stop(|tls| tls, for_protocol(|| Polite), "a word");
    // Without a close_notify it would have been cut off.
    let lost = "lost: the connection was closed cleanly";
    assert_eq!(heard, ["made: TLS 1.3", "data: hello, goodbye", "end", lost]);
}

#[test]
fn a_stop_is_told_through_every_layer() {
    const REQUEST: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    let server = Notes::new();
    let over = |tls| WebSocketServerEndpoint::new(tls, WebSocketServerConfig::new());
    let heard = stop(over, server.clone(), REQUEST);
    let [_, data, end, lost] = &heard[..] else { panic!("{heard:?}") };
    // A close frame with the code 1001; 0xe9 is no UTF-8.
    assert!(data.ends_with("\r\n\r\n\u{fffd}\u{2}\u{3}\u{fffd}"), "{data:?}");
    assert_eq!((end.as_str(), lost.as_str()), ("end", "lost: the connection was closed cleanly"));
    assert_eq!(server.all(), ["made: TLS 1.3", "lost: the reactor stopped"]);
}

/// A server or client that changes to TLS when it is told to.
struct Upgrading {
    notes: Notes,
    tls: Rc<dyn Fn(&Transport)>,
}

impl Protocol for Upgrading {
    fn connection_made(&mut self, transport: &Transport) {
        self.notes.connection_made(transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.notes.data_received(transport, data)?;
        match data {
            b"STARTTLS" => {
                transport.write("GO AHEAD");
                (self.tls)(transport);
                transport.write("protected words of the server");
            }
            b"GO AHEAD" => {
                (self.tls)(transport);
                transport.write("protected words of the client");
            }
            _ => {}
        }
        Ok(())
    }

    fn layer_opened(&mut self, transport: &Transport) {
        self.notes.layer_opened(transport);
    }
}

#[test]
fn tls_can_begin_in_mid_stream_on_both_sides() {
    let mut reactor = Reactor::new().unwrap();
    let (client_config, server_config) = friends();
    let (client, server) = (Notes::new(), Notes::new());
    let upgrading = |notes: &Notes, tls: Rc<dyn Fn(&Transport)>| {
        let notes = notes.clone();
        for_protocol(move || Upgrading { notes: notes.clone(), tls: Rc::clone(&tls) })
    };
    let start = Rc::new(move |transport: &Transport| transport.start_tls_server(&server_config).unwrap());
    let port = any_port().listen(&reactor, upgrading(&server, start)).unwrap();
    let start =
        Rc::new(move |transport: &Transport| transport.start_tls_client(&client_config, NAME).unwrap());
    let endpoint = TcpClientEndpoint::from(address(port.address()));
    drop(endpoint.connect(&reactor, upgrading(&client, start)));
    run_until(&mut reactor, || client.has("made"));
    client.transport().write("STARTTLS");
    run_until(&mut reactor, || client.all().len() == 4 && server.all().len() == 4);
    let opened = "opened: TLS 1.3";
    let words = "data: protected words of the";
    assert_eq!(server.all(), ["made: plain", "data: STARTTLS", opened, &format!("{words} client")]);
    assert_eq!(client.all(), ["made: plain", "data: GO AHEAD", opened, &format!("{words} server")]);
}

#[test]
fn wrapping_changes_nothing_else_about_a_factory() {
    /// Counts its ports.
    struct Counting(RefCell<Vec<&'static str>>);
    impl Factory for Counting {
        fn build_protocol(&self, _: &Address) -> Option<Box<dyn Protocol>> {
            None
        }
        fn start_factory(&self) {
            self.0.borrow_mut().push("started");
        }
        fn stop_factory(&self) {
            self.0.borrow_mut().push("stopped");
        }
    }
    let mut reactor = Reactor::new().unwrap();
    let factory = Rc::new(Counting(RefCell::default()));
    let endpoint = TlsServerEndpoint::new(any_port(), friends().1);
    let ports = [(); 2].map(|()| endpoint.listen(&reactor, Rc::clone(&factory)).unwrap());
    for port in ports {
        let _ = reactor.run_once(Some(Duration::ZERO)).unwrap();
        drop(port.stop());
    }
    run_until(&mut reactor, || factory.0.borrow().len() == 2);
    assert_eq!(*factory.0.borrow(), ["started", "stopped"]);
    assert_eq!(TlsServerEndpoint::new(any_port(), friends().1).to_string(), "TLS over 127.0.0.1:0");
}
