//! WebSockets that somebody else than their protocol ends: a reactor that drains or stops, whoever looks after them.

use ropewalk_protocols::{CloseCode, MessageKind, WebSocket};

use crate::world::{Listens, SECOND, act, close, masked, plain, server};

const CLEANLY: &str = "lost the connection was closed cleanly";

fn going_away() -> Vec<u8> {
    plain(0x88, close(1001, ""))
}

#[test]
fn a_client_hears_1001_when_the_reactor_drains() {
    let (mut probe, log) = server(Listens::new);
    act(&mut probe, |socket| {
        socket.send("last words");
        let _ = socket.transport().reactor().drain(SECOND);
    });
    assert_eq!(probe.written(), [plain(0x81, "last words"), going_away()].concat());
    assert!(probe.is_closing());
    probe.deliver(masked(0x88, close(1001, "")));
    probe.deliver_eof();
    assert_eq!(log.take(), [CLEANLY]);
}

#[test]
fn a_client_hears_1001_when_the_reactor_stops() {
    let (mut probe, log) = server(Listens::new);
    act(&mut probe, |socket| socket.transport().reactor().stop());
    assert_eq!(probe.written(), going_away());
    assert_eq!(log.take(), ["lost the reactor stopped"]);
}

#[test]
fn a_client_hears_1001_when_it_is_dismissed() {
    let (mut probe, _) = server(Listens::new);
    act(&mut probe, |socket| {
        socket.transport().dismiss();
        assert!(!socket.is_open());
        socket.send("too late");
    });
    assert_eq!(probe.written(), going_away());
}

fn drain(socket: &WebSocket) {
    let _ = socket.transport().reactor().drain(SECOND);
}

#[test]
fn a_websocket_that_is_closing_says_no_more() {
    let (mut probe, _) = server(Listens::new);
    act(&mut probe, |socket| socket.close(CloseCode::NORMAL, ""));
    assert_eq!(probe.written(), plain(0x88, close(1000, "")));
    act(&mut probe, drain);
    assert_eq!(probe.written(), b"");

    let (mut probe, _) = server(Listens::new);
    probe.deliver(masked(0x88, close(1000, "")));
    assert_eq!(probe.written(), plain(0x88, close(1000, "")));
    act(&mut probe, drain);
    assert_eq!(probe.written(), b"");
}

#[test]
fn it_comes_between_fragments_and_none_of_these_after_it() {
    let (mut probe, _) = server(Listens::new);
    act(&mut probe, |socket| {
        let mut message = socket.begin(MessageKind::Text).unwrap();
        message.send("a");
        socket.transport().dismiss();
        message.finish("b");
    });
    assert_eq!(probe.written(), [plain(0x01, "a"), going_away()].concat());
}
