//! Servers of tinyproto.

#[path = "../../examples/tiny_chat.rs"]
#[allow(dead_code, reason = "its main is for people")]
mod tiny_chat;
#[path = "../../examples/tiny_echo.rs"]
#[allow(dead_code, reason = "its main is for people")]
mod tiny_echo;

use crate::check;

#[test]
fn tiny_echo() {
    let asked = b"\xff\x00\x00\x00\x02hi\xff\x00\x00\x00\x00\xff\x00\x00\x00\x04QUIT\xff";
    let answered = b"\xff\xff\x00\x00\x00\x0dEcho back: hi\xff\x00\x00\x00\x0bEcho back: \xff";
    assert_eq!(check(tiny_echo::echo).run(asked).written, answered);
    // A message that is announced and does not come, one that is too large, and nonsense.
    for input in [&b"\xff\x00\x00\x00\x05hi"[..], b"\xff\x7f\x00\x00\x00hi", b"hello?"] {
        check(tiny_echo::echo).run(input);
    }
}

#[test]
fn tiny_chat() {
    check(tiny_chat::chat).run(b"\xff\x00\x00\x00\x02hi\xff\x00\x00\x00\x03you");
    check(tiny_chat::chat).run(b"\xff\x00\x02\x00\x00hi");
}
