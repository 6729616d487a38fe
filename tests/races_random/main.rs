//! Races for the addresses of names in which anything happens at any time, from a seed (RFC 8305).
//!
//! What a race comes to is compared with a model, exactly. Then everything happens at once, calls fail, callbacks are
//! slow and cancel, and the reactor ends: the guarantees hold. A seed that fails is printed with its steps;
//! `SEED=n` runs one alone.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "../layering/mod.rs"]
mod layering;
#[path = "../seeds/mod.rs"]
mod seeds;
#[path = "../world/mod.rs"]
mod world;

mod course;
mod guests;
mod lookups;
mod model;

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use course::Course;
use guests::Deed;
use lookups::Whimsical;
use model::{Answer, Guest, Plan};
use ropewalk::driver::Readiness;
use ropewalk::testing::{Operation, Peer};
use ropewalk::{Instant, IpFamily};
use seeds::{Dice, for_all_seeds};
use world::SECOND;

const SEEDS: u64 = 3_000;
const NAMES: u64 = 3;

impl Dice {
    fn pick<T: Clone>(&self, from: &[T]) -> T {
        from[usize::try_from(self.roll(from.len() as u64)).unwrap()].clone()
    }

    /// Up to the `bound` in milliseconds; small ones are frequent.
    fn time(&self, bound: u64) -> Duration {
        let bound = self.pick(&[1, 20, bound]);
        Duration::from_millis(self.roll(bound))
    }

    fn guest(&self) -> Guest {
        match self.roll(12) {
            0 => Guest::NotAdmitted,
            1 => Guest::NotBuilt,
            2 => Guest::PanicsInAdmit,
            3 => Guest::PanicsInBuild,
            4 | 5 => Guest::Greeted(self.time(3000)),
            6 => Guest::Insulted(self.time(3000)),
            _ => Guest::Plain,
        }
    }

    /// The addresses of a name, with one of them twice at times.
    fn addresses(&self) -> Vec<IpAddr> {
        let address = |number: u8| match self.roll(2) {
            0 => IpAddr::from([10, 0, 0, number]),
            _ => IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(number)]),
        };
        (0..u8::try_from(self.roll(7)).unwrap()).map(address).collect()
    }

    fn answer(&self) -> Answer {
        self.pick(&[Answer::Accepts, Answer::Refuses, Answer::Refuses, Answer::RefusesAtOnce, Answer::Hangs])
    }

    /// The plan of race `number`. In an exact one, nothing happens at the same time by chance.
    fn plan(&self, number: u64, names: &[Vec<IpAddr>], exact: bool) -> Plan {
        let apart = |microseconds: u64| Duration::from_micros(if exact { microseconds } else { 0 });
        let start = Instant::ZERO + self.time(2000) + apart(10 * number);
        let name = usize::try_from(self.roll(NAMES)).unwrap();
        let answered = |index: usize| {
            let unique = 100 + 6 * number + index as u64;
            start + self.time(3000) + apart(unique)
        };
        let addresses = names[name].iter().enumerate();
        let addresses = addresses.map(|(index, ip)| (*ip, self.answer(), answered(index))).collect();
        let timeout = self.pick(&[0, 15, 400, 1000, 5000]) + self.roll(300);
        // Such a one is cancelled in the end, if nothing else happens to it.
        let endless = self.roll(12) == 0;
        let cancels = endless || self.roll(3) == 0;
        Plan {
            name,
            start,
            timeout: if endless { Duration::MAX } else { Duration::from_millis(timeout) + apart(500) },
            attempt_delay: self.pick(&[self.time(2500), self.time(2500), self.time(2500), Duration::MAX]),
            first: self.pick(&[None, Some(IpFamily::Ipv4), Some(IpFamily::Ipv6)]),
            cancel: cancels.then(|| start + self.time(3000) + apart(700 + number)),
            bind: self.pick(&[None, None, None, Some(IpFamily::Ipv4), Some(IpFamily::Ipv6)]),
            guest: self.guest(),
            addresses,
        }
    }

    fn course(&self, exact: bool, steps: &Rc<RefCell<Vec<String>>>) -> Course {
        let names: Vec<_> = (0..NAMES).map(|_| self.addresses()).collect();
        let lookup_times: Vec<_> =
            (0..NAMES).map(|_| if self.roll(6) == 0 { Duration::MAX } else { self.time(1500) }).collect();
        let plans: Vec<_> = (0..1 + self.roll(6)).map(|number| self.plan(number, &names, exact)).collect();
        Course::new(&names, lookup_times, plans, steps)
    }
}

/// When the lookup that each race waits for is answered, and how many lookups there are.
fn lookups(course: &Course) -> (HashMap<usize, Instant>, usize) {
    let mut races: Vec<_> = (0..course.plans.len()).collect();
    races.sort_by_key(|race| course.plans[*race].start);
    let (mut answers, mut count) = (HashMap::new(), 0);
    // By name: when the answer comes, and until when somebody waits for it.
    let mut under_way: HashMap<usize, (Instant, Instant)> = HashMap::new();
    for race in races {
        let plan = &course.plans[race];
        let fresh = (plan.start + course.lookup_times[plan.name], plan.start);
        let lookup = under_way.entry(plan.name).or_insert(fresh);
        if lookup.0.min(lookup.1) <= plan.start {
            *lookup = fresh;
            count += 1;
        }
        lookup.1 = lookup.1.max(plan.leaves());
        answers.insert(race, lookup.0);
    }
    (answers, count)
}

