//! A server of Ropewalk that foreign programs talk to, in a thread of its own.

use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use ropewalk::{
    Address, Factory, ListeningPort, Protocol, Reactor, ReactorHandle, Reason, Remote, Result,
    ServerEndpoint, TcpServerEndpoint, TlsInfo, TlsServerConfig, TlsServerEndpoint, TlsTransport, Transport,
};

use crate::PATIENCE;

/// An echo server. It says what becomes of its connections, one note after the other.
#[derive(Debug)]
pub struct EchoServer {
    address: Address,
    notes: Receiver<Note>,
    remote: Remote,
    thread: Option<JoinHandle<()>>,
}

/// What has become of a connection.
#[derive(Debug)]
enum Note {
    Made(Option<TlsInfo>),
    Ended,
    Lost(String),
    Failed(String),
}

/// A factory whose protocols echo, and note what happens. The line `quit` at the end of what is heard closes the connection.
#[derive(Clone, Debug)]
pub struct Notes(Sender<Note>);

impl EchoServer {
    /// Has `listen` listen with a factory that it may wrap.
    pub fn start(listen: impl FnOnce(&ReactorHandle, Notes) -> ListeningPort + Send + 'static) -> Self {
        let (notes_sender, notes) = channel();
        let (started_sender, started) = channel();
        let thread = thread::spawn(move || {
            let mut reactor = Reactor::new().unwrap();
            let port = listen(&reactor, Notes(notes_sender));
            started_sender.send((port.address().clone(), reactor.remote())).unwrap();
            reactor.run().unwrap();
        });
        let (address, remote) = started.recv_timeout(PATIENCE).expect("the server starts");
        Self { address, notes, remote, thread: Some(thread) }
    }

    /// One over TLS on a port of 127.0.0.1.
    pub fn tls(config: impl FnOnce() -> TlsServerConfig + Send + 'static) -> Self {
        Self::start(move |reactor, notes| {
            let tcp = "127.0.0.1:0".parse::<TcpServerEndpoint>().unwrap();
            TlsServerEndpoint::new(tcp, config()).listen(reactor, notes).unwrap()
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address.socket().unwrap()
    }

    /// Waits until a connection is made, which must be the next that happens, and returns what its TLS has agreed on.
    #[track_caller]
    pub fn made(&self) -> TlsInfo {
        match self.next() {
            Note::Made(Some(info)) => info,
            other => panic!("no connection over TLS was made, but {other:?}"),
        }
    }

    /// Waits until a connection without TLS is made, which must be the next that happens.
    #[track_caller]
    pub fn made_plain(&self) {
        match self.next() {
            Note::Made(None) => {}
            other => panic!("no plain connection was made, but {other:?}"),
        }
    }

    /// Waits until the input of a connection has ended, which must be the next that happens.
    #[track_caller]
    pub fn ended(&self) {
        match self.next() {
            Note::Ended => {}
            other => panic!("no input has ended, but {other:?}"),
        }
    }

    /// Waits until a connection is lost, which must be the next that happens, and returns why.
    #[track_caller]
    pub fn lost(&self) -> String {
        match self.next() {
            Note::Lost(reason) => reason,
            other => panic!("no connection was lost, but {other:?}"),
        }
    }

    /// Waits until a connection fails that was never made, which must be the next that happens, and returns why.
    #[track_caller]
    pub fn failed(&self) -> String {
        match self.next() {
            Note::Failed(reason) => reason,
            other => panic!("no connection has failed, but {other:?}"),
        }
    }

    #[track_caller]
    fn next(&self) -> Note {
        self.notes.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("nothing happened: {error}"))
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        // It may have panicked already, and then the test shows that.
        let _ = self.remote.post(ReactorHandle::stop);
        let result = self.thread.take().map(JoinHandle::join);
        if !thread::panicking() {
            assert!(matches!(result, Some(Ok(()))), "the server's thread panicked");
        }
    }
}

impl Notes {
    fn note(&self, note: Note) {
        // A test that is over hears no more.
        let _ = self.0.send(note);
    }
}

impl Factory for Notes {
    fn build_protocol(&self, _: &Address) -> Option<Box<dyn Protocol>> {
        Some(Box::new(self.clone()))
    }

    fn connection_failed(&self, _: &Address, reason: &Reason) {
        self.note(Note::Failed(reason.to_string()));
    }
}

impl Protocol for Notes {
    fn connection_made(&mut self, transport: &Transport) {
        self.note(Note::Made(transport.tls()));
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        transport.write(data);
        if data.ends_with(b"quit\n") {
            transport.lose_connection();
        }
        Ok(())
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        self.note(Note::Ended);
        transport.lose_connection();
        Ok(())
    }

    fn layer_opened(&mut self, transport: &Transport) {
        self.note(Note::Made(transport.tls()));
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.note(Note::Lost(reason.to_string()));
    }
}
