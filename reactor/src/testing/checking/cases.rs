//! All that is done to a protocol for the sake of one script.

use std::time::Duration;

use super::Subject;
use super::script::{Script, Step};
use super::stage::Pending;
use crate::testing::Dice;

/// Inputs of up to this length have every cut in two tried, and every end, timer and loss at every place.
pub(super) const EXHAUSTIVE_MAX: usize = 48;

/// Inputs of up to this length have every cut in three tried as well.
const THIRDS_MAX: usize = 24;

/// How many random splits are tried.
const SAMPLES: u64 = 100;

/// How many cuts a random split has at most.
const SAMPLE_CUTS_MAX: usize = 32;

/// Makes the random splits the same in every run.
const SEED: u64 = 0x6375_7473;

/// At how many places long inputs are made to end, besides before the first byte.
const PLACES_MAX: usize = 8;

/// How many times the first timer's time is waited for while the peer reads nothing.
const TICKS: u32 = 500;

/// How long is waited at most for that.
const WAIT_MAX: Duration = Duration::from_secs(24 * 3600);

/// How much input is sent if no bound is stated.
const FLOOD_DEFAULT: usize = 64 * 1024;

/// How much is sent at least and at most, if one is: four times the bound.
const FLOOD_MIN: usize = 4 * 1024;
const FLOOD_MAX: usize = 4 * 1024 * 1024;

/// What is done to the connection while it gets its input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Difficulty {
    None,
    /// Reading is paused from outside while a part arrives.
    PausedOutside,
    /// Reading is paused at each event.
    PausedAtEvents,
    /// Output is blocked while a part arrives.
    OutputBlocked,
}

impl Difficulty {
    const ALL: [Self; 4] = [Self::None, Self::PausedOutside, Self::PausedAtEvents, Self::OutputBlocked];

    fn hinder(self, script: Script) -> Script {
        match self {
            Self::None => script,
            Self::PausedOutside => script.around_each_part(&Step::Pause, &Step::Resume),
            Self::PausedAtEvents => script.pause_at_events(),
            Self::OutputBlocked => script.around_each_part(&Step::Block, &Step::Unblock),
        }
    }
}

/// Ways of cutting the input, under difficulties. The script has an end.
pub(super) fn chunkings(script: &Script) -> impl Iterator<Item = Script> {
    let length = script.length();
    let exhaustive = if length <= EXHAUSTIVE_MAX { length } else { 0 };
    let thirds = if length <= THIRDS_MAX { length } else { 0 };
    let bytewise: Vec<_> = (1..length).collect();
    let halves = (1..exhaustive).map(|cut| vec![cut]);
    let short_bytewise = (exhaustive > 0).then(|| bytewise.clone());
    let hindered = std::iter::once(Vec::new()).chain(halves).chain(short_bytewise);
    let hindered = hindered.flat_map(move |cuts| {
        let cut = script.cut(&cuts);
        let together = at_once_with_end(&cut);
        let joined = together.map(|script| [script.clone(), Difficulty::PausedAtEvents.hinder(script)]);
        Difficulty::ALL
            .map(|difficulty| difficulty.hinder(cut.clone()))
            .into_iter()
            .chain(joined.into_iter().flatten())
    });
    let thirds =
        (1..thirds).flat_map(move |first| (first + 1..thirds).map(move |second| vec![first, second]));
    let plain = std::iter::once(bytewise).chain(thirds).map(|cuts| script.cut(&cuts));
    let samples = Difficulty::ALL.into_iter().cycle().zip(0..SAMPLES);
    let samples = samples.map(move |(difficulty, number)| {
        difficulty.hinder(script.cut(&random_cuts(length, &Dice::new(SEED + number))))
    });
    hindered.chain(plain).chain(samples)
}

/// Cuts into a long part, some that are short or middling, and the rest.
fn random_cuts(length: usize, dice: &Dice) -> Vec<usize> {
    // All fit: they are less than what fits.
    let below = |end: usize| dice.roll(end as u64) as usize;
    let longest = 1 << below(12);
    let mut cuts = Vec::new();
    let mut place = below(length);
    while place < length && cuts.len() < SAMPLE_CUTS_MAX {
        if place > 0 {
            cuts.push(place);
        }
        place += 1 + below(longest);
    }
    cuts
}

