//! Making a failing script shorter.

use super::Law;
use super::script::{Script, Step};

/// How many shorter scripts are tried.
const TRIES_MAX: usize = 2_000;

/// The same where each try is slow or prints something.
const COSTLY_TRIES_MAX: usize = 100;

impl Script {
    /// The shortest script that still fails, as far as leaving things out finds it.
    pub(super) fn shrunk(self, law: Law, fails: impl Fn(&Self) -> bool) -> Self {
        let mut shortest = self;
        let costly = matches!(law, Law::Panic | Law::Rest | Law::Memory);
        let mut tries = if costly { COSTLY_TRIES_MAX } else { TRIES_MAX };
        loop {
            let shorter = shortest.shorter().take(tries).inspect(|_| tries -= 1).find(|script| fails(script));
            match shorter {
                Some(shorter) => shortest = shorter,
                None => return shortest,
            }
        }
    }

    /// Scripts that are a step shorter, those with most left out first.
    fn shorter(&self) -> impl Iterator<Item = Self> {
        let fewer_steps = ranges(self.steps.len()).map(|(begin, end)| {
            let mut shorter = self.clone();
            shorter.steps.drain(begin..end);
            shorter
        });
        let easier = self.easier().into_iter();
        easier.chain(fewer_steps).chain(self.less_input()).chain(self.without_pairs()).chain(self.joined())
    }

    /// Without one of the things that hinder.
    fn easier(&self) -> Vec<Self> {
        let without = |hindrance: fn(&Step) -> bool| {
            let mut easier = self.clone();
            easier.steps.retain(|step| !hindrance(step));
            (easier.steps.len() < self.steps.len()).then_some(easier)
        };
        let mut easier = Vec::new();
        easier.extend(without(|step| matches!(step, Step::Pause | Step::Resume)));
        easier.extend(without(|step| matches!(step, Step::Block | Step::Unblock)));
        easier.extend(without(|step| matches!(step, Step::And)));
        if self.pauses_at_events {
            easier.push(Self { pauses_at_events: false, ..self.clone() });
        }
        if self.unread {
            easier.push(Self { unread: false, ..self.clone() });
        }
        if self.repeats > 0 {
            let fewer = (0..usize::BITS).map(|halvings| self.repeats - (self.repeats >> halvings));
            let fewer = fewer.take_while(|repeats| *repeats < self.repeats);
            easier.extend(fewer.map(|repeats| Self { repeats, ..self.clone() }));
        }
        if let Some((number, kind)) = self.break_after {
            easier.push(Self { break_after: None, ..self.clone() });
            easier
                .extend((1..number).map(|number| Self { break_after: Some((number, kind)), ..self.clone() }));
        }
        easier
    }

    fn less_input(&self) -> impl Iterator<Item = Self> {
        self.steps.iter().enumerate().flat_map(move |(index, step)| {
            let length = if let Step::Send(bytes) = step { bytes.len() } else { 0 };
            ranges(length).map(move |(begin, end)| {
                let mut shorter = self.clone();
                if let Step::Send(bytes) = &mut shorter.steps[index] {
                    bytes.drain(begin..end);
                }
                shorter
            })
        })
    }

    /// Without something that hinders a part, and its end.
    fn without_pairs(&self) -> impl Iterator<Item = Self> {
        self.steps.iter().enumerate().filter_map(move |(begin, step)| {
            let is_end: fn(&Step) -> bool = match step {
                Step::Pause => |step| matches!(step, Step::Resume),
                Step::Block => |step| matches!(step, Step::Unblock),
                _ => return None,
            };
            let end = begin + self.steps[begin..].iter().position(is_end)?;
            let mut shorter = self.clone();
            shorter.steps.remove(end);
            shorter.steps.remove(begin);
            Some(shorter)
        })
    }

    /// With two parts of the input in one.
    fn joined(&self) -> impl Iterator<Item = Self> {
        (1..self.steps.len()).filter_map(move |index| {
            let mut shorter = self.clone();
            let Step::Send(bytes) = shorter.steps.remove(index) else { return None };
            let Step::Send(before) = &mut shorter.steps[index - 1] else { return None };
            before.extend(bytes);
            Some(shorter)
        })
    }
}

/// Everything, then the halves, the quarters, and so on, down to single items.
fn ranges(length: usize) -> impl Iterator<Item = (usize, usize)> {
    let sizes = std::iter::successors(Some(length), |size| Some(size.div_ceil(2)).filter(|_| *size > 1));
    let sizes = sizes.filter(|size| *size > 0);
    sizes.flat_map(move |size| (0..length).step_by(size).map(move |begin| (begin, length.min(begin + size))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sends(script: &Script, wanted: u8) -> Option<usize> {
        script.steps.iter().position(|step| matches!(step, Step::Send(bytes) if bytes.contains(&wanted)))
    }

    #[test]
    fn shrinking_ends_at_what_cannot_be_left_out() {
        let input: Vec<u8> = (0..200).collect();
        let script = Script::from(&input).cut(&(1..200).collect::<Vec<_>>()).pause_at_events();
        let script = script.around_each_part(&Step::Block, &Step::Unblock).finish().abort_after_callback(9);
        let apart = |script: &Script| sends(script, 77).is_some() && sends(script, 77) < sends(script, 133);
        assert_eq!(
            format!("{:?}", script.shrunk(Law::Chunking, apart)),
            r#"Script::new().send(b"M").send(b"\x85")"#
        );
    }

    #[test]
    fn what_hinders_is_left_out_with_its_end() {
        let script = Script::from("abcd").cut(&[1, 2, 3]).around_each_part(&Step::Pause, &Step::Resume);
        let balanced = |script: &Script| script.is_comparable() && script.steps.contains(&Step::Pause);
        let shrunk = script.shrunk(Law::Pausing, balanced);
        assert_eq!(format!("{shrunk:?}"), "Script::new().pause_reading().resume_reading()");
    }

    #[test]
    fn repetitions_are_halved_until_they_are_just_enough() {
        let script = Script::from("ab").repeat(10_000);
        let shrunk = script.shrunk(Law::Memory, |script| script.repeats >= 1_234);
        assert_eq!(shrunk.repeats, 1_234);
    }
}
