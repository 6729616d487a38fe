//! One run of a protocol.

use std::cell::RefCell;
use std::rc::Rc;

use super::case::{Case, Difficulty};
use super::watched::{End, Watched};
use super::{Make, Outcome};
use crate::testing::{Events, Probe};

/// How often a protocol is resumed after one step, at most.
const RESUMES_MAX: usize = 1_000_000;

/// What was seen in a run.
pub(super) struct Observed {
    /// When all input had arrived; unknown if the end of input arrived with it.
    before_end: Option<Outcome>,
    pub(super) after_end: Outcome,
    /// Whether a callback has panicked.
    pub(super) panicked: bool,
}

/// Where two runs part.
pub(super) struct Difference {
    pub(super) moment: &'static str,
    pub(super) outcome: Outcome,
    pub(super) reference: Outcome,
}

impl Observed {
    /// The first moment at which this run is not as the reference was.
    pub(super) fn difference(self, reference: &Self) -> Option<Difference> {
        let before = self.before_end.zip(reference.before_end.as_ref());
        let before = before.map(|(outcome, reference)| ("when all input has arrived", outcome, reference));
        let after = ("after the end of input", self.after_end, &reference.after_end);
        let mut moments = before.into_iter().chain([after]);
        let (moment, outcome, reference) = moments.find(|(_, outcome, reference)| outcome != *reference)?;
        Some(Difference { moment, outcome, reference: reference.clone() })
    }
}

/// Gives a new protocol the parts of an input, then the end of input.
pub(super) fn run(make: Make<'_>, case: &Case) -> Observed {
    let mut running = Running::new(make, case.difficulty);
    let mut parts: Vec<_> = case.parts().collect();
    let mut before_end = None;
    if case.difficulty == Difficulty::PausedBeforeEnd {
        let last = parts.pop().unwrap_or_default();
        running.give(&parts);
        running.step(|probe| {
            probe.peer().send(last);
            probe.deliver_eof();
        });
    } else {
        running.give(&parts);
        before_end = Some(running.outcome());
        running.step(Probe::deliver_eof);
    }
    let panicked = running.probe.transport().reactor().stats().panics > 0;
    Observed { before_end, after_end: running.outcome(), panicked }
}

/// A protocol in the middle of a run.
struct Running {
    probe: Probe,
    difficulty: Difficulty,
    events: Events,
    end: Rc<RefCell<Option<End>>>,
    written: Vec<u8>,
}

impl Running {
    fn new(make: Make<'_>, difficulty: Difficulty) -> Self {
        let events = Events::new();
        let end = Rc::default();
        let pauses = matches!(difficulty, Difficulty::PausedAtEvents | Difficulty::PausedBeforeEnd);
        let pausing = pauses.then(|| events.clone());
        let probe = Probe::new(Watched::new(make(events.clone()), Rc::clone(&end), pausing));
        if difficulty == Difficulty::OutputBlocked {
            let mut limits = probe.transport().limits();
            (limits.high_water, limits.low_water) = (0, 0);
            probe.transport().set_limits(limits);
        }
        let mut running = Self { probe, difficulty, events, end, written: Vec::new() };
        running.resume_fully();
        running
    }

    fn give(&mut self, parts: &[&[u8]]) {
        for part in parts {
            self.step(|probe| probe.deliver(part));
        }
    }

    /// Has something arrive, under the difficulty.
    fn step(&mut self, arrive: impl FnOnce(&mut Probe)) {
        match self.difficulty {
            Difficulty::None | Difficulty::PausedAtEvents | Difficulty::PausedBeforeEnd => {
                arrive(&mut self.probe)
            }
            Difficulty::PausedOutside => {
                self.probe.transport().pause_reading();
                arrive(&mut self.probe);
                self.probe.transport().resume_reading();
                self.probe.settle();
            }
            Difficulty::OutputBlocked => {
                self.probe.set_window(Some(0));
                arrive(&mut self.probe);
                self.probe.set_window(None);
            }
        }
        self.resume_fully();
    }

    fn resume_fully(&mut self) {
        for _ in 0..RESUMES_MAX {
            if self.probe.is_closing() || !self.probe.transport().is_reading_paused() {
                return;
            }
            self.probe.transport().resume_reading();
            self.probe.settle();
        }
        panic!("the protocol has paused reading {RESUMES_MAX} times over one part of its input");
    }

    fn outcome(&mut self) -> Outcome {
        self.written.extend(self.probe.written());
        let end = self.end.borrow().clone();
        let flushed = end.as_ref().is_none_or(|end| end.flushed);
        let connection = match end {
            Some(end) => end.reason,
            None if self.probe.is_closing() => "closing".into(),
            None if self.probe.peer().has_finished() => "open, but it has finished sending".into(),
            None => "open".into(),
        };
        let written = if flushed { self.written.clone() } else { Vec::new() };
        Outcome { events: self.events.so_far(), written, connection }
    }
}
