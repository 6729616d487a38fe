//! Peers that break the protocol, or mean harm.

use ropewalk_protocols::{WebSocketClientConfig, WebSocketServerConfig};
use ropewalk_reactor::testing::Script;

use super::stage::{ANSWER_TO_ZEROS, Stage, answers, check, client, frames, server};
use crate::world::{ANSWER, REQUEST, close, masked, plain};

/// What was right before is heard and answered, then the peer is told what is wrong, and nothing more is heard.
#[track_caller]
fn refused(bad: Vec<u8>, code: u16, problem: &str) {
    let input = [masked(0x82, "one\n"), bad, masked(0x82, "two\n")];
    let outcome = check(&input);
    assert_eq!(outcome.events, ["line one"]);
    assert_eq!(answers(&input), [(2, b"[one]\n".to_vec()), (8, close(code, problem))]);
    assert!(outcome.connection.ends_with(problem), "{}", outcome.connection);
}

#[test]
fn a_frame_of_a_client_without_a_mask_is_refused() {
    refused(plain(0x82, "x"), 1002, "a client's frame that is not masked");
}

#[test]
fn a_frame_of_a_server_with_a_mask_is_refused() {
    let outcome = client().run(masked(0x82, "x"));
    let problem = "a server's frame that is masked";
    assert!(outcome.connection.ends_with(problem), "{}", outcome.connection);
    let (mut stage, _) = Stage::client(WebSocketClientConfig::new("ws://a/".parse().unwrap()));
    stage.say(ANSWER_TO_ZEROS);
    assert_eq!(frames(&stage.say(masked(0x82, "x"))), [(8, close(1002, problem))]);
}

#[test]
fn reserved_bits_are_refused() {
    for bit in [0x40, 0x20, 0x10] {
        refused(masked(0x82 | bit, "x"), 1002, "a frame with a reserved bit");
    }
}

#[test]
fn unknown_opcodes_are_refused() {
    refused(masked(0x83, "x"), 1002, "a frame with the opcode 3");
    refused(masked(0x8b, "x"), 1002, "a frame with the opcode 11");
}

#[test]
fn long_and_fragmented_control_frames_are_refused() {
    for opcode in [0x88, 0x89, 0x8a] {
        refused(masked(opcode, [b'x'; 126]), 1002, "a control frame with more than 125 bytes");
        refused(masked(opcode & 0x7f, ""), 1002, "a control frame in fragments");
    }
}

#[test]
fn fragments_out_of_place_are_refused() {
    refused(masked(0x80, "x"), 1002, "a continuation of no message");
    for first in [0x01, 0x02, 0x81, 0x82] {
        let bad = [masked(0x02, ""), masked(first, "x")].concat();
        refused(bad, 1002, "a new message within another");
    }
}

#[test]
fn lengths_that_are_not_in_their_shortest_form_are_refused() {
    let problem = "a frame's length, 5, that is too big or not in its shortest form";
    refused(b"\x82\xfe\x00\x05".to_vec(), 1002, problem);
    let problem = "a frame's length, 9223372036854775808, that is too big or not in its shortest form";
    refused(b"\x82\xff\x80\0\0\0\0\0\0\0".to_vec(), 1002, problem);
}

#[test]
fn close_frames_that_are_none_are_refused() {
    refused(masked(0x88, b"\x03"), 1002, "a close frame with half a code");
    for code in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
        let problem = format!("a close frame with the code {code}, which may not be sent");
        refused(masked(0x88, close(code, "")), 1002, &problem);
    }
    refused(masked(0x88, close(1000, b"\xff")), 1007, "text that is not UTF-8");
}

#[test]
fn text_is_heard_up_to_what_is_not_utf_8() {
    for bad in [
        masked(0x81, b"\xff"),
        masked(0x81, b"\xe2\x82"),
        masked(0x81, b"\xe2\x82x"),
        [masked(0x01, b"\xe2\x82"), masked(0x80, "x")].concat(),
        [masked(0x01, b"\xe2\x82"), masked(0x80, "")].concat(),
        [masked(0x01, b"\xf0"), masked(0x00, b"\x9f"), masked(0x80, b"\x98")].concat(),
        masked(0x81, b"\xed\xa0\x80"),
    ] {
        refused(bad.clone(), 1007, "text that is not UTF-8");
        let good = [masked(0x01, "two\n"), masked(0x00, "thr\u{20ac}\n")].concat();
        let outcome = check(&[good, masked(0x80, [b"good\n".as_slice(), b"\xff\n"].concat())]);
        assert_eq!(outcome.events, ["line two", r"line thr\xe2\x82\xac", "line good"]);
    }
}

#[test]
fn bytes_of_binary_messages_need_not_be_text() {
    let outcome = check(&[masked(0x82, b"\xff\xfe\n")]);
    assert_eq!(outcome.events, [r"line \xff\xfe"]);
}

#[test]
fn any_bytes_mean_the_same_in_any_division() {
    let known = [0x81, 0x82, 0x01, 0x02, 0x80, 0x00, 0x88, 0x89, 0x8a, 0x84, 0xfe, 0xff, b'\n', 0x03, 0xe8];
    let (server, client) = (server(), client());
    for check in [&server, &client] {
        check.run_seeds(12, |dice| {
            let any = || u8::try_from(dice.roll(256)).unwrap();
            let pick = |_| if dice.chance(0.3) { any() } else { *dice.pick(&known) };
            Script::from((0..30).map(pick).collect::<Vec<u8>>())
        });
    }
}

#[test]
fn what_is_announced_takes_no_memory() {
    let mut stage = Stage::server(WebSocketServerConfig::new());
    assert_eq!(stage.say(REQUEST), ANSWER.as_bytes());
    // A frame of four exabytes, whose bytes go up as they come.
    stage.say(b"\x82\xff\x40\0\0\0\0\0\0\0\0\0\0\0one\n");
    let answers = stage.say("two\n");
    assert_eq!(frames(&answers), [(2, b"[two]\n".to_vec())]);
    assert_eq!(stage.events.take(), ["built", "line one", "line two"]);
}

#[test]
fn who_pings_and_does_not_listen_is_not_heard() {
    let mut stage = Stage::server(WebSocketServerConfig::new());
    stage.say(REQUEST);
    stage.peer.set_window(Some(0));
    stage.peer.send(masked(0x89, [b'x'; 125]).repeat(32 * 1024));
    stage.memory.settle(&mut stage.reactor);
    let stats = stage.reactor.stats();
    // Reading ends soon after 64 KiB of answers wait.
    assert!(stats.bytes_in <= 256 * 1024, "{} bytes were read", stats.bytes_in);
    assert_eq!(stats.connections, 1);
}
