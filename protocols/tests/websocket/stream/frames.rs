//! Frames are a stream, however they come.

use ropewalk_protocols::WebSocketServerConfig;
use ropewalk_reactor::testing::Script;

use super::stage::{Stage, answers, check, client, frames, server};
use crate::world::{REQUEST, SECOND, close, masked, plain};

#[test]
fn messages_are_a_stream_wherever_they_begin_and_end() {
    let outcome = check(&[
        masked(0x82, "o"),
        masked(0x81, "ne\ntw\u{20ac}"),
        masked(0x01, b"\xe2\x82"),
        masked(0x00, ""),
        masked(0x80, b"\xac\n"),
        masked(0x82, ""),
        masked(0x82, vec![b'x'; 200]),
        masked(0x82, b"\nend"),
        masked(0x88, close(1000, "done")),
    ]);
    let long = format!("line {}", "x".repeat(200));
    let two = r"line tw\xe2\x82\xac\xe2\x82\xac";
    assert_eq!(outcome.events, ["line one", two, &long, "eof end"]);
    let answers = format!("[one]\n[tw\u{20ac}\u{20ac}]\n[{}]\n<close 1000 >", "x".repeat(200));
    assert_eq!(outcome.written, answers.as_bytes());
    assert_eq!(outcome.connection, "the connection was closed cleanly");
}

#[test]
fn pings_are_answered_in_their_place_and_pongs_mean_nothing() {
    let outcome = check(&[
        masked(0x01, "one\n"),
        masked(0x89, "a"),
        masked(0x8a, "b"),
        masked(0x80, "two\n"),
        masked(0x89, ""),
        masked(0x88, ""),
    ]);
    assert_eq!(outcome.events, ["line one", "line two", "eof "]);
    assert_eq!(outcome.written, b"[one]\n<pong a>[two]\n<pong ><close>");
}

#[test]
fn an_orderly_close_is_the_end_of_input_and_answered_alike() {
    for (payload, answer) in
        [(close(1000, ""), "<close 1000 >"), (close(1001, "left"), "<close 1001 >"), (vec![], "<close>")]
    {
        let outcome = check(&[masked(0x82, "rest"), masked(0x88, &payload), masked(0x82, "late\n")]);
        assert_eq!(outcome.events, ["eof rest"]);
        assert_eq!(outcome.written, answer.as_bytes());
        assert_eq!(outcome.connection, "the connection was closed cleanly");
    }
}

#[test]
fn any_other_close_is_an_error_behind_what_came_before() {
    for (code, reason) in [(1011, "broken"), (1002, ""), (4000, "mine")] {
        let input = [masked(0x82, "one\n"), masked(0x88, close(code, reason))];
        let outcome = check(&input);
        assert_eq!(outcome.events, ["line one"]);
        assert_eq!(answers(&input), [(2, b"[one]\n".to_vec()), (8, close(code, reason))]);
        let told = format!("the peer has closed the WebSocket with the code {code} ({reason:?})");
        assert!(outcome.connection.ends_with(&told), "{}", outcome.connection);
    }
}

#[test]
fn a_connection_that_ends_without_a_close_frame_is_truncated() {
    for end in [Script::from(masked(0x82, "one\n")).finish(), Script::from(masked(0x01, "one\n")).finish()] {
        let outcome = server().run(end);
        assert_eq!(outcome.events, ["line one"]);
        let told = "the peer closed the connection without saying that its input was over";
        assert_eq!(outcome.connection, told);
    }
}

#[test]
fn a_protocol_that_closes_says_so_by_code_1000_and_one_that_fails_by_1011_and_both_hear_nothing_more() {
    for (line, code) in [("quit", 1000), ("fail", 1011)] {
        let outcome = check(&[
            masked(0x82, format!("{line}\nmore\n")),
            masked(0x89, "?"),
            masked(0x82, "late\n"),
            masked(0x83, "bad"),
        ]);
        assert_eq!(outcome.events, [format!("line {line}")]);
        assert_eq!(outcome.written, format!("[{line}]\n<close {code} >").as_bytes());
    }
}

#[test]
fn a_client_that_fails_says_so_by_code_1011_too() {
    let outcome = client().run(plain(0x82, "fail\n"));
    assert_eq!(outcome.written, b"[fail]\n<close 1011 >");
    assert!(outcome.connection.ends_with("because of an error: the line said so"), "{}", outcome.connection);
}

#[test]
fn a_protocol_that_fails_at_the_orderly_end_of_input_does_not_answer_alike() {
    let outcome = check(&[masked(0x82, "fail"), masked(0x88, close(1000, ""))]);
    assert_eq!((outcome.events, outcome.written), (vec!["eof fail".to_owned()], b"<close 1011 >".to_vec()));
}

#[test]
fn what_is_finished_is_said_before_the_protocol_fails() {
    let outcome = check(&[masked(0x82, "finish\nfail\n")]);
    assert_eq!(outcome.events, ["line finish", "line fail"]);
    assert_eq!(outcome.written, b"[finish]\n<close 1000 >");
}

#[test]
fn a_reactor_that_drains_says_so_by_code_1001() {
    let mut stage = Stage::server(WebSocketServerConfig::new());
    stage.say(REQUEST);
    stage.reactor.drain(SECOND).then(drop);
    assert_eq!(frames(&stage.say("")), [(8, close(1001, ""))]);
}

#[test]
fn a_side_that_has_finished_hears_the_other_until_that_has_too() {
    let outcome = check(&[
        masked(0x82, "finish\n"),
        masked(0x89, "?"),
        masked(0x82, "more\n"),
        masked(0x88, close(1000, "")),
    ]);
    assert_eq!(outcome.events, ["line finish", "line more", "eof "]);
    assert_eq!(outcome.written, b"[finish]\n<close 1000 >");
    assert_eq!(outcome.connection, "the connection was closed cleanly");
}

#[test]
fn what_is_finished_is_said_before_the_peer_is_told_of_an_error() {
    let input = [masked(0x82, "finish\n"), masked(0x83, "")];
    let outcome = check(&input);
    assert_eq!(outcome.events, ["line finish"]);
    assert_eq!(answers(&input), [(2, b"[finish]\n".to_vec()), (8, close(1000, ""))]);
    assert!(outcome.connection.ends_with("a frame with the opcode 3"), "{}", outcome.connection);
}

#[test]
fn a_client_hears_frames_without_masks_and_sends_them_with() {
    let frames = [plain(0x81, "one\n"), plain(0x89, "a"), plain(0x82, "two\n"), plain(0x88, close(1000, ""))];
    let outcome = client().run(frames.concat());
    assert_eq!(outcome.events, ["line one", "line two", "eof "]);
    assert_eq!(outcome.written, b"[one]\n<pong a>[two]\n<close 1000 >");
}

#[test]
fn any_frames_mean_the_same_in_any_division() {
    server().run_seeds(12, |dice| {
        let payloads = ["one\n", "\u{20ac}", "", "x", "quit\n", "finish\n", "fail\n", "\n"];
        let mut bytes = Vec::new();
        for _ in 0..12 {
            let first = *dice.pick(&[0x81, 0x82, 0x82, 0x82, 0x01, 0x02, 0x80, 0x80, 0x00, 0x89, 0x8a]);
            bytes.extend(masked(first, *dice.pick(&payloads)));
        }
        if dice.chance(0.5) {
            bytes.extend(masked(0x88, close(1000, "")));
        }
        bytes.into()
    });
}
