//! Clients that send each character as it is typed, and what is hidden.

use crate::stage::{
    CHARACTER_MODE, CHARACTER_MODE_GRANTED, DO, DONT, ECHO, IAC, SUPPRESS_GO_AHEAD, WILL, WONT, bytes, check,
};

#[test]
fn a_client_that_sends_characters_gets_them_back_and_its_lines_are_lines() {
    let outcome = check(bytes(&[CHARACTER_MODE, b"helo\x7flo\r\0\x03quit\r\0"]));
    assert_eq!(
        outcome.events,
        ["OwnOption(SuppressGoAhead, true)", "OwnOption(Echo, true)", "line hello", "Interrupt", "line quit"]
    );
    let shown = b"helo\x08 \x08lo\r\n[hello]\r\n^C\r\ninterrupted\r\nquit\r\n[quit]\r\n";
    assert_eq!(outcome.written, bytes(&[CHARACTER_MODE_GRANTED, shown]));
}

#[test]
fn every_end_of_a_line_is_enter() {
    let outcome = check(bytes(&[CHARACTER_MODE, b"a\r\0b\r\nc\nd\re\r"]));
    assert_eq!(outcome.events[2..], ["line a", "line b", "line c", "line d", "eof "]);
}

#[test]
fn control_d_ends_the_input_on_an_empty_line() {
    let outcome = check(bytes(&[CHARACTER_MODE, b"a\x04b\r\0\x04c\r\0"]));
    assert_eq!(outcome.events[2..], ["line ab", "eof "]);
    assert_eq!(outcome.connection, "the connection was closed cleanly");
}

#[test]
fn what_the_protocol_asks_for_after_a_line_holds_for_the_next() {
    // All this may come in one read, as from a client that was told in advance.
    let grants = [IAC, DO, ECHO];
    let outcome =
        check(bytes(&[b"joe\r\nhide\r\n", &grants, b"secret\r\nshow\r\n", &[IAC, DONT, ECHO], b"x\r\n"]));
    let lines: Vec<_> = outcome.events.iter().filter(|event| event.starts_with("line")).cloned().collect();
    assert_eq!(lines, ["line joe", "line hide", "line secret", "line show", "line x"]);
    let asked = [IAC, WILL, ECHO];
    let given_up = [IAC, WONT, ECHO];
    // The answers show lines; what was typed was shown by its end alone.
    let talk: &[&[u8]] =
        &[b"[joe]\r\n[hide]\r\n", &asked, b"\r\n[secret]\r\n\r\n[show]\r\n", &given_up, b"[x]\r\n"];
    assert_eq!(outcome.written, bytes(talk));
}

#[test]
fn a_peer_that_does_not_speak_telnet_can_give_a_password_too() {
    let outcome = check("hide\nsecret\nshow\nquit\n");
    assert_eq!(outcome.events, ["line hide", "line secret", "line show", "line quit"]);
    // The second request waits for an answer to the first.
    assert_eq!(
        outcome.written,
        bytes(&[b"[hide]\r\n", &[IAC, WILL, ECHO], b"[secret]\r\n[show]\r\n[quit]\r\n"])
    );
}

#[test]
fn input_is_hidden_in_character_mode_and_shown_afterwards() {
    let outcome = check(bytes(&[CHARACTER_MODE, b"hide\r\0secre\x7fet\x15pw\r\0show\r\0seen\r\0"]));
    let lines: Vec<_> = outcome.events.iter().filter(|event| event.starts_with("line")).cloned().collect();
    assert_eq!(lines, ["line hide", "line pw", "line show", "line seen"]);
    let shown = b"hide\r\n[hide]\r\n\r\n[pw]\r\n\r\n[show]\r\nseen\r\n[seen]\r\n";
    assert_eq!(outcome.written, bytes(&[CHARACTER_MODE_GRANTED, shown]));
}

#[test]
fn the_protocol_can_ask_for_characters_and_for_lines_again() {
    let grants = [IAC, DO, SUPPRESS_GO_AHEAD, IAC, DO, ECHO];
    let takes_back = [IAC, DONT, SUPPRESS_GO_AHEAD, IAC, DONT, ECHO];
    let outcome = check(bytes(&[b"character\r\n", &grants, b"a\r\0lines\r\0", &takes_back, b"b\r\n"]));
    assert_eq!(
        outcome.events,
        [
            "line character",
            "OwnOption(SuppressGoAhead, true)",
            "OwnOption(Echo, true)",
            "line a",
            "line lines",
            "OwnOption(SuppressGoAhead, false)",
            "OwnOption(Echo, false)",
            "line b",
            "eof "
        ]
    );
    let (asks, gives_up) =
        ([IAC, WILL, SUPPRESS_GO_AHEAD, IAC, WILL, ECHO], [IAC, WONT, SUPPRESS_GO_AHEAD, IAC, WONT, ECHO]);
    let talk: &[&[u8]] =
        &[b"[character]\r\n", &asks, b"a\r\n[a]\r\nlines\r\n[lines]\r\n", &gives_up, b"[b]\r\n"];
    assert_eq!(outcome.written, bytes(talk));
}

#[test]
fn a_peer_that_does_not_answer_was_asked_for_characters_all_the_same() {
    let outcome = check("character\nx\n");
    let asks = [IAC, WILL, SUPPRESS_GO_AHEAD, IAC, WILL, ECHO];
    assert_eq!(outcome.written, bytes(&[b"[character]\r\n", &asks, b"[x]\r\n"]));
}

#[test]
fn without_go_ahead_alone_lines_are_edited_but_not_shown() {
    let outcome = check(bytes(&[&[IAC, DO, SUPPRESS_GO_AHEAD], b"ax\x08b\r\0"]));
    assert_eq!(outcome.events[1..], ["line ab", "eof "]);
    assert_eq!(outcome.written, bytes(&[&[IAC, WILL, SUPPRESS_GO_AHEAD], b"[ab]\r\n"]));
}

#[test]
fn what_is_typed_stays_when_the_client_goes_back_to_lines() {
    let goes_back = [IAC, DONT, ECHO, IAC, DONT, SUPPRESS_GO_AHEAD];
    let outcome = check(bytes(&[CHARACTER_MODE, b"ab", &goes_back, b"c\r\n"]));
    assert_eq!(
        outcome.events[2..],
        ["OwnOption(Echo, false)", "OwnOption(SuppressGoAhead, false)", "line abc", "eof "]
    );
}

#[test]
fn a_line_goes_on_being_edited_when_it_is_no_longer_shown() {
    let outcome = check(bytes(&[CHARACTER_MODE, b"ab", &[IAC, DONT, ECHO], b"\x7fc\r\0"]));
    assert_eq!(outcome.events[2..], ["OwnOption(Echo, false)", "line ac", "eof "]);
}

#[test]
fn who_has_hidden_the_input_gives_echoing_up_afterwards() {
    let outcome = check(bytes(&[b"hide\r\n", &[IAC, DO, ECHO], b"secret\r\nshow\r\nx\r\n"]));
    let (asks, gives_up) = ([IAC, WILL, ECHO], [IAC, WONT, ECHO]);
    // Until the client agrees, this side goes on echoing.
    let talk: &[&[u8]] =
        &[b"[hide]\r\n", &asks, b"\r\n[secret]\r\n\r\n[show]\r\n", &gives_up, b"x\r\n[x]\r\n"];
    assert_eq!(outcome.written, bytes(talk));
}
