//! Data: the byte 255, and the ends of lines.

use crate::stage::{IAC, bytes, check, check_bytes};

#[test]
fn who_does_not_speak_telnet_does_not_notice_it() {
    let outcome = check("one\ntwo\r\n");
    assert_eq!(outcome.events, ["line one", "line two", "eof "]);
    assert_eq!(outcome.written, b"[one]\r\n[two]\r\n");
}

#[test]
fn the_byte_255_is_doubled_both_ways() {
    let outcome = check_bytes([b'a', IAC, IAC, IAC, IAC, b'b']);
    assert_eq!(outcome.events, [r"data a\xff\xffb"]);
    assert_eq!(outcome.written, [b'a', IAC, IAC, IAC, IAC, b'b']);
}

#[test]
fn cr_lf_stays_and_cr_nul_is_cr() {
    // Twisted has CR LF become LF. Protocols of lines that end in CR LF would not find their ends.
    let outcome = check_bytes("a\r\nb\r\0c\rd\ne\0");
    assert_eq!(outcome.events, [r"data a\r\nb\rc\rd\ne\x00"]);
    assert_eq!(outcome.written, b"a\r\nb\r\0c\r\0d\r\ne\0");
}

#[test]
fn a_cr_before_a_cr_or_a_command_stands_alone() {
    assert_eq!(check_bytes("a\r\r\nb").events, [r"data a\r\r\nb"]);
    let outcome = check_bytes(bytes(&[b"a\r", &[IAC, IAC], b"\r\0"]));
    assert_eq!(outcome.events, [r"data a\r\xff\r"]);
    // The last CR waits for what follows it; at the end nothing does.
    assert_eq!(outcome.written, bytes(&[b"a\r\0", &[IAC, IAC], b"\r\0"]));
}

#[test]
fn a_line_that_the_peer_has_not_ended_is_there_at_the_end() {
    assert_eq!(check("quitting").events, ["eof quitting"]);
    assert_eq!(check("quit\r\nmore\r\n").events, ["line quit"]);
}
