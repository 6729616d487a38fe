//! The client is ours.

use std::process::Command;

use ropewalk_interop::{Authority, Example, Finished, Running, example_path};

use crate::package::python_with_websockets;

/// Serves one client: has it send back messages of all lengths, sends back its one message, or does not answer that.
const SERVER: &str = r"
import asyncio, ssl, sys
from websockets.asyncio.server import serve
mode, identity = sys.argv[1:3]
context = None
if identity:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(identity)
served = asyncio.Event()
async def heard(socket):
    return await asyncio.wait_for(socket.recv(), 60)
async def handle(socket):
    try:
        if mode == 'silent':
            await heard(socket)
            await socket.close(1000, 'nothing to say')
        elif mode == 'answer':
            await socket.send('you said ' + await heard(socket))
            await heard(socket)
        else:
            for length in (0, 1, 125, 126, 65535, 65536, 10_000_000):
                await socket.send(b'x' * length)
                assert await heard(socket) == b'x' * length, length
                await socket.send('é' * length)
                assert await heard(socket) == 'é' * length, length
            await socket.send(['Hel', '', 'lo'])
            assert await heard(socket) == 'Hello'
            await asyncio.wait_for(await socket.ping('now'), 60)
            await socket.close(1000, 'done')
    except Exception as error:
        print(repr(error))
    print('closed', socket.protocol.close_rcvd.code)
    served.set()
def refuse(connection, request):
    if request.path == '/nowhere':
        return connection.respond(404, 'nothing here\n')
async def main():
    async with serve(handle, '127.0.0.1', 0, max_size=None, ssl=context, process_request=refuse) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await served.wait()
asyncio.run(main())
";

fn server(mode: &str, identity: &str) -> (Running, String) {
    let mut server = Running::start(python_with_websockets(SERVER).args([mode, identity]));
    let port = server.line();
    (server, port)
}

fn client(arguments: &[&str]) -> Finished {
    Running::start(Command::new(example_path("ws_client")).args(arguments)).finish()
}

#[test]
fn what_a_server_in_python_sends_comes_back() {
    let (server, port) = server("echo", "");
    let finished = client(&[&format!("ws://127.0.0.1:{port}/")]);
    assert!(finished.status.success(), "{finished:?}");
    assert_eq!(server.finish().output, "closed 1000\n");
}

/// Serves one client after the other, with compression as each round says, and counts the compressed messages that come.
const COMPRESSING_SERVER: &str = r"
import asyncio
from websockets.asyncio.server import serve
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
compressed = 0
decode = PerMessageDeflate.decode
def counting(self, frame, **options):
    global compressed
    compressed += frame.rsv1
    return decode(self, frame, **options)
PerMessageDeflate.decode = counting
async def handle(socket):
    try:
        assert len(socket.protocol.extensions) == 1, socket.protocol.extensions
        for length in (0, 1, 1023, 1024, 65535, 65536, 1_000_000):
            text = ('%d é ' % length * length)[:length]
            await socket.send(text)
            assert await asyncio.wait_for(socket.recv(), 50) == text, length
        await socket.send(['Hel', '', 'lo' * 1000])
        assert await asyncio.wait_for(socket.recv(), 50) == 'Hel' + 'lo' * 1000
        await socket.close()
    except Exception as error:
        print(repr(error))
    served.set()
async def main():
    global served
    for factory in (
        ServerPerMessageDeflateFactory(),
        ServerPerMessageDeflateFactory(server_max_window_bits=9, client_max_window_bits=9),
        ServerPerMessageDeflateFactory(server_no_context_takeover=True, client_no_context_takeover=True),
    ):
        served = asyncio.Event()
        options = dict(max_size=None, compression=None, extensions=[factory])
        async with serve(handle, '127.0.0.1', 0, **options) as server:
            print(server.sockets[0].getsockname()[1], flush=True)
            await served.wait()
    print('compressed', compressed)
asyncio.run(main())
";

#[test]
fn what_a_server_in_python_sends_compressed_comes_back_compressed() {
    let mut server = Running::start(&mut python_with_websockets(COMPRESSING_SERVER));
    for _ in 0..3 {
        let port = server.line();
        let finished = client(&[&format!("ws://127.0.0.1:{port}/")]);
        assert!(finished.status.success(), "{finished:?}");
    }
    // Of each of three connections the six messages of at least 1 KiB.
    assert_eq!(server.finish().output, "compressed 18\n");
}

#[test]
fn one_text_is_sent_and_the_answer_printed() {
    let (server, port) = server("answer", "");
    let finished = client(&[&format!("ws://127.0.0.1:{port}/"), "--send", "hello"]);
    assert_eq!(finished.output, "you said hello\n", "{finished:?}");
    assert!(finished.status.success(), "{finished:?}");
    let output = server.finish().output;
    assert!(output.ends_with("closed 1000\n"), "{output}");
}

#[test]
fn a_server_over_tls_is_verified() {
    let authority = Authority::new();
    let identity = authority.server("localhost");
    let (server, port) = server("answer", identity.path().to_str().unwrap());
    let url = format!("wss://localhost:{port}/");
    let stranger = client(&[&url, "--send", "hello"]);
    assert!(!stranger.status.success(), "{stranger:?}");
    let finished = client(&[&url, "--send", "hello", "--ca", authority.path().to_str().unwrap()]);
    assert_eq!(finished.output, "you said hello\n", "{finished:?}");
    assert!(server.finish().output.ends_with("closed 1000\n"));
}

#[test]
fn no_answer_is_told_and_exit_code_1_even_if_the_end_is_orderly() {
    let (server, port) = server("silent", "");
    let finished = client(&[&format!("ws://127.0.0.1:{port}/"), "--send", "hello"]);
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
    let error = "error: no answer has come: the connection was closed cleanly\n";
    assert_eq!((finished.output.as_str(), finished.errors.as_str()), ("", error));
    assert_eq!(server.finish().output, "closed 1000\n");
}

#[test]
fn a_refusal_is_told_and_exit_code_1() {
    let (_server, port) = server("echo", "");
    let finished = client(&[&format!("ws://127.0.0.1:{port}/nowhere")]);
    assert_eq!(finished.status.code(), Some(1));
    let error = "the server answered with the status 404 (Not Found) instead of 101: there is no WebSocket at this path";
    assert!(finished.errors.contains(error), "{finished:?}");
}

#[test]
fn an_example_that_speaks_of_messages_takes_ws_for_what_is_below() {
    let server = Example::start_at("ws:0:interface=127.0.0.1", "ws_echo", &[]);
    let finished = client(&[&format!("ws://{}/", server.address()), "--send", "hello"]);
    assert_eq!(finished.output, "hello\n", "{finished:?}");
}
