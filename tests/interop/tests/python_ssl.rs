//! TLS with Python's `ssl` on the other side.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

use ropewalk::{TcpClientEndpoint, TlsClientConfig, TlsClientEndpoint, TlsServerConfig, TlsVersion};
use ropewalk_interop::{Authority, EchoServer, Finished, Running, SERVER_NAME, converse, python};

const VERSIONS: [(&str, TlsVersion); 2] = [("TLSv1_2", TlsVersion::Tls12), ("TLSv1_3", TlsVersion::Tls13)];

/// A client that is connected, verifies the certificate and the name in it, and is called `tls`.
const CLIENT: &str = r"
import random, select, socket, ssl, sys
port, authority, version, name = sys.argv[1:5]
context = ssl.create_default_context(cafile=authority)
context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
plain = socket.create_connection(('127.0.0.1', int(port)), timeout=20)
tls = context.wrap_socket(plain, server_hostname=name, suppress_ragged_eofs=False)
def read_exactly(count):
    data = bytearray()
    while len(data) < count:
        piece = tls.recv(random.randint(1, 20000))
        assert piece, 'it ended after %d bytes' % len(data)
        data += piece
    return bytes(data)
";

/// A server of one connection, which is called `tls`; with the version it speaks.
const SERVER: &str = r"
import random, socket, ssl, sys
identity, version = sys.argv[1:3]
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(identity)
context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
listener = socket.create_server(('127.0.0.1', 0))
listener.settimeout(20)
print(listener.getsockname()[1], flush=True)
plain, _ = listener.accept()
plain.settimeout(20)
";

struct World {
    authority: Authority,
    server: EchoServer,
}

impl World {
    fn new() -> Self {
        let authority = Authority::new();
        let identity = authority.server(SERVER_NAME);
        let server =
            EchoServer::tls(move || TlsServerConfig::builder().identity(identity.tls()).build().unwrap());
        Self { authority, server }
    }

    /// Runs a client that goes on with `script`, and wants to speak to a server of this name.
    fn client_of(&self, name: &str, version: &str, script: &str) -> Finished {
        let mut command = python(&format!("{CLIENT}{script}"));
        command
            .arg(self.server.address().port().to_string())
            .arg(self.authority.path())
            .args([version, name]);
        Running::start(&mut command).finish()
    }

    /// Runs a client that succeeds.
    #[track_caller]
    fn client(&self, version: &str, script: &str) -> String {
        let finished = self.client_of(SERVER_NAME, version, script);
        assert!(finished.status.success(), "{finished:?}");
        finished.output
    }
}

#[test]
fn a_mebibyte_in_random_pieces_comes_back() {
    let world = World::new();
    for (name, version) in VERSIONS {
        let script = r"
data = random.randbytes(1 << 20)
sent, heard = 0, bytearray()
tls.setblocking(False)
size = 1
while len(heard) < len(data):
    wants = [tls] if sent < len(data) else []
    select.select([tls], wants, [], 20)
    try:
        # OpenSSL wants the same piece again if it did not take it.
        if wants:
            sent += tls.send(data[sent:sent + size])
            size = random.choice([1, 7, 1000, 16384, 16385, 50000])
    except (ssl.SSLWantReadError, ssl.SSLWantWriteError): pass
    try:
        piece = tls.recv(random.randint(1, 20000))
        assert piece, 'it ended after %d bytes' % len(heard)
        heard += piece
        while tls.pending(): heard += tls.recv(20000)
    except (ssl.SSLWantReadError, ssl.SSLWantWriteError): pass
assert heard == data
tls.settimeout(20)
tls.unwrap().close()
print('same')
";
        assert_eq!(world.client(name, script), "same\n");
        assert_eq!(world.server.made().version, version);
        world.server.ended();
        assert_eq!(world.server.lost(), "the connection was closed cleanly");
    }
}

/// `unwrap` sends close_notify and waits for the other side's.
#[test]
fn both_sides_say_goodbye() {
    let world = World::new();
    for (name, _) in VERSIONS {
        let script = r"
tls.sendall(b'goodbye')
assert read_exactly(7) == b'goodbye'
plain = tls.unwrap()
assert plain.recv(1) == b'', 'something came after close_notify'
print('bye')
";
        assert_eq!(world.client(name, script), "bye\n");
        world.server.made();
        world.server.ended();
        assert_eq!(world.server.lost(), "the connection was closed cleanly");
    }
}

#[test]
fn a_server_that_closes_first_says_so() {
    let world = World::new();
    for (name, _) in VERSIONS {
        let script = r"
tls.sendall(b'quit\n')
assert read_exactly(5) == b'quit\n'
assert tls.recv(1) == b''
tls.unwrap()
print('bye')
";
        assert_eq!(world.client(name, script), "bye\n");
        world.server.made();
        assert_eq!(world.server.lost(), "the connection was closed cleanly");
    }
}

/// The socket's end alone may come from anybody.
#[test]
fn an_end_without_goodbye_is_noticed() {
    let world = World::new();
    for (name, _) in VERSIONS {
        let script = r"
tls.sendall(b'a word')
assert read_exactly(6) == b'a word'
socket.socket(fileno=tls.detach()).shutdown(socket.SHUT_WR)
print('cut')
";
        assert_eq!(world.client(name, script), "cut\n");
        world.server.made();
        let lost = "the peer closed the connection without saying that its input was over";
        assert_eq!(world.server.lost(), lost);
    }
}

