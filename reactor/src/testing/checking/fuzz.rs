//! Fuzzing a protocol.

use std::time::Duration;

use super::ProtocolCheck;
use super::script::{Script, Step};
use crate::Protocol;
use crate::testing::Events;

/// Runs a protocol through what the bytes of `data` say: input in parts, pauses, blocked output, time, ends and losses. Any
/// bytes say something. Compared with the plain course of things and held to all laws is this one script, as
/// [`ProtocolCheck::run_exactly`] does.
///
/// Whatever calls this with bytes is a fuzz target, such as a function or what the macro `fuzz_target!` of libfuzzer-sys is given:
///
/// ```
/// # use ropewalk_reactor::{Protocol, Result, Transport};
/// # struct Echo;
/// # impl Protocol for Echo {
/// #     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result { Ok(transport.write(data)) }
/// # }
/// let target = |data: &[u8]| ropewalk_reactor::testing::fuzz_protocol(|_| Echo, data);
/// target(b"\x07\x14hello\x0b");
/// ```
///
/// The first byte tells what holds for the whole: its lowest three bits choose, and the others are a number `n`. Then each byte
/// is a step, chosen likewise: 0 pauses reading or resumes it, 1 blocks output or unblocks it, 2 waits for 2ⁿ milliseconds, 3
/// ends the peer's sending, and 4 to 7 send the next `n + 1` bytes.
///
/// # Panics
/// With the report if a law is broken.
#[track_caller]
pub fn fuzz_protocol<P: Protocol + 'static>(make: impl Fn(Events) -> P, data: &[u8]) {
    ProtocolCheck::new(make).run_fuzzed(data);
}

/// The longest time that one byte can say is 2^22 milliseconds, a good hour.
const WAIT_BITS_MAX: u32 = 22;

/// What fuzzed bytes say: first what holds for the whole script, then step by step.
pub(super) fn decode(data: &[u8]) -> Script {
    let Some((&first, mut rest)) = data.split_first() else { return Script::new() };
    let mut script = whole(Script::new(), first);
    while let Some((&byte, after)) = rest.split_first() {
        let (steps, used) = step(&script, byte, after);
        script.steps.extend(steps);
        rest = &after[used..];
    }
    released(script)
}

/// What the first byte says about the whole script.
fn whole(script: Script, byte: u8) -> Script {
    let number = usize::from(byte >> 3) + 1;
    match byte & 7 {
        0 => script.pause_at_events(),
        1 => script.abort_after_callback(number),
        2 => script.reset_after_callback(number),
        3 => script.unread(),
        _ => script,
    }
}

/// The steps that one byte says, and how many of the bytes after it they use.
fn step(script: &Script, byte: u8, after: &[u8]) -> (Vec<Step>, usize) {
    let number = byte >> 3;
    match byte & 7 {
        0 if is_in(script, &Step::Pause, &Step::Resume) => (vec![Step::Resume], 0),
        0 => (vec![Step::Pause], 0),
        1 if is_in(script, &Step::Block, &Step::Unblock) => (vec![Step::Unblock], 0),
        1 => (vec![Step::Block], 0),
        2 => (vec![Step::Wait(Duration::from_millis(1 << u32::from(number).min(WAIT_BITS_MAX)))], 0),
        3 => (vec![[Step::Finish, Step::Reset, Step::HangUp][usize::from(number) % 3].clone()], 0),
        _ => {
            let used = after.len().min(usize::from(number) + 1);
            (vec![Step::Send(after[..used].to_vec())], used)
        }
    }
}

/// Whether the script has come to `begin` and not yet to `end`.
fn is_in(script: &Script, begin: &Step, end: &Step) -> bool {
    script.steps.iter().rev().find(|step| *step == begin || *step == end) == Some(begin)
}

/// The script with an end of what hinders it, without which nothing could be compared.
fn released(mut script: Script) -> Script {
    for (begin, end) in [(Step::Pause, Step::Resume), (Step::Block, Step::Unblock)] {
        if is_in(&script, &begin, &end) {
            script.steps.push(end);
        }
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(data: &[u8]) -> String {
        format!("{:?}", decode(data))
    }

    #[test]
    fn bytes_say_scripts() {
        assert_eq!(decoded(b""), "Script::new()");
        assert_eq!(
            decoded(b"\x07\x0cab\x00\x04c\x00\x52\x03"),
            "Script::new().send(b\"ab\").pause_reading().send(b\"c\").resume_reading()\
             .wait(Duration::from_millis(1024)).finish()"
        );
        assert_eq!(decoded(b"\x11\xffxy"), "Script::new().send(b\"xy\").abort_after_callback(3)");
        assert_eq!(
            decoded(b"\x00\x01\x0b"),
            "Script::new().block_output().reset().unblock_output().pause_at_events()"
        );
    }

    #[test]
    fn any_bytes_say_something() {
        let dice = crate::testing::Dice::new(1);
        for _ in 0..1_000 {
            let _ = decode(&dice.bytes(64));
        }
    }
}