/// The end of input arrives with the last part.
fn at_once_with_end(script: &Script) -> Option<Script> {
    let end = script.steps.iter().position(|step| matches!(step, Step::Finish))?;
    let beginning = Script { steps: script.steps[..end].to_vec(), ..script.clone() };
    let mut joined = at_once_with(&beginning)?;
    joined.steps.extend_from_slice(&script.steps[end..]);
    Some(joined)
}

/// What follows the script happens at once with its last part of the input. With anything else it would be a race
/// between two sources, of which nobody knows who wins.
fn at_once_with(script: &Script) -> Option<Script> {
    matches!(script.steps.last(), Some(Step::Send(_))).then(|| script.clone().and())
}

/// Places in the input: all of them if it is short.
pub(super) fn places(length: usize) -> impl Iterator<Item = usize> {
    let step = if length <= EXHAUSTIVE_MAX { 1 } else { length.div_ceil(PLACES_MAX) };
    (0..=length).step_by(step)
}

/// All ends that may come after `length` bytes.
pub(super) fn ends(script: &Script, length: usize) -> impl Iterator<Item = Script> {
    let beginning = script.without_end().beginning(length);
    let cut = beginning.cut(&fine_cuts(length));
    let paused = beginning.clone().pause_reading().reset();
    let ends = [Step::Finish, Step::Reset, Step::HangUp].into_iter().flat_map(move |end| {
        let apart = cut.clone().step(end.clone());
        let together = at_once_with(&beginning).map(|beginning| beginning.step(end.clone()));
        let unread = beginning.clone().unread().step(end);
        [apart, unread].into_iter().chain(together)
    });
    ends.chain([paused])
}

/// Time passes wherever timers are pending, just until the first of them, until the last, and as long again.
pub(super) fn timers(script: &Script, pending: &[Pending]) -> Vec<Script> {
    let fine = script.cut(&fine_cuts(script.length()));
    let mut scripts = Vec::new();
    for Pending { place, first, last } in pending.iter().copied() {
        let mut times = vec![first, last, last.saturating_mul(2)];
        times.dedup();
        scripts.extend(times.into_iter().map(|time| fine.insert(place, &[Step::Wait(time)])));
        let beginning = script.without_end().beginning(place);
        scripts.push(beginning.clone().finish().wait(last));
        scripts.push(beginning.clone().unread().wait(last));
        scripts.push(beginning.pause_reading().wait(last));
    }
    if let Some(Pending { first, last, .. }) = pending.last().copied() {
        let waiting = script.without_end().wait(last.saturating_mul(2));
        scripts.extend(losses(&waiting, script.length() + 4));
        scripts.push(script.without_end().unread().wait(first.saturating_mul(TICKS).min(WAIT_MAX)));
    }
    scripts
}

/// Time passes between two parts of the input that would be one read, or could be.
pub(super) fn idlings(script: &Script, time: Duration) -> impl Iterator<Item = Script> {
    let length = script.length();
    let places = places(length).filter(move |place| (1..length).contains(place));
    places.map(move |place| script.insert(place, &[Step::Idle(time)]))
}

/// The input comes again and again, to a peer that reads nothing, and, if that is limited, to see what the protocol holds.
pub(super) fn floods(subject: &Subject<'_>, script: &Script) -> Vec<Script> {
    let script = script.without_end().without_waits();
    let length = script.length();
    if length == 0 {
        return Vec::new();
    }
    let flood = |bound: Option<usize>| {
        let wanted = bound.map_or(FLOOD_DEFAULT, |bound| bound.saturating_mul(4).clamp(FLOOD_MIN, FLOOD_MAX));
        script.clone().repeat(wanted.div_ceil(length))
    };
    let unread = flood(subject.output_max).unread();
    let held = subject.held_max.map(|bound| [flood(Some(bound)), flood(Some(bound)).unread()]);
    std::iter::once(unread).chain(held.into_iter().flatten()).collect()
}

/// The connection breaks after each of so many callbacks.
pub(super) fn losses(script: &Script, callbacks: usize) -> impl Iterator<Item = Script> {
    let step = if callbacks <= 2 * EXHAUSTIVE_MAX { 1 } else { callbacks.div_ceil(PLACES_MAX) };
    let script = script.cut(&fine_cuts(script.length()));
    (1..=callbacks).step_by(step).flat_map(move |number| {
        [script.clone().abort_after_callback(number), script.clone().reset_after_callback(number)]
    })
}

