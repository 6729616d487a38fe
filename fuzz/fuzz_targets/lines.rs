//! However the input is cut, lines are those of a model that sees all of it, and no more is held than one line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ropewalk::{Delimiter, LineReceiver};
use ropewalk_fuzz::{Choices, cuts, hear};

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::new(input);
    let (delimiter, sought, sent) = match choices.below(6) {
        0 => (Delimiter::CrLf, &b"\r\n"[..], 2),
        1 => (Delimiter::Lf, &b"\n"[..], 1),
        2 => (Delimiter::LfOrCrLf, &b"\n"[..], 2),
        3 => custom(b"\0"),
        4 => custom(b"aab"),
        _ => custom(b"abab"),
    };
    let optional_return = matches!(delimiter, Delimiter::LfOrCrLf);
    let limit = choices.one_of(&[8, 0, 1, 3, 60, 16_384]);
    let (pauses, size) = (choices.yes(), choices.byte());
    let input = choices.rest();
    let expected = model(input, sought, optional_return, limit);
    for parts in cuts(input, size) {
        let heard = hear(&parts, pauses, limit + sent - 1, |witness| {
            LineReceiver::new(witness).delimiter(delimiter.clone()).max_length(limit)
        });
        assert_eq!(heard.frames, expected);
    }
});

fn custom(bytes: &'static [u8]) -> (Delimiter, &'static [u8], usize) {
    (Delimiter::custom(bytes).expect("it is not empty"), bytes, bytes.len())
}

/// The lines of `input`, and for each whether it is too long; then it is the beginning of one.
fn model(mut input: &[u8], sought: &[u8], optional_return: bool, limit: usize) -> Vec<(Vec<u8>, bool)> {
    let mut lines = Vec::new();
    let longest = limit + sought.len() + usize::from(optional_return);
    loop {
        let end = input.windows(sought.len()).position(|window| window == sought);
        let mut line = &input[..end.unwrap_or(input.len())];
        if end.is_some() && optional_return {
            line = line.strip_suffix(b"\r").unwrap_or(line);
        }
        if end.is_some() && line.len() <= limit {
            lines.push((line.to_vec(), false));
        } else if end.is_some() || line.len() >= longest {
            lines.push((line[..=limit].to_vec(), true));
        }
        let Some(end) = end else { return lines };
        input = &input[end + sought.len()..];
    }
}
