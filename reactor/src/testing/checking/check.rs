//! The check as users call it.

use std::any::type_name;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use super::judge::Judge;
use super::watch::Watch;
use super::watched::{Measure, Watched};
use super::{Failure, MakeLayers, Outcome, Script, Subject, cases, fuzz};
use crate::testing::{Dice, Events, for_each_seed};
use crate::{Layer, Protocol};

/// Hunts for bugs in a protocol, and returns what it does if it finds none.
///
/// `make` makes a fresh protocol each time; what it hears, it records in the [`Events`] that it is given. The script says what
/// happens to it, at its simplest bytes that its peer sends. If the peer does not come to an end in it, the end of input follows.
/// This plain course of things is what the [`Outcome`] tells of, and what others are compared with, for the [`Law`](super::Law)s that say that
/// a protocol does the same:
///
/// * the input byte by byte, for inputs of up to 48 bytes every split in two parts, up to 24 every split in three, and 100
///   random splits in up to 33 parts, the same in every run;
/// * these (but not those in three) with reading paused from outside while a part arrives; with reading paused within the
///   callback at each recorded event, and resumed after it; with output blocked while a part arrives and water marks of zero, so
///   that each answer pauses the connection's reading; with the end of input after the last part or together with it;
/// * after each byte (at nine places of a longer input) the end of input, a reset, and a peer that is gone, which has finished and answers
///   what is written to it with a reset: each after the input in one part and in many, together with it, and to a peer that has
///   read nothing; and a reset while reading is paused;
/// * wherever timers are pending, time passing until the first of them expires, until the last does, and as long again; while the
///   peer reads nothing and while reading is paused, too;
/// * the connection aborted, and reset by the peer, after each callback;
/// * the input again and again, to a peer that reads nothing.
///
/// Compared are the events, what was written, and how the connection stands, with the reason in words if it has ended: before
/// each event of the script but bytes, and at the end. What was written is left out of account when the connection was aborted or
/// broke, because that may throw it away. What is done while something that hinders goes on is not compared if time passes, an event
/// is posted or the connection breaks meanwhile, nor is a loss between callbacks: these are only held to the laws that hold
/// for each run by itself, as all runs are:
///
/// * Nothing panics, and everything comes to rest.
/// * What waits for the peer is bounded ([`ProtocolCheck::output_at_most`]), and, if that is stated, what the protocol
///   holds ([`ProtocolCheck::holds_at_most`]).
/// * No callback closes the connection and then writes to it.
/// * The connection ends in its time, whatever the peer does: at once if it is broken, within its timeouts if it is closing, and
///   not by those alone if the peer reads. It begins to close when the peer has finished
///   (unless [`ProtocolCheck::outlives_input`] says otherwise).
/// * After the loss nothing happens: nothing is recorded or written (by `connection_lost` neither), no timer, delayed or
///   looping call and no task is left in the reactor, and nothing keeps the [`Events`] alive that the protocol was given. What
///   its destructor records is heard.
///
/// In any run, a protocol that has paused reading is resumed after the step, as often as it pauses. Time stands still
/// but for [`Script::wait`]; a timer that the protocol sets expires only where time passes.
///
/// A check of 10 bytes takes some fifty milliseconds in a debug build, one of 48 bytes five times as long; beyond that the time
/// grows with the length, so some tens of kilobytes are a good maximum.
///
/// ```
/// use ropewalk_reactor::testing::{Events, check_protocol};
/// use ropewalk_reactor::{Protocol, Result, Transport};
///
/// /// Adds up decimal digits until the first full stop.
/// struct Sum(Events, u32);
///
/// impl Protocol for Sum {
///     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
///         for byte in data {
///             match byte {
///                 b'0'..=b'9' => self.1 += u32::from(byte - b'0'),
///                 b'.' => {
///                     self.0.record(format_args!("sum {}", self.1));
///                     transport.lose_connection();
///                     return Ok(());
///                 }
///                 _ => return Err("not a digit".into()),
///             }
///         }
///         Ok(())
///     }
/// }
///
/// let outcome = check_protocol(|events| Sum(events, 0), "1234.5");
/// assert_eq!(outcome.events, ["sum 10"]);
/// assert_eq!(outcome.connection, "the connection was closed cleanly");
/// check_protocol(|events| Sum(events, 0), "12x34.");
/// ```
///
/// # Panics
/// With a report if a law is broken: which one and how, and a test to be pasted that shows it, with the shortest script that was
/// found by leaving out bytes, cuts and whatever else.
#[track_caller]
pub fn check_protocol<P: Protocol + 'static>(
    make: impl Fn(Events) -> P,
    script: impl Into<Script>,
) -> Outcome {
    ProtocolCheck::new(make).run(script)
}

/// The long form of [`check_protocol`]: a check with what is stated of the protocol.
///
/// ```
/// # use ropewalk_reactor::testing::{Events, ProtocolCheck, Script};
/// # use ropewalk_reactor::{Protocol, Result, Transport};
/// use std::time::Duration;
///
/// /// Answers each line with its length. A line has 80 bytes at most.
/// struct Lengths { line: Vec<u8> }
/// # impl Protocol for Lengths {
/// #     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
/// #         for byte in data {
/// #             match byte {
/// #                 b'\n' => { transport.write(format!("{}\n", self.line.len())); self.line.clear(); }
/// #                 _ if self.line.len() == 80 => return Err("too long".into()),
/// #                 byte => self.line.push(*byte),
/// #             }
/// #         }
/// #         Ok(())
/// #     }
/// # }
///
/// let check = ProtocolCheck::new(|_| Lengths { line: Vec::new() })
///     .holds_at_most(80, |lengths| lengths.line.len());
/// assert_eq!(check.run("some\nlines\n").written, b"4\n5\n");
/// check.run(Script::new().send("one and ").wait(Duration::from_secs(60)).send("a half\n").reset());
/// check.run_seeds(3, |dice| dice.bytes(20).into());
/// ```
pub struct ProtocolCheck<'a, P> {
    make: Box<dyn Fn(Events) -> P + 'a>,
    layers: Option<Box<MakeLayers<'a>>>,
    measure: Option<Measure<P>>,
    output_max: Option<usize>,
    reads_max: Option<usize>,
    outlives_input: bool,
    idle: Option<Duration>,
}

