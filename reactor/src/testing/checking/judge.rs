//! Running one script, and holding what came of it to the laws.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::script::{Script, Step};
use super::stage::{Played, play};
use super::watch::Breach;
use super::{Failure, Law, Outcome, Subject, report};

/// How a law is broken.
pub(super) enum Verdict {
    /// In one run by itself.
    Breach(Breach),
    /// By a difference between two runs.
    Different { law: Law, outcome: Outcome, reference: Outcome, other: &'static str },
}

impl Verdict {
    pub(super) const fn law(&self) -> Law {
        match self {
            Self::Breach(breach) => breach.law,
            Self::Different { law, .. } => *law,
        }
    }
}

/// Runs scripts, and remembers the plain ones.
pub(super) struct Judge<'a> {
    subject: &'a Subject<'a>,
    plain: RefCell<HashMap<String, Rc<Played>>>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(subject: &'a Subject<'a>) -> Self {
        Self { subject, plain: RefCell::default() }
    }

    /// Runs a script, and the plain one if they can be compared.
    pub(super) fn check(&self, script: &Script) -> Result<Played, Box<Failure>> {
        let played = play(self.subject, script);
        match self.judge(script, &played) {
            None => Ok(played),
            Some(verdict) => Err(Box::new(self.failure(script, &verdict))),
        }
    }

    /// Runs a script twice, which must be the same.
    pub(super) fn check_twice(&self, script: &Script) -> Result<Played, Box<Failure>> {
        let first = self.check(script)?;
        let second = play(self.subject, script);
        if first.outcome == second.outcome && first.before == second.before && second.breach.is_none() {
            return Ok(first);
        }
        let verdict = Verdict::Different {
            law: Law::Determinism,
            outcome: second.outcome,
            reference: first.outcome,
            other: "the first time",
        };
        let report = report::report(self.subject, &verdict, script, script);
        Err(Box::new(Failure::new(Law::Determinism, script.clone(), report)))
    }

    fn judge(&self, script: &Script, played: &Played) -> Option<Verdict> {
        if let Some(breach) = &played.breach {
            return Some(Verdict::Breach(breach.clone()));
        }
        if !script.is_comparable() {
            return None;
        }
        let reference = self.plain(&script.plain());
        if let Some(breach) = &reference.breach {
            return Some(Verdict::Breach(breach.clone()));
        }
        let before = played.before.iter().zip(&reference.before);
        let before = before.filter_map(|(one, other)| one.as_ref().zip(other.as_ref()));
        let mut moments = before.chain([(&played.outcome, &reference.outcome)]);
        let (outcome, reference) = moments.find(|(outcome, reference)| outcome != reference)?;
        let (outcome, reference) = (outcome.clone(), reference.clone());
        Some(Verdict::Different {
            law: script.law(),
            outcome,
            reference,
            other: "in the plain course of things",
        })
    }

    fn plain(&self, script: &Script) -> Rc<Played> {
        let key = format!("{script:?}");
        if let Some(played) = self.plain.borrow().get(&key) {
            return Rc::clone(played);
        }
        let played = Rc::new(play(self.subject, script));
        self.plain.borrow_mut().insert(key, Rc::clone(&played));
        played
    }

    fn failure(&self, script: &Script, verdict: &Verdict) -> Failure {
        let law = verdict.law();
        let is_alike = |other: Law| other == law || (other.compares() && law.compares());
        let verdict_of = |script: &Script| self.judge(script, &play(self.subject, script));
        let fails = |script: &Script| verdict_of(script).is_some_and(|verdict| is_alike(verdict.law()));
        let shrunk = script.clone().shrunk(law, fails);
        let report = match verdict_of(&shrunk) {
            Some(verdict) => report::report(self.subject, &verdict, &shrunk, script),
            None => report::report(self.subject, verdict, script, script),
        };
        let law = verdict_of(&shrunk).map_or(law, |verdict| verdict.law());
        Failure::new(law, shrunk, report)
    }
}

impl Script {
    /// The law that is broken if the outcome is not the plain one.
    fn law(&self) -> Law {
        let any = |wanted: fn(&Step) -> bool| self.steps.iter().any(wanted);
        if self.pauses_at_events || any(|step| matches!(step, Step::Pause)) {
            return Law::Pausing;
        }
        if any(|step| matches!(step, Step::Block)) {
            return Law::BlockedOutput;
        }
        match self.steps.iter().rev().find(|step| step.is_end()) {
            Some(Step::Finish) => Law::EndOfInput,
            Some(Step::Reset) => Law::Reset,
            Some(Step::HangUp) => Law::HangUp,
            _ if any(|step| matches!(step, Step::Wait(_))) => Law::Timers,
            _ => Law::Chunking,
        }
    }
}