fn run_exactly(seed: u64, steps: &Rc<RefCell<Vec<String>>>) {
    let dice = Dice::new(seed);
    let mut course = dice.course(true, steps);
    while let Some(step) = course.next_step() {
        course.take(step);
        course.world.settle();
    }
    course.world.run_for(30 * SECOND);
    let (answers, count) = lookups(&course);
    for (race, plan) in course.plans.iter().enumerate() {
        let expected = plan.verdict(answers[&race]);
        let results = course.notes[race].results.borrow();
        assert_eq!(*results, [expected], "race {race}, left: as it was, right: the model");
    }
    assert_eq!(course.world.memory.lookups(), count, "lookups");
    course.check(false);
}

/// Something that nobody has planned.
fn trouble(dice: &Dice, course: &mut Course) {
    let race = usize::try_from(dice.roll(course.plans.len() as u64)).unwrap();
    let other = usize::try_from(dice.roll(course.plans.len() as u64)).unwrap();
    let notes = Rc::clone(&course.notes[race]);
    match dice.roll(11) {
        0 => {
            let operations = [Operation::Connect, Operation::Register, Operation::Resolve, Operation::Thread];
            let operation = dice.pick(&operations);
            course.note(format!("{operation:?} fails"));
            course.world.memory.fail_next(operation, 1, ErrorKind::AddrNotAvailable);
        }
        1 => {
            course.note(format!("race {race} cancels race {other} in its next callback"));
            let other = Rc::clone(&course.notes[other]);
            notes.next.borrow_mut().push(Box::new(move || other.cancel()));
        }
        2 => {
            let (memory, slow) = (course.world.memory.clone(), dice.time(3000));
            course.note(format!("race {race} takes {slow:?} in its next callback"));
            course.slowness += slow;
            notes.next.borrow_mut().push(Box::new(move || memory.advance(slow)));
        }
        3 => {
            let (memory, slow) = (course.world.memory.clone(), dice.time(3000));
            course.note(format!("somebody takes {slow:?} now"));
            course.slowness += slow;
            course.world.reactor.call_later(Duration::ZERO, move |_| memory.advance(slow));
        }
        4 => {
            course.note(format!("cancel {race}"));
            notes.cancel();
        }
        // One without a deadline would go on.
        5 if course.plans[race].timeout < Duration::MAX => {
            course.note(format!("race {race} is not awaited any more"));
            notes.race.replace(None);
        }
        6 => {
            course.note(format!("the peers of {race} report what is not there"));
            let readiness = dice.pick(&[
                Readiness { writable: true, ..Readiness::default() },
                Readiness { read_closed: true, ..Readiness::default() },
                Readiness { error: true, readable: true, ..Readiness::default() },
            ]);
            course.peers[race].values().for_each(|peer| peer.spurious(readiness));
        }
        7 => {
            let resets = dice.roll(2) == 0;
            course.note(format!("the peers of {race} go, reset {resets}"));
            let go = |peer: &Peer| if resets { peer.reset() } else { peer.finish() };
            course.peers[race].values().for_each(go);
        }
        8 => {
            let (name, timeout) = (course::name(course.plans[race].name), dice.time(3000));
            let (askers, reactor) = (course.askers.clone(), course.world.reactor.handle());
            course
                .note(format!("somebody asks for {name} within {timeout:?} in the next callback of {race}"));
            notes.next.borrow_mut().push(Box::new(move || askers.ask(&reactor, &name, timeout)));
        }
        9 => {
            let (name, timeout) = (course::name(course.plans[race].name), dice.time(3000));
            let cancels = dice.roll(2) == 0;
            course.note(format!("somebody asks for {name} within {timeout:?}, another cancels {cancels}"));
            course.askers.ask(&course.world.reactor, &name, timeout);
            if cancels {
                course.askers.cancel();
            }
        }
        _ => {
            course.note(format!("all of {race} accept"));
            course.peers[race].values().for_each(Peer::accept);
        }
    }
}

fn run_roughly(seed: u64, steps: &Rc<RefCell<Vec<String>>>) {
    let dice = Dice::new(seed);
    let mut course = dice.course(false, steps);
    if dice.roll(3) == 0 {
        course.note("names are resolved at whim");
        let deeds = course.notes.iter().map(|notes| {
            let notes = Rc::clone(notes);
            Box::new(move || notes.cancel()) as Deed
        });
        let resolver = Whimsical { deeds: RefCell::new(deeds.collect()), dice: Dice::new(seed) };
        course.world.reactor.set_name_resolver(Rc::new(resolver));
    }
    let mut ended = false;
    while let Some(step) = course.next_step() {
        course.take(step);
        if dice.roll(3) == 0 {
            trouble(&dice, &mut course);
        }
        if dice.roll(40) == 0 {
            ended = true;
            break;
        }
        match dice.roll(3) {
            0 => course.world.turn(),
            1 => course.world.settle(),
            // The next step comes in the same turn.
            _ => {}
        }
    }
    let dropped = ended && end(&dice, &mut course);
    course.world.run_for(60 * SECOND);
    course.check_deadlines();
    course.check(dropped);
}

/// The reactor ends, or ends what goes on. Returns whether it was dropped.
fn end(dice: &Dice, course: &mut Course) -> bool {
    match dice.roll(3) {
        0 => {
            course.note("stop");
            // One that does not run cannot be stopped.
            course.world.turn();
            course.world.reactor.stop();
        }
        1 => {
            course.note("drain");
            drop(course.world.reactor.drain(SECOND));
            course.world.run_for(SECOND);
        }
        _ => {
            course.note("drop");
            course.world.reactor = course.world.memory.reactor();
            return true;
        }
    }
    course.world.settle();
    course.check_results(false);
    false
}

#[test]
fn races_are_run_as_the_model_says() {
    for_all_seeds(SEEDS, run_exactly);
}

#[test]
fn whatever_happens_the_guarantees_hold() {
    for_all_seeds(SEEDS, run_roughly);
}
