//! However the input is cut, the strings are the same; sent again they are the input up to where it ends or is wrong.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ropewalk::{NetstringReceiver, SendString};
use ropewalk_fuzz::{Choices, cuts, hear, sent};

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::new(input);
    let limit = choices.one_of(&[20, 0, 1, 9, 10, 99_999]);
    let (pauses, size) = (choices.yes(), choices.byte());
    let input = choices.rest();
    let held_max = limit + limit.to_string().len() + ":".len();
    let [whole, others @ ..] = cuts(input, size).map(|parts| {
        hear(&parts, pauses, held_max, |witness| NetstringReceiver::new(witness).max_length(limit))
    });
    for other in others {
        assert_eq!(other, whole);
    }
    let again = sent(|transport| {
        whole.frames.iter().for_each(|(string, _)| transport.send_netstring(string));
    });
    let rest = input.strip_prefix(&again[..]).expect("a netstring can be written in one way only");
    match &whole.rest {
        Some(left) => assert!(rest == left && may_become_one(rest, limit)),
        None => assert!(!may_become_one(rest, limit), "a good input is an error: {}", whole.end),
    }
});

/// Whether more bytes may make a netstring of these.
fn may_become_one(bytes: &[u8], limit: usize) -> bool {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, content) = bytes.split_at(digits);
    let number = String::from_utf8_lossy(number);
    let has_form = number == "0" || !number.starts_with('0');
    let length = if digits == 0 { Some(0) } else { number.parse::<usize>().ok() };
    let Some(length) = length.filter(|length| has_form && *length <= limit) else { return false };
    match content {
        [] => true,
        [b':', content @ ..] => digits > 0 && content.len() <= length,
        _ => false,
    }
}
