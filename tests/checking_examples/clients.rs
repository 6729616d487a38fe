//! Clients, which hear what a server says; what is typed comes as events.

#[path = "../../examples/client/main.rs"]
#[allow(dead_code, reason = "its main is for people")]
mod client;
#[path = "../../examples/reconnecting_client.rs"]
#[allow(dead_code, reason = "its main is for people")]
mod reconnecting_client;

use std::cell::RefCell;
use std::rc::Rc;

use client::{Client, Typed};
use reconnecting_client::Listener;
use ropewalk::testing::{ProtocolCheck, Script};

/// Somebody types this.
fn typed(script: Script, line: &'static str) -> Script {
    script.post(move || Box::new(Typed::Line(line.as_bytes().to_vec())))
}

#[test]
fn client() {
    let check = ProtocolCheck::new(|events| {
        let screen = move |data: &[u8]| {
            events.record_stream("shown", data);
            Ok(())
        };
        Client::new(Rc::new(|_| ()), Rc::new(screen), Rc::new(RefCell::new(Ok(()))))
    });
    let script = typed(Script::new().send("Who are you?\r\n"), "bob\r\n").send("Welcome!");
    let script = typed(script, "bye").post(|| Box::new(Typed::EndOfInput)).send(" Bye.");
    let outcome = check.run(script);
    assert_eq!(outcome.written, b"bob\r\nbye\r\n");
    assert_eq!(outcome.events, [r"shown Who are you?\r\nWelcome! Bye."]);
}

#[test]
fn reconnecting_client() {
    let check = ProtocolCheck::new(|events| {
        let show = move |line: &[u8]| {
            events.record_bytes("shown", line);
            Ok(())
        };
        Listener::receiver("Fred", &show)
    });
    let outcome = check.run("one\r\ntwo\nthr");
    assert_eq!(outcome.written, b"Fred\r\n");
    assert_eq!(outcome.events, ["shown one", "shown two"]);
}