/// A memory BIO sends close_notify without giving up reading: the whole echo comes after it.
#[test]
fn the_answer_comes_after_half_a_close() {
    let world = World::new();
    for (name, _) in VERSIONS {
        let script = r"
tls.unwrap()
plain = socket.create_connection(('127.0.0.1', int(port)), timeout=20)
incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
half = context.wrap_bio(incoming, outgoing, server_hostname=name)
def flush():
    data = outgoing.read()
    if data: plain.sendall(data)
def until(step):
    while True:
        try:
            result = step()
            flush()
            return result
        except ssl.SSLWantReadError:
            flush()
            piece = plain.recv(65536)
            if piece: incoming.write(piece)
            else: incoming.write_eof()
until(half.do_handshake)
half.write(bytes(300000))
try: half.unwrap()
except ssl.SSLWantReadError: pass
flush()
heard = 0
while True:
    try: heard += len(until(lambda: half.read(65536)))
    except ssl.SSLZeroReturnError: break
print(heard)
";
        // The first connection is the one that every client makes.
        assert_eq!(world.client(name, script), "300000\n");
        for _ in 0..2 {
            world.server.made();
            world.server.ended();
            assert_eq!(world.server.lost(), "the connection was closed cleanly");
        }
    }
}

#[test]
fn python_believes_only_the_right_name() {
    let world = World::new();
    for (name, _) in VERSIONS {
        let finished = world.client_of("other.example", name, "");
        assert!(finished.errors.contains("Hostname mismatch"), "{finished:?}");
        let reason = "the peer rejected our certificate: bad certificate, perhaps for another name";
        assert_eq!(world.server.failed(), reason);
        assert_eq!(
            world.client(name, "print(dict(tls.getpeercert()['subject'][0]))"),
            format!("{{'commonName': '{SERVER_NAME}'}}\n")
        );
        world.server.made();
        world.server.lost();
    }
}

#[test]
fn asyncio_streams_work() {
    let world = World::new();
    let script = r"
import asyncio
async def main():
    reader, writer = await asyncio.open_connection('127.0.0.1', int(port), ssl=context, server_hostname=name)
    for number in range(1000):
        writer.write(b'line %d\n' % number)
        assert await reader.readline() == b'line %d\n' % number
    writer.close()
    await writer.wait_closed()
    print('done')
tls.unwrap()
asyncio.run(main())
";
    for (name, _) in VERSIONS {
        assert_eq!(world.client(name, script), "done\n");
        for _ in 0..2 {
            world.server.made();
            world.server.ended();
            assert_eq!(world.server.lost(), "the connection was closed cleanly");
        }
    }
}

/// A server in Python.
struct Server {
    running: Running,
    endpoint: TcpClientEndpoint,
}

impl Server {
    fn start(authority: &Authority, name: &str, version: &str, script: &str) -> Self {
        let mut command = python(&format!("{SERVER}{script}"));
        command.arg(authority.server(name).path()).arg(version);
        let mut running = Running::start(&mut command);
        let port = running.line();
        Self { running, endpoint: format!("127.0.0.1:{port}").parse().unwrap() }
    }

    fn endpoint(&self, config: TlsClientConfig) -> TlsClientEndpoint<TcpClientEndpoint> {
        TlsClientEndpoint::new(self.endpoint.clone(), SERVER_NAME, config).unwrap()
    }
}

#[test]
fn a_server_in_python_is_verified_and_echoes() {
    let authority = Authority::new();
    let script = r"
tls = context.wrap_socket(plain, server_side=True)
while True:
    data = tls.recv(random.randint(1, 20000))
    if not data: break
    tls.sendall(data)
tls.unwrap()
print('bye')
";
    let mut data: Vec<u8> = (0..1024 * 1024).map(|index| (index % 251) as u8).collect();
    data.extend_from_slice(b"the end");
    for (name, version) in VERSIONS {
        let server = Server::start(&authority, SERVER_NAME, name, script);
        let endpoint = server.endpoint(authority.client_config().build().unwrap());
        let spoken = converse(&endpoint, data.clone(), *b"the end").unwrap();
        assert!(spoken.heard == data, "the echo differs");
        assert_eq!(spoken.tls.unwrap().version, version);
        assert_eq!(spoken.reason, "the connection was closed cleanly");
        let finished = server.running.finish();
        assert_eq!(finished.output, "bye\n", "{finished:?}");
    }
}

#[test]
fn a_server_in_python_of_another_name_is_refused() {
    let authority = Authority::new();
    let script = "context.wrap_socket(plain, server_side=True).recv(1)";
    for (name, _) in VERSIONS {
        let server = Server::start(&authority, "other.example", name, script);
        let error =
            converse(&server.endpoint(authority.client_config().build().unwrap()), *b"", *b"x").unwrap_err();
        let expected = r#"the peer's certificate is not for "server.example" but for other.example"#;
        assert!(error.ends_with(expected), "{error}");
        assert!(server.running.finish().errors.contains("alert bad certificate"));
    }
}
