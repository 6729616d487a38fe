//! What no program does: a socket in the hands of a test.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::PATIENCE;

/// A port of 127.0.0.1 that nobody listens on, for programs that cannot say which one they have chosen.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Waits until somebody listens on a port of 127.0.0.1.
#[track_caller]
pub fn wait_for_server(port: u16) {
    let begin = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begin.elapsed() < PATIENCE, "nobody listens on port {port}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A TCP connection as raw as the standard library has it.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
}

impl Socket {
    /// Connects.
    #[track_caller]
    pub fn connect(server: SocketAddr) -> Self {
        TcpStream::connect_timeout(&server, PATIENCE).unwrap().into()
    }

    /// The address of this end.
    pub fn local_address(&self) -> SocketAddr {
        self.stream.local_addr().unwrap()
    }

    /// Sends bytes.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Waits for exactly this text.
    #[track_caller]
    pub fn expect(&mut self, text: &str) {
        self.expect_bytes(text);
    }

    /// Waits for exactly these bytes.
    #[track_caller]
    pub fn expect_bytes(&mut self, expected: impl AsRef<[u8]>) {
        let expected = expected.as_ref();
        let mut received = vec![0; expected.len()];
        let result = self.stream.read_exact(&mut received);
        let [expects, hears] = [expected, &received].map(String::from_utf8_lossy);
        assert!(expected == received, "{hears:?} instead of {expects:?}: {result:?}");
    }

    /// Waits for so many bytes.
    #[track_caller]
    pub fn take(&mut self, count: usize) -> Vec<u8> {
        let mut received = vec![0; count];
        self.stream.read_exact(&mut received).unwrap();
        received
    }

    /// Waits for the server to close the connection, with nothing said before.
    #[track_caller]
    pub fn expect_end(&mut self) {
        assert_eq!(String::from_utf8_lossy(&self.rest()), "");
    }

    /// Waits for a reset, before which nothing must come.
    #[track_caller]
    pub fn expect_reset(&mut self) {
        let error = self.stream.read(&mut [0; 1]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    /// Waits for the server to be gone, however it goes.
    pub fn expect_end_or_reset(&mut self) {
        while matches!(self.stream.read(&mut [0; 1024]), Ok(1..)) {}
    }

    /// Waits for a line, and returns it with its end.
    #[track_caller]
    pub fn line(&mut self) -> String {
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).unwrap();
            line.extend(byte);
        }
        String::from_utf8(line).unwrap()
    }

    /// Waits for the end of what comes, and returns it.
    #[track_caller]
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).unwrap();
        rest
    }

    /// Finishes sending.
    pub fn half_close(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Sends without reading until nobody takes any more: the server waits for this side to read.
    pub fn clog(&mut self) {
        self.clog_with(b"x");
    }

    /// The same with `bytes` again and again.
    pub fn clog_with(&mut self, bytes: &[u8]) {
        const STANDSTILL: Duration = Duration::from_millis(500);
        self.stream.set_write_timeout(Some(STANDSTILL)).unwrap();
        let bytes = bytes.repeat(64 * 1024 / bytes.len());
        let mut next = 0;
        loop {
            match self.stream.write(&bytes[next..]) {
                // What the server sees is never cut.
                Ok(count) => next = (next + count) % bytes.len(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => panic!("sending: {error}"),
            }
        }
    }

    /// Resets the connection, so that the other side loses whatever is under way.
    pub fn reset(self) {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { stream }
    }
}
