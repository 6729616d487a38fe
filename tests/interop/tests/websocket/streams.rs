//! Streams over WebSockets: our programs with `ws:` and `wss:`, and the package on the other side.

use std::net::TcpListener;
use std::process::Command;

use nix::sys::signal::Signal;
use ropewalk_interop::{Authority, Example, Running, example_path};

use crate::package::python_with_websockets;

/// Sends messages of all kinds and lengths to an echo of bytes, and wants the same bytes back, in whatever messages.
const CLIENT: &str = r"
import asyncio, ssl, sys
from websockets.asyncio.client import connect
url, authority = sys.argv[1:3]
context = ssl.create_default_context(cafile=authority) if authority else None
async def expect(socket, expected):
    heard = b''
    while len(heard) < len(expected):
        message = await asyncio.wait_for(socket.recv(), 60)
        assert isinstance(message, bytes), message
        heard += message
    assert heard == expected, len(expected)
async def talk():
    async with connect(url, max_size=None, ssl=context, subprotocols=['binary'], open_timeout=60) as socket:
        print(socket.subprotocol)
        for length in (1, 125, 126, 65535, 65536, 3_000_000):
            sent = asyncio.create_task(socket.send(b'x' * length))
            await expect(socket, b'x' * length)
            await sent
        for message in ('hé', ['Hel', '', 'lo'], b''):
            await socket.send(message)
        await expect(socket, 'héHello'.encode())
        await asyncio.wait_for(await socket.ping('now'), 60)
        await socket.close(1000, 'bye')
        print(socket.protocol.close_rcvd.code)
asyncio.run(talk())
";

#[track_caller]
fn check_echo(url: &str, authority: &str, subprotocol: &str) {
    let finished = Running::start(python_with_websockets(CLIENT).args([url, authority])).finish();
    assert_eq!(finished.output, format!("{subprotocol}\n1000\n"), "{finished:?}");
}

#[test]
fn an_echo_of_bytes_knows_nothing_of_messages() {
    let server = Example::start_at("ws:0:interface=127.0.0.1:path=/echo", "echo", &[]);
    check_echo(&format!("ws://{}/echo?query", server.address()), "", "None");
    assert!(server.end_by(Signal::SIGTERM).status.success());
}

#[test]
fn an_echo_over_tls_too() {
    let authority = Authority::new();
    let identity = authority.server("localhost");
    let file = identity.path().to_str().unwrap();
    let endpoint = format!("wss:0:interface=127.0.0.1:cert={file}:key={file}");
    let server = Example::start_at(&endpoint, "echo", &[]);
    let url = format!("wss://localhost:{}/", server.address().port());
    check_echo(&url, authority.path().to_str().unwrap(), "None");
}

#[test]
fn forward_gives_a_plain_server_websockets() {
    let echo = Example::start("echo", &[]);
    let endpoint = "ws:0:interface=127.0.0.1:subprotocol=binary";
    let forward = Example::start_at(endpoint, "forward", &[&echo.address().to_string()]);
    check_echo(&format!("ws://{}/", forward.address()), "", "binary");
}

/// Waits for the end, and tells the code of the close frame.
const WAITING_CLIENT: &str = r"
import asyncio, sys
from websockets.asyncio.client import connect
async def wait():
    async with connect(sys.argv[1], open_timeout=60) as socket:
        await asyncio.wait_for(socket.wait_closed(), 60)
        print(socket.protocol.close_rcvd.code)
asyncio.run(wait())
";

/// Nobody listens at the target: who has come by WebSocket hears of an error (1011) and of no orderly end.
#[test]
fn a_target_that_refuses_is_an_error_for_the_websocket() {
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let forward = Example::start_at("ws:0:interface=127.0.0.1", "forward", &[&dead.to_string()]);
    let url = format!("ws://{}/", forward.address());
    let finished = Running::start(python_with_websockets(WAITING_CLIENT).arg(url)).finish();
    assert_eq!(finished.output, "1011\n", "{finished:?}");
    assert!(forward.end_by(Signal::SIGTERM).errors.contains("Connection refused"));
}

/// Answers each message, and tells how the client has closed.
const SERVER: &str = r"
import asyncio, ssl, sys
from websockets.asyncio.server import serve
identity = sys.argv[1]
context = None
if identity:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(identity)
served = asyncio.Event()
async def handle(socket):
    async for message in socket:
        await socket.send('you said ' + message.decode())
    print('closed', socket.request.path, socket.protocol.close_rcvd.code)
    served.set()
async def main():
    async with serve(handle, '127.0.0.1', 0, ssl=context) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await served.wait()
asyncio.run(main())
";

/// Our client talks to a server in Python at what `endpoint` makes of its port.
#[track_caller]
fn converses(identity: &str, path: &str, endpoint: impl Fn(&str) -> String) {
    let mut server = Running::start(python_with_websockets(SERVER).arg(identity));
    let endpoint = endpoint(&server.line());
    let mut client = Running::start(Command::new(example_path("telnet")).arg(endpoint));
    client.say("hello\n");
    assert_eq!(client.line(), "you said hello");
    client.end_input();
    let finished = client.finish();
    assert!(finished.status.success(), "{finished:?}");
    assert_eq!(server.finish().output, format!("closed {path} 1000\n"));
}

#[test]
fn our_telnet_talks_to_a_server_in_python() {
    converses("", "/chat?room=1", |port| format!("ws://127.0.0.1:{port}/chat?room=1"));
}

#[test]
fn our_telnet_talks_to_a_server_in_python_over_tls() {
    let authority = Authority::new();
    let identity = authority.server("localhost");
    let trusted = authority.path().display().to_string();
    converses(identity.path().to_str().unwrap(), "/", |port| format!("wss:localhost:{port}:ca={trusted}"));
}
