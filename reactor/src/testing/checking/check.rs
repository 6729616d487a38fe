//! The check as users call it.

use std::any::type_name;
use std::fmt;
use std::rc::Rc;

use super::judge::Judge;
use super::watch::Watch;
use super::watched::Watched;
use super::{Dice, Failure, Outcome, Script, Subject, cases};
use crate::Protocol;
use crate::testing::Events;

/// Checks a protocol.
///
/// # Panics
/// With a report if a law is broken.
#[track_caller]
pub fn check_protocol<P: Protocol + 'static>(
    make: impl Fn(Events) -> P,
    script: impl Into<Script>,
) -> Outcome {
    ProtocolCheck::new(make).run(script)
}

/// A check of a protocol, with what is stated of it.
pub struct ProtocolCheck<'a, P> {
    make: Box<dyn Fn(Events) -> P + 'a>,
    measure: Option<(Rc<dyn Fn(&P) -> usize>, usize)>,
    output_max: Option<usize>,
    reads_max: Option<usize>,
}

impl<'a, P: Protocol + 'static> ProtocolCheck<'a, P> {
    /// A check of what `make` makes, which is called for each run.
    pub fn new(make: impl Fn(Events) -> P + 'a) -> Self {
        Self { make: Box::new(make), measure: None, output_max: None, reads_max: None }
    }

    /// States that the protocol itself never holds more than so many bytes.
    pub fn holds_at_most(mut self, bytes: usize, held: impl Fn(&P) -> usize + 'static) -> Self {
        self.measure = Some((Rc::new(held), bytes));
        self
    }

    /// States that no more bytes of output than that ever wait for the peer.
    pub const fn output_at_most(mut self, bytes: usize) -> Self {
        self.output_max = Some(bytes);
        self
    }

    /// Has the peer read no more than that.
    pub const fn peer_reads(mut self, bytes: usize) -> Self {
        self.reads_max = Some(bytes);
        self
    }

    /// Checks.
    ///
    /// # Panics
    /// With a report if a law is broken.
    #[track_caller]
    pub fn run(&self, script: impl Into<Script>) -> Outcome {
        expect(self.try_run(script))
    }

    /// Checks.
    ///
    /// # Errors
    /// If a law is broken.
    pub fn try_run(&self, script: impl Into<Script>) -> Result<Outcome, Failure> {
        self.with_subject(|subject| run(subject, &script.into()))
    }

    /// Checks scripts from seeds.
    ///
    /// # Panics
    /// With a report if a law is broken.
    #[track_caller]
    pub fn run_seeds(&self, count: u64, script: impl Fn(&mut Dice) -> Script) {
        let one = std::env::var("ROPEWALK_SEED").ok().and_then(|seed| seed.parse().ok());
        for seed in one.map_or(0..count, |seed| seed..seed + 1) {
            if let Err(failure) = self.try_run(script(&mut Dice::new(seed))) {
                panic!("seed {seed} (ROPEWALK_SEED={seed} runs it alone): {failure}");
            }
        }
    }

    /// Runs exactly one script.
    ///
    /// # Panics
    /// With a report if a law is broken.
    #[track_caller]
    pub fn run_exactly(&self, script: impl Into<Script>) -> Outcome {
        let script = script.into();
        let result =
            self.with_subject(|subject| Judge::new(subject).check(&script).map_err(|failure| *failure));
        expect(result.map(|played| played.outcome))
    }

    fn with_subject<R>(&self, work: impl FnOnce(&Subject<'_>) -> R) -> R {
        let make = |watch: &Rc<Watch>| -> Box<dyn Protocol> {
            let protocol = (self.make)(watch.events.clone());
            Box::new(Watched::new(protocol, self.measure.clone(), watch))
        };
        work(&Subject {
            make: &make,
            name: type_name::<P>(),
            output_max: self.output_max,
            held_max: self.measure.as_ref().map(|(_, bound)| *bound),
            reads_max: self.reads_max,
        })
    }
}

impl<P> fmt::Debug for ProtocolCheck<'_, P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ProtocolCheck").field("protocol", &type_name::<P>()).finish_non_exhaustive()
    }
}

#[track_caller]
fn expect(result: Result<Outcome, Failure>) -> Outcome {
    match result {
        Ok(outcome) => outcome,
        Err(failure) => panic!("{failure}"),
    }
}

fn run(subject: &Subject<'_>, script: &Script) -> Result<Outcome, Failure> {
    try_all(&Judge::new(subject), script).map_err(|failure| *failure)
}

/// Runs the script in all ways.
fn try_all(judge: &Judge<'_>, script: &Script) -> Result<Outcome, Box<Failure>> {
    let ended = if script.has_end() { script.clone() } else { script.clone().finish() };
    // A script that is its own plain one is run again to be compared.
    let reference = judge.check(&ended)?;
    for script in cases::chunkings(&ended) {
        judge.check(&script)?;
    }
    for place in cases::places(script.length()) {
        for script in cases::ends(script, place) {
            judge.check(&script)?;
        }
    }
    let fine = judge.check(&ended.cut(&cases::fine_cuts(ended.length())))?;
    for script in cases::losses(&ended, fine.callbacks) {
        judge.check(&script)?;
    }
    for script in cases::timers(&ended, &fine.timers) {
        judge.check(&script)?;
    }
    for script in cases::floods(judge.subject(), script) {
        judge.check(&script)?;
    }
    Ok(reference.outcome)
}
