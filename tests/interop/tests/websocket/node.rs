//! Node.js with the package `ws` on the other side.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use ropewalk_interop::{Authority, Example, Finished, Running, example_path, node, npm};

/// What the scripts were written for.
const PACKAGE: &str = "ws@8.23.0";

/// Node to run `script` with the package, which the first call installs.
fn node_with_ws(script: &str) -> Command {
    static INSTALLED: OnceLock<String> = OnceLock::new();
    let mut command = node(script);
    command.env("NODE_PATH", INSTALLED.get_or_init(install));
    command
}

fn install() -> String {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(PACKAGE);
    let directory = directory.to_str().unwrap().to_owned();
    let packages = format!("{directory}/node_modules");
    if !Path::new(&packages).join("ws").exists() {
        let mut install = npm();
        install.args(["install", "--no-audit", "--no-fund", "--prefix", &directory, PACKAGE]);
        let finished = Running::start(&mut install).finish();
        assert!(finished.status.success(), "installing {PACKAGE} from the registry of npm: {finished:?}");
    }
    packages
}

/// What both sides have in common: messages of all lengths, as text and binary, each of which has to come back.
const EXCHANGE: &str = r"
const fs = require('fs'), { once } = require('events');
const lengths = [0, 1, 125, 126, 65535, 65536, 1_000_000];
async function exchange(socket) {
    const answer = async () => await once(socket, 'message');
    const same = (data, sent, how) => { if (!data.equals(Buffer.from(sent))) throw Error(`${how}: ${data.length}`); };
    for (const length of lengths) {
        for (const sent of [Buffer.alloc(length, 'x'), 'é'.repeat(length)]) {
            socket.send(sent);
            const [data, isBinary] = await answer();
            same(data, sent, length);
            if (isBinary !== Buffer.isBuffer(sent)) throw Error(`of ${length}, binary: ${isBinary}`);
        }
    }
    socket.send('Hel', { fin: false });
    socket.send('', { fin: false });
    socket.send('lo');
    same((await answer())[0], 'Hello', 'fragments');
    socket.ping('now');
    same((await once(socket, 'pong'))[0], 'now', 'ping');
}
";

const CLIENT: &str = r"
const { WebSocket } = require('ws');
const [url, authority] = process.argv.slice(1);
async function talk() {
    const socket = new WebSocket(url, { ca: authority ? fs.readFileSync(authority) : undefined });
    await once(socket, 'open');
    await exchange(socket);
    socket.close(4001, 'bye');
    const [code, reason] = await once(socket, 'close');
    console.log(code, reason.toString());
}
talk().catch((error) => { console.log(error); process.exit(1); });
";

/// Serves one client.
const SERVER: &str = r"
const { WebSocketServer } = require('ws');
const [mode] = process.argv.slice(1);
const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
async function serve() {
    await once(server, 'listening');
    console.log(server.address().port);
    const [socket] = await once(server, 'connection');
    if (mode === 'exchange') {
        await exchange(socket);
        socket.close(1000, 'done');
    } else {
        socket.on('message', (data, isBinary) => socket.send('you said ' + data));
    }
    const [code] = await once(socket, 'close');
    console.log('closed', code);
    server.close();
}
serve().catch((error) => { console.log(error); process.exit(1); });
";

fn talk(url: &str, authority: &str) -> Finished {
    Running::start(node_with_ws(&format!("{EXCHANGE}{CLIENT}")).args([url, authority])).finish()
}

fn server(mode: &str) -> (Running, String) {
    let mut server = Running::start(node_with_ws(&format!("{EXCHANGE}{SERVER}")).arg(mode));
    let url = format!("ws://127.0.0.1:{}/", server.line());
    (server, url)
}

#[test]
fn a_client_in_node_gets_its_echo() {
    let server = Example::start("ws_echo", &[]);
    let finished = talk(&format!("ws://{}/", server.address()), "");
    assert_eq!(finished.output, "4001 bye\n", "{finished:?}");
}

#[test]
fn a_client_in_node_gets_its_echo_over_tls() {
    let authority = Authority::new();
    let file = authority.server("localhost").path().display().to_string();
    let endpoint = format!("tls:0:interface=127.0.0.1:cert={file}");
    let server = Example::start_at(&endpoint, "ws_echo", &[]);
    let url = format!("wss://localhost:{}/", server.address().port());
    let finished = talk(&url, authority.path().to_str().unwrap());
    assert_eq!(finished.output, "4001 bye\n", "{finished:?}");
}

#[test]
fn what_a_server_in_node_sends_comes_back() {
    let (server, url) = server("exchange");
    let finished = Running::start(Command::new(example_path("ws_client")).arg(url)).finish();
    assert!(finished.status.success(), "{finished:?}");
    assert_eq!(server.finish().output, "closed 1000\n");
}

#[test]
fn a_server_in_node_answers_one_text() {
    let (server, url) = server("answer");
    let finished =
        Running::start(Command::new(example_path("ws_client")).args([&url, "--send", "hello"])).finish();
    assert_eq!(finished.output, "you said hello\n", "{finished:?}");
    assert_eq!(server.finish().output, "closed 1000\n");
}
