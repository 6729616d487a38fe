//! However the input is cut, strings are those of a model that sees all of it, and sent again they are the input.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ropewalk::{
    Int8StringReceiver, Int16StringReceiver, Int32StringReceiver, SendString, StringTooLong, Transport,
};
use ropewalk_fuzz::{Choices, Heard, cuts, hear, sent};

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::new(input);
    let prefix = choices.one_of(&[1, 2, 4]);
    let limit = choices.one_of(&[20, 0, 1, 255, 99_999]);
    let (pauses, size) = (choices.yes(), choices.byte());
    let input = choices.rest();
    let held_max = limit + prefix - 1;
    let expected = model(input, prefix, limit);
    for parts in cuts(input, size) {
        let heard = match prefix {
            1 => hear(&parts, pauses, held_max, |to| Int8StringReceiver::new(to).max_length(limit)),
            2 => hear(&parts, pauses, held_max, |to| Int16StringReceiver::new(to).max_length(limit)),
            _ => hear(&parts, pauses, held_max, |to| Int32StringReceiver::new(to).max_length(limit)),
        };
        assert_eq!((&heard.frames, &heard.rest), (&expected.frames, &expected.rest), "{}", heard.end);
    }
    if expected.frames.iter().all(|(_, too_long)| !too_long) {
        let again = sent(|transport| {
            expected.frames.iter().for_each(|(string, _)| send(transport, prefix, string).expect("it fits"));
        });
        assert_eq!([again, expected.rest.unwrap_or_default()].concat(), input);
    }
});

fn send(transport: &Transport, prefix: usize, string: &[u8]) -> Result<(), StringTooLong> {
    match prefix {
        1 => transport.send_string8(string),
        2 => transport.send_string16(string),
        _ => transport.send_string32(string),
    }
}

/// What a receiver makes of `input` if it throws away strings that are too long.
fn model(mut input: &[u8], prefix: usize, limit: usize) -> Heard {
    let mut heard = Heard::default();
    while let Some((length, content)) = input.split_at_checked(prefix) {
        let length = length.iter().fold(0, |number, byte| number << 8 | usize::from(*byte));
        let present = length.min(content.len());
        if length > limit {
            heard.frames.push((Vec::new(), true));
        } else if length == present {
            heard.frames.push((content[..length].to_vec(), false));
        } else {
            break;
        }
        input = &content[present..];
    }
    heard.rest = Some(input.to_vec());
    heard
}
