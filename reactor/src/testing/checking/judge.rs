//! Running one script, and holding what came of it to the laws.

use std::cell::RefCell;
use std::collections::VecDeque;
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

/// How many plain scripts are remembered.
const REMEMBERED_MAX: usize = 8;

/// Runs scripts, and remembers the plain ones.
pub(super) struct Judge<'a> {
    subject: &'a Subject<'a>,
    /// The plain scripts that were run last.
    plain: RefCell<VecDeque<(Script, Rc<Played>)>>,
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
            Some(verdict) => Err(Box::new(self.failure(script, verdict))),
        }
    }

    pub(super) const fn subject(&self) -> &Subject<'a> {
        self.subject
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
        Some(Verdict::Different { law: script.law(), outcome, reference, other: "plainly" })
    }

    fn plain(&self, script: &Script) -> Rc<Played> {
        if let Some((_, played)) = self.plain.borrow().iter().find(|(known, _)| known.steps == script.steps) {
            return Rc::clone(played);
        }
        let played = Rc::new(play(self.subject, script));
        let mut remembered = self.plain.borrow_mut();
        remembered.truncate(REMEMBERED_MAX - 1);
        remembered.push_front((script.clone(), Rc::clone(&played)));
        played
    }

    fn verdict(&self, script: &Script) -> Option<Verdict> {
        self.judge(script, &play(self.subject, script))
    }

    fn failure(&self, script: &Script, verdict: Verdict) -> Failure {
        if let Some(unsteady) = self.unsteadiness(script) {
            return self.report(script, &unsteady, script);
        }
        let law = verdict.law();
        let is_alike = |other: Law| other == law || (other.compares() && law.compares());
        let fails = |script: &Script| self.verdict(script).is_some_and(|verdict| is_alike(verdict.law()));
        let shrunk = script.clone().shrunk(law, fails);
        let verdict = self.verdict(&shrunk).unwrap_or(verdict);
        self.report(&shrunk, &verdict, script)
    }

    /// What is not the same each time may differ from anything.
    fn unsteadiness(&self, script: &Script) -> Option<Verdict> {
        let seen = |verdict: Option<Verdict>| verdict.map(|verdict| verdict.law());
        self.plain.borrow_mut().clear();
        let again = seen(self.verdict(script));
        self.plain.borrow_mut().clear();
        let differs = again.is_none() || again != seen(self.verdict(script));
        let how = "what went wrong once did not go wrong when it was run again";
        let unsteady = differs.then(|| Verdict::Breach(Breach { law: Law::Determinism, how: how.into() }));
        unsteady.or_else(|| self.repeat(script)).or_else(|| self.repeat(&script.plain()))
    }

    /// Whether a script does the same each time.
    fn repeat(&self, script: &Script) -> Option<Verdict> {
        let (reference, outcome) = (play(self.subject, script).outcome, play(self.subject, script).outcome);
        let law = Law::Determinism;
        (outcome != reference).then_some(Verdict::Different {
            law,
            outcome,
            reference,
            other: "the first time",
        })
    }

    fn report(&self, script: &Script, verdict: &Verdict, original: &Script) -> Failure {
        let report = report::report(self.subject, verdict, script, original);
        Failure::new(verdict.law(), script.clone(), report)
    }
}

impl Script {
    /// The law that is broken if the outcome is not the plain one.
    fn law(&self) -> Law {
        let any = |wanted: fn(&Step) -> bool| self.steps.iter().any(wanted);
        if any(|step| matches!(step, Step::Idle(_))) {
            return Law::Timers;
        }
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
