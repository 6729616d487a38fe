//! Chats, with one member each.

#[path = "../../examples/chat/main.rs"]
#[allow(dead_code, reason = "its main is for people")]
mod chat;
#[cfg(feature = "tls")]
#[path = "../../examples/chat_tls.rs"]
#[allow(dead_code, reason = "its main is for people")]
mod chat_tls;
#[path = "../../examples/circuits_chat.rs"]
#[allow(dead_code, reason = "its main is for people")]
mod circuits_chat;
#[path = "../../examples/nickname_chat.rs"]
#[allow(dead_code, reason = "its main is for people")]
mod nickname_chat;

use crate::{check, said};

#[test]
fn chat() {
    let heard = said(chat::chat, "\nbob\r\nhello\r\nbye");
    assert!(heard.contains("Welcome, bob!"), "{heard}");
    check(chat::chat).run(b"b\xc3\xbcb\n\xff\xf1h\x07\n\xc3(\n");
    check(chat::chat).run([&[b'x'; 1_030][..], b"\nbob\nhello\n"].concat());
}

#[test]
fn circuits_chat() {
    assert_eq!(said(circuits_chat::chat, "hello\r\n\n you\n"), "");
}

#[test]
fn nickname_chat() {
    let heard = said(nickname_chat::chat, "\nbob\r\nhello\n");
    assert_eq!(heard.matches("Please enter a desired nickname: ").count(), 2, "{heard}");
}

#[cfg(feature = "tls")]
#[test]
fn chat_tls() {
    assert_eq!(said(chat_tls::chat, "\nbob\nhello\n"), "Nickname: Nickname: ");
}