/// Every byte by itself, or long parts of a long input.
pub(super) fn fine_cuts(length: usize) -> Vec<usize> {
    let step = if length <= EXHAUSTIVE_MAX { 1 } else { length.div_ceil(EXHAUSTIVE_MAX) };
    (1..length).filter(|cut| cut % step == 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(script: &Script) -> Vec<Vec<u8>> {
        let part = |step: &Step| if let Step::Send(bytes) = step { Some(bytes.clone()) } else { None };
        script.steps.iter().filter_map(part).collect()
    }

    fn is_plain(script: &Script) -> bool {
        !script.pauses_at_events
            && script.steps.iter().all(|step| matches!(step, Step::Send(_) | Step::Finish))
    }

    #[test]
    fn short_inputs_are_cut_in_every_way_and_no_byte_is_lost() {
        let input: Vec<u8> = (0..THIRDS_MAX as u8).collect();
        let script = Script::from(&input).finish();
        let cases: Vec<_> = chunkings(&script).collect();
        assert!(cases.iter().all(|case| parts(case).concat() == input && case.is_comparable()));
        let mut plain: Vec<_> = cases.iter().filter(|case| is_plain(case)).map(parts).collect();
        plain.sort();
        plain.dedup();
        let with = |count| plain.iter().filter(|parts| parts.len() == count).count();
        assert_eq!((with(1), with(2), with(3), with(THIRDS_MAX)), (1, 23, 23 * 22 / 2, 1));
        assert!(with(4) > 0, "random splits");
    }

    #[test]
    fn long_and_empty_inputs_have_cases_too() {
        let input = vec![b'x'; 10_000];
        let long: Vec<_> = chunkings(&Script::from(&input).finish()).collect();
        assert_eq!(long.len(), 6 + 1 + SAMPLES as usize);
        assert!(long.iter().all(|case| parts(case).concat() == input));
        assert!(chunkings(&Script::new().finish()).all(|case| parts(&case).is_empty()));
        assert_eq!(places(10_000).count(), PLACES_MAX + 1);
        assert_eq!(places(3).collect::<Vec<_>>(), [0, 1, 2, 3]);
    }

    #[test]
    fn what_happens_between_the_bytes_stays_where_it_is() {
        let second = Duration::from_secs(1);
        let script = Script::new().send("abc").wait(second).send("de").reset();
        let shown = |script: Script| format!("{script:?}").replace("Script::new()", "");
        let wait = ".wait(Duration::from_secs(1))";
        assert_eq!(
            shown(script.cut(&[1, 3, 4])),
            format!(r#".send(b"a").send(b"bc"){wait}.send(b"d").send(b"e").reset()"#)
        );
        assert_eq!(shown(script.cut(&[1, 4]).plain()), shown(script.clone()));
        assert_eq!(shown(script.beginning(4)), format!(r#".send(b"abc"){wait}.send(b"d")"#));
        assert_eq!(shown(script.beginning(2)), r#".send(b"ab")"#);
        assert_eq!(shown(script.beginning(5)), format!(r#".send(b"abc"){wait}.send(b"de").reset()"#));
        assert_eq!(
            shown(Script::from("abc").insert(1, &[Step::Finish])),
            r#".send(b"a").finish().send(b"bc")"#
        );
        assert_eq!(shown(Script::from("abc").insert(3, &[Step::Finish])), r#".send(b"abc").finish()"#);
        assert_eq!(shown(Script::from("abc").insert(0, &[Step::Finish])), r#".finish().send(b"abc")"#);
    }

    #[test]
    fn what_nobody_can_compare_is_not_compared() {
        let comparable = |script: Script| script.is_comparable();
        let script = || Script::from("abc");
        assert!(comparable(script().wait(Duration::ZERO).reset()));
        assert!(comparable(script().and().finish().pause_at_events()));
        assert!(comparable(Script::new().block_output().send("a").finish().unblock_output()));
        assert!(!comparable(script().and().reset()));
        assert!(!comparable(script().pause_reading()));
        assert!(!comparable(script().pause_reading().wait(Duration::ZERO).resume_reading()));
        assert!(!comparable(script().block_output().hang_up().unblock_output()));
        assert!(!comparable(script().unread()));
        assert!(!comparable(script().repeat(2)));
        assert!(!comparable(script().abort_after_callback(1)));
    }
}