impl<'a, P: Protocol + 'static> ProtocolCheck<'a, P> {
    /// A check of what `make` makes, which is called for each run.
    pub fn new(make: impl Fn(Events) -> P + 'a) -> Self {
        Self {
            make: Box::new(make),
            layers: None,
            measure: None,
            output_max: None,
            reads_max: None,
            outlives_input: false,
            idle: None,
        }
    }

    /// Puts layers between the protocol and the wire, in order from the wire up, as a factory's
    /// [`admit`](crate::Factory::admit) does: then what the script sends goes through them, and what is written is what they
    /// make of it. They must be open from the beginning, or open without hearing from the peer.
    pub fn through(mut self, layers: impl Fn() -> Vec<Box<dyn Layer>> + 'a) -> Self {
        self.layers = Some(Box::new(layers));
        self
    }

    /// States that the protocol itself never holds more than so many bytes; `held` tells how many it holds, and is asked after
    /// every callback. If this is stated, the input is also repeated until it is four times that, to a peer that reads and to
    /// one that does not. A successor (see [`Transport::switch_protocol`](crate::Transport::switch_protocol)) is not asked.
    pub fn holds_at_most(mut self, bytes: usize, held: impl Fn(&P) -> usize + 'static) -> Self {
        self.measure = Some((Rc::new(held), bytes));
        self
    }

    /// States that no more bytes of output than that ever wait for the peer
    /// ([`Transport::buffered`](crate::Transport::buffered)), even if the peer reads nothing and the input is repeated until it is four times
    /// that. The default is 384 KiB, the high-water mark of [`Limits::DEFAULT`](crate::Limits::DEFAULT) and as much again as may be read in one turn of the
    /// loop, and input of 64 KiB.
    pub const fn output_at_most(mut self, bytes: usize) -> Self {
        self.output_max = Some(bytes);
        self
    }

    /// Has the peer read no more than so many bytes in a run, for protocols whose output has no end. The default is 16 MiB, and a
    /// protocol that writes more than that is taken for one.
    pub const fn peer_reads(mut self, bytes: usize) -> Self {
        self.reads_max = Some(bytes);
        self
    }

    /// States that the connection may stay open when the peer has finished sending, because something outside will end it, such as
    /// an event that is posted or the other end of a relay. Otherwise it must begin to close when the end of input has come, at the
    /// latest after 16 timers; what tasks wait for is not known, so a connection is not asked while there are any.
    pub const fn outlives_input(mut self) -> Self {
        self.outlives_input = true;
        self
    }

    /// States that it makes no difference if so much time passes between two reads: no timeout of the protocol is as short, and it
    /// takes no silence for the end of a message. The input is then also cut after each byte (at eight places of a longer
    /// input) and that time spent there.
    pub const fn time_between_reads(mut self, time: Duration) -> Self {
        self.idle = Some(time);
        self
    }

    /// Runs a script in all the ways that [`check_protocol`] tells of.
    ///
    /// # Panics
    /// With a report if a law is broken.
    #[track_caller]
    pub fn run(&self, script: impl Into<Script>) -> Outcome {
        expect(self.try_run(script))
    }

    /// Does the same as [`run`](Self::run), and returns the report.
    ///
    /// # Errors
    /// If a law is broken.
    pub fn try_run(&self, script: impl Into<Script>) -> Result<Outcome, Failure> {
        self.with_subject(|subject| run(subject, &script.into()))
    }

    /// Does the same with the scripts that `script` makes from seeds, as [`for_each_seed`] chooses them.
    ///
    /// # Panics
    /// With a report if a law is broken; the seed is printed.
    pub fn run_seeds(&self, seeds: u64, script: impl Fn(&Dice) -> Script) {
        for_each_seed(seeds, |seed| {
            self.run(script(&Dice::new(seed)));
        });
    }

    /// Runs a script in exactly one way, and compares it with the plain course of things where that is possible. The tests
    /// in reports do this.
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

    /// Does what [`fuzz_protocol`](super::fuzz_protocol) does, with what is stated of the protocol.
    ///
    /// # Panics
    /// With a report if a law is broken.
    #[track_caller]
    pub fn run_fuzzed(&self, data: &[u8]) {
        self.run_exactly(fuzz::decode(data));
    }

    fn with_subject<R>(&self, work: impl FnOnce(&Subject<'_>) -> R) -> R {
        let make = |watch: &Rc<Watch>| -> Box<dyn Protocol> {
            let protocol = (self.make)(watch.events.clone());
            Box::new(Watched::new(protocol, self.measure.clone(), watch))
        };
        work(&Subject {
            make: &make,
            layers: self.layers.as_deref(),
            name: type_name::<P>(),
            output_max: self.output_max,
            held_max: self.measure.as_ref().map(|(_, bound)| *bound),
            reads_max: self.reads_max,
            outlives_input: self.outlives_input,
            idle: self.idle,
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
    for script in judge.subject().idle.into_iter().flat_map(|time| cases::idlings(&ended, time)) {
        judge.check(&script)?;
    }
    for script in cases::floods(judge.subject(), script) {
        judge.check(&script)?;
    }
    Ok(reference.outcome)
}
