//! However frames are cut, an end of a WebSocket hears and says the same, and holds no more than a message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ropewalk::DeflateOptions;
use ropewalk_fuzz::websocket::{Manners, converse};
use ropewalk_fuzz::{Choices, bounded, cuts};

/// What an end and its compression hold at most, in bytes of heap, beside what is recorded here.
const HEAP_MAX: usize = 1024 * 1024;

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::new(input);
    let (is_client, in_pieces, pauses) = (choices.yes(), choices.yes(), choices.yes());
    let takeover = DeflateOptions::new().context_takeover(true);
    let deflate = choices.one_of(&[None, Some(DeflateOptions::new()), Some(takeover)]);
    let limit = choices.one_of(&[100, 0, 5_000]);
    let manners = Manners { is_client, deflate, in_pieces, pauses, limit };
    let size = choices.byte();
    let input = choices.rest();
    let [whole, others @ ..] = cuts(input, size).map(|parts| {
        // What comes in pieces is recorded, and may be a thousand times as long as the input.
        let recorded = if in_pieces { 4_000 * input.len() } else { 20 * input.len() };
        bounded(HEAP_MAX + recorded, || converse(&parts, manners))
    });
    for other in others {
        assert_eq!(other, whole);
    }
    if !in_pieces {
        assert!(whole.messages.iter().all(|(_, bytes)| bytes.len() <= limit));
    }
});
