//! However a request or an answer is cut, the same is made of it; what a client did not offer opens nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ropewalk::DeflateOptions;
use ropewalk::testing::Probe;
use ropewalk_fuzz::websocket::{Conversation, Manners, handshake, receiver};
use ropewalk_fuzz::{Choices, bounded, cuts};

/// What a handshake takes at most, in bytes of heap.
const HEAP_MAX: usize = 512 * 1024;

/// Stands in an answer for what proves that the server has understood.
const PROOF: &str = "{proof}";

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::new(input);
    let is_client = choices.yes();
    let takeover = DeflateOptions::new().context_takeover(true);
    let deflate = choices.one_of(&[None, Some(DeflateOptions::new()), Some(takeover)]);
    let manners = Manners { is_client, deflate, in_pieces: false, pauses: false, limit: 100 };
    let size = choices.byte();
    let input = with_proof(choices.rest(), manners);
    let [whole, others @ ..] =
        cuts(&input, size).map(|parts| bounded(HEAP_MAX + 20 * input.len(), || run(&parts, manners)));
    for other in others {
        assert_eq!(other, whole);
    }
    if is_client {
        assert!(whole.written.is_ascii() || whole.written.contains(&0x88), "{whole:?}");
    } else {
        assert!(whole.written.is_empty() || whole.written.starts_with(b"HTTP/1.1 "), "{whole:?}");
    }
});

/// The client's key is the same in all runs, and so is the answer to it.
fn with_proof(input: &[u8], manners: Manners) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(input) else { return input.to_vec() };
    if !manners.is_client || !text.contains(PROOF) {
        return input.to_vec();
    }
    let asked = Probe::new(receiver(manners).0).written();
    let answer = String::from_utf8(handshake(Some(&asked), None)).expect("it is a head");
    let proof = answer.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Accept: "));
    text.replace(PROOF, proof.expect("the server accepts")).into_bytes()
}

fn run(parts: &[&[u8]], manners: Manners) -> Conversation {
    let (receiver, heard) = receiver(manners);
    let mut probe = Probe::new(receiver);
    let _ = if manners.is_client { probe.written() } else { Vec::new() };
    parts.iter().for_each(|part| probe.deliver(part));
    let written = probe.written();
    probe.deliver_eof();
    assert!(probe.is_closed(), "the connection has not ended: {:?}", heard.borrow());
    Conversation { written, ..heard.take() }
}
