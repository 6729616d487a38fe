//! The server is ours.

use std::net::SocketAddr;

use ropewalk_interop::{Authority, Example, Finished, Running, Signal};

use crate::package::python_with_websockets;

/// Sends messages of all lengths, texts, fragments and a ping, and closes. It uses asyncio: the package's threads share one
/// TLS socket, which before Python 3.13 loses what comes while another thread sends, whoever the server is.
const CLIENT: &str = r"
import asyncio, ssl, sys
from websockets.asyncio.client import connect
url, authority = sys.argv[1:3]
context = ssl.create_default_context(cafile=authority) if authority else None
async def talk():
    async with connect(url, max_size=None, ssl=context, subprotocols=['chat'], open_timeout=60) as socket:
        assert socket.subprotocol is None
        for length in (0, 1, 125, 126, 65535, 65536, 10_000_000):
            await socket.send(b'x' * length)
            assert await socket.recv() == b'x' * length, length
            await socket.send('é' * length)
            assert await socket.recv() == 'é' * length, length
        await socket.send(['Hel', '', 'lo'])
        assert await socket.recv() == 'Hello'
        await asyncio.wait_for(await socket.ping('now'), 60)
        await socket.close(4001, 'bye')
        print(socket.protocol.close_rcvd.code, socket.protocol.close_rcvd.reason)
asyncio.run(talk())
";

fn talk(url: &str, authority: &str) -> Finished {
    Running::start(python_with_websockets(CLIENT).args([url, authority])).finish()
}

#[track_caller]
fn check_talk(url: &str, authority: &str) {
    let finished = talk(url, authority);
    assert_eq!(finished.output, "4001 bye\n", "{finished:?}");
}

#[test]
fn a_client_in_python_gets_its_echo() {
    let server = Example::start("ws_echo", &[]);
    check_talk(&format!("ws://{}/path?query", server.address()), "");
}

/// Counts the compressed messages that come, with what is offered by default and with what leaves the server less room.
const COMPRESSING_CLIENT: &str = r"
import asyncio, sys
from websockets.asyncio.client import connect
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, PerMessageDeflate
compressed = 0
decode = PerMessageDeflate.decode
def counting(self, frame, **options):
    global compressed
    compressed += frame.rsv1
    return decode(self, frame, **options)
PerMessageDeflate.decode = counting
async def talk(factory):
    options = dict(max_size=None, open_timeout=60, ping_timeout=60)
    async with connect(sys.argv[1], extensions=[factory], compression=None, **options) as socket:
        assert len(socket.protocol.extensions) == 1, socket.protocol.extensions
        for length in (0, 1, 1023, 1024, 65535, 65536, 1_000_000):
            text = ('%d é ' % length * length)[:length]
            await socket.send(text)
            assert await socket.recv() == text, length
        await socket.send(['Hel', '', 'lo' * 1000])
        assert await socket.recv() == 'Hel' + 'lo' * 1000
for factory in (
    ClientPerMessageDeflateFactory(),
    ClientPerMessageDeflateFactory(server_max_window_bits=9, client_max_window_bits=9),
    ClientPerMessageDeflateFactory(server_no_context_takeover=True, client_no_context_takeover=True),
):
    asyncio.run(talk(factory))
print('compressed', compressed)
";

#[test]
fn a_client_in_python_gets_its_echo_compressed() {
    let server = Example::start("ws_echo", &[]);
    let url = format!("ws://{}/", server.address());
    let finished = Running::start(python_with_websockets(COMPRESSING_CLIENT).arg(url)).finish();
    // Of each of three connections the six messages of at least 1 KiB.
    assert_eq!(finished.output, "compressed 18\n", "{finished:?}");
}

#[test]
fn a_client_in_python_gets_its_echo_over_tls_without_a_certificate_of_its_own() {
    let authority = Authority::new();
    let identity = authority.server("localhost");
    let file = identity.path().display().to_string();
    let endpoint = format!("tls:0:interface=127.0.0.1:cert={file}:key={file}");
    let server = Example::start_at(&endpoint, "ws_echo", &[]);
    let url = format!("wss://localhost:{}/", server.address().port());
    check_talk(&url, authority.path().to_str().unwrap());
}

/// Says something, and prints how the server closes.
const GUEST: &str = r"
import asyncio, ssl, sys
from websockets.asyncio.client import connect
url, authority = sys.argv[1:3]
context = ssl.create_default_context(cafile=authority) if authority else None
async def stay():
    async with connect(url, ssl=context, open_timeout=60) as socket:
        await socket.send('hello')
        print(await socket.recv())
        await socket.wait_closed()
        print(socket.protocol.close_rcvd.code, socket.protocol.close_rcvd_then_sent)
asyncio.run(stay())
";

#[track_caller]
fn check_interrupted(server: Example, url: &str, authority: &str) {
    let mut guest = Running::start(python_with_websockets(GUEST).args([url, authority]));
    assert_eq!(guest.line(), "hello");
    assert!(server.end_by(Signal::SIGINT).status.success());
    assert_eq!(guest.line(), "1001 True");
}

#[test]
fn whoever_is_there_when_the_server_is_interrupted_hears_that_it_goes_away() {
    let server = Example::start("ws_echo", &[]);
    let url = format!("ws://{}/", server.address());
    check_interrupted(server, &url, "");
}

#[test]
fn whoever_is_there_over_tls_hears_it_too() {
    let authority = Authority::new();
    let identity = authority.server("localhost");
    let file = identity.path().display().to_string();
    let server =
        Example::start_at(&format!("tls:0:interface=127.0.0.1:cert={file}:key={file}"), "ws_echo", &[]);
    let url = format!("wss://localhost:{}/", server.address().port());
    check_interrupted(server, &url, authority.path().to_str().unwrap());
}

/// Waits for whatever is answered to raw bytes.
const RAW: &str = r"
import socket, sys
host, port, request = sys.argv[1:4]
with socket.create_connection((host, int(port)), timeout=20) as connection:
    connection.sendall(request.encode())
    answer = b''
    while piece := connection.recv(4096):
        answer += piece
print(answer.decode().splitlines()[0])
";

fn first_line(server: SocketAddr, request: &str) -> String {
    let mut command = ropewalk_interop::python(RAW);
    command.args([server.ip().to_string(), server.port().to_string(), request.to_owned()]);
    Running::start(&mut command).finish().output
}

#[test]
fn who_speaks_http_is_answered_and_the_connection_ends() {
    let server = Example::start("ws_echo", &[]);
    for (request, answer) in [
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 426 Upgrade Required\n"),
        ("DELETE / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405 Method Not Allowed\n"),
        ("hello\r\n\r\n", "HTTP/1.1 400 Bad Request\n"),
    ] {
        assert_eq!(first_line(server.address(), request), answer);
    }
}
