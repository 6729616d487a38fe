//! Large messages that are sent on, whose memory is shared and used again.

use ropewalk_protocols::Message;

use crate::world::{Listens, masked, plain, server};

/// Lengths around those from which, and up to which, memory is shared, and around what it holds.
const LENGTHS: [usize; 12] =
    [16_383, 16_384, 16_385, 32_768, 40_000, 65_535, 65_536, 65_537, 100_000, 131_072, 131_073, 300_000];

/// Bytes that no other message has.
fn payload(number: usize, length: usize) -> Vec<u8> {
    (0..length).map(|place| (place / 7 + number * 31) as u8).collect()
}

#[test]
fn messages_that_wait_for_a_slow_peer_keep_their_bytes() {
    for cut in [1_000, 16_384, 50_000, usize::MAX] {
        let (mut probe, _) = server(Listens::echo);
        let (mut expected, mut written) = (Vec::new(), Vec::new());
        for number in 0..3 * LENGTHS.len() {
            let payload = payload(number, LENGTHS[number * 5 % LENGTHS.len()]);
            expected.extend(plain(0x82, &payload));
            // Half of it, so some messages wait while the next ones come.
            probe.set_window(Some(payload.len() / 2));
            for part in masked(0x82, &payload).chunks(cut) {
                probe.deliver(part);
            }
            written.extend(probe.written());
        }
        probe.set_window(None);
        written.extend(probe.written());
        assert!(written == expected, "cut into {cut} bytes");
    }
}

#[test]
fn parts_of_a_message_are_sent_on_as_often_as_one_likes() {
    let echo_parts = |log: &_| {
        Listens::with(log, |socket, message| {
            let (head, tail) = message.bytes().split_at(message.bytes().len() / 2);
            socket.send(tail);
            socket.send(head);
            socket.send(tail);
            if let Message::Text(text) = message {
                socket.send(&text[1..]);
            }
            Ok(())
        })
    };
    let (mut probe, _) = server(echo_parts);
    let text = "0123456789".repeat(8_000);
    let (head, tail) = text.split_at(40_000);
    let expected = [plain(0x82, tail), plain(0x82, head), plain(0x82, tail), plain(0x81, &text[1..])];
    for _ in 0..3 {
        probe.deliver(masked(0x81, &text));
        assert!(probe.written() == expected.concat());
    }
}
