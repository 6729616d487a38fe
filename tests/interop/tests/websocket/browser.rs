//! The browser's own WebSocket on the other side.

use ropewalk_interop::{Browser, Example};

/// Sends each message and waits for what comes back, then closes. `window.heard` tells what has become of it.
const TALK: &str = r"
window.heard = null;
const socket = new WebSocket(location.href.replace('http', 'ws'));
socket.binaryType = 'arraybuffer';
const next = () => new Promise((resolve, reject) => {
    socket.onmessage = ({ data }) => resolve(data);
    socket.onclose = ({ code }) => reject(Error(`closed with ${code}`));
});
const bytes = (data) => typeof data === 'string' ? new TextEncoder().encode(data) : new Uint8Array(data);
const noise = (length) => Uint8Array.from({ length }, (_, place) => place * 31 % 251);
async function talk() {
    await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = () => reject('refused'); });
    for (const sent of ['', 'hello', 'é€😀', 'x'.repeat(100_000), new Uint8Array(), noise(5), noise(100_000)]) {
        socket.send(sent);
        const came = await next();
        if (typeof came !== typeof sent) throw Error(`${typeof sent} came back as ${typeof came}`);
        const [before, after] = [bytes(sent), bytes(came)];
        if (before.length !== after.length || before.some((byte, place) => byte !== after[place]))
            throw Error(`${before.length} bytes came back as ${after.length} others`);
    }
    const closed = new Promise((resolve) => socket.onclose = resolve);
    socket.close(4001, 'bye');
    const { code, reason, wasClean } = await closed;
    return `${code} ${reason} ${wasClean}`;
}
talk().catch(String).then((text) => window.heard = text);
";

#[test]
fn a_browser_gets_its_echo() {
    let server = Example::start("ws_echo", &[]);
    let mut browser = Browser::start();
    // There are only WebSockets, but what tells so is a page of the same host: browsers do not let others reach that.
    browser.open(&format!("http://{}/", server.address()));
    let _ = browser.run(TALK);
    browser.wait_until("window.heard !== null");
    assert_eq!(browser.run("return window.heard"), r#""4001 bye true""#);
}
