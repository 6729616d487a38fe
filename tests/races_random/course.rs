//! Races in a world, and what happens to them step by step.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use ropewalk::testing::Peer;
use ropewalk::{ClientEndpoint, ConnectOptions, Instant, IpFamily, TcpClientEndpoint};

use crate::guests::{Deed, Host, Notes};
use crate::layering::GREETING;
use crate::lookups::Askers;
use crate::model::{Answer, Guest, Plan, Verdict};
use crate::world::World;

/// The port of the first race; each has its own, which tells its peers from those of others.
const FIRST_PORT: u16 = 80;

/// How many turns one race may cost, with all that is done to it.
const TURNS_MAX: usize = 500;

/// What the world does.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Start(usize),
    Answer(usize, IpAddr, Answer),
    Cancel(usize),
}

pub(crate) struct Course {
    pub(crate) world: World,
    pub(crate) plans: Vec<Plan>,
    pub(crate) lookup_times: Vec<Duration>,
    pub(crate) notes: Vec<Rc<Notes>>,
    pub(crate) peers: Vec<HashMap<IpAddr, Peer>>,
    /// What is to come, in order.
    agenda: BTreeMap<(Instant, usize), Step>,
    planned: usize,
    steps: Rc<RefCell<Vec<String>>>,
    pub(crate) askers: Askers,
    /// By how much callbacks have delayed everything.
    pub(crate) slowness: Duration,
}

impl Course {
    pub(crate) fn new(
        names: &[Vec<IpAddr>],
        lookup_times: Vec<Duration>,
        plans: Vec<Plan>,
        steps: &Rc<RefCell<Vec<String>>>,
    ) -> Self {
        let world = World::new();
        for (number, addresses) in names.iter().enumerate() {
            // A duplicate is to be left out.
            let twice = addresses.first().copied();
            world.memory.set_name(&name(number), addresses.iter().copied().chain(twice));
        }
        let count = plans.len();
        let mut course = Self {
            world,
            lookup_times,
            notes: (0..count).map(|_| Rc::default()).collect(),
            peers: vec![HashMap::new(); count],
            agenda: BTreeMap::new(),
            planned: 0,
            steps: Rc::clone(steps),
            askers: Askers::default(),
            slowness: Duration::ZERO,
            plans,
        };
        course.note(format!("lookups take {:?}", course.lookup_times));
        (0..count).for_each(|race| course.prepare(race));
        course
    }

    pub(crate) fn note(&self, step: impl Into<String>) {
        self.steps.borrow_mut().push(step.into());
    }

    /// Puts the plan of a race on the agenda.
    fn prepare(&mut self, race: usize) {
        let plan = self.plans[race].clone();
        self.note(format!("race {race}: {plan:?}"));
        self.plan(plan.start, Step::Start(race));
        for (address, answer, time) in plan.addresses {
            if answer == Answer::RefusesAtOnce {
                continue;
            }
            let peer = self.world.memory.expect_connect(SocketAddr::new(address, port(race)));
            self.peers[race].insert(address, peer);
            if answer != Answer::Hangs {
                self.plan(time, Step::Answer(race, address, answer));
            }
        }
        if let Some(cancel) = plan.cancel {
            self.plan(cancel, Step::Cancel(race));
        }
    }

    fn plan(&mut self, time: Instant, step: Step) {
        self.planned += 1;
        self.agenda.insert((time, self.planned), step);
    }

    /// Lets time pass to the next step.
    pub(crate) fn next_step(&mut self) -> Option<Step> {
        let ((time, _), step) = self.agenda.pop_first()?;
        let now = self.world.now();
        if time > now {
            self.world.run_for(time - now);
        }
        Some(step)
    }

    pub(crate) fn take(&self, step: Step) {
        self.note(format!("{:?} {step:?}", self.world.now() - Instant::ZERO));
        match step {
            Step::Start(race) => self.start(race),
            Step::Answer(race, address, Answer::Accepts) => self.peers[race][&address].accept(),
            Step::Answer(race, address, _) => self.peers[race][&address].refuse(ErrorKind::ConnectionRefused),
            Step::Cancel(race) => self.notes[race].cancel(),
        }
    }

    fn start(&self, race: usize) {
        let (plan, notes) = (&self.plans[race], &self.notes[race]);
        notes.speech.replace(self.speech(race));
        let mut options = ConnectOptions::default();
        options.timeout = plan.timeout;
        options.bind = plan.bind.map(|family| match family {
            IpFamily::Ipv4 => SocketAddr::from(([127, 0, 0, 1], 0)),
            IpFamily::Ipv6 => SocketAddr::new(Ipv6Addr::LOCALHOST.into(), 0),
        });
        let endpoint: TcpClientEndpoint = format!("{}:{}", name(plan.name), port(race)).parse().unwrap();
        let mut endpoint = endpoint.with_options(options).with_attempt_delay(plan.attempt_delay);
        if let Some(family) = plan.first {
            endpoint = endpoint.with_first_family(family);
        }
        self.world.memory.set_lookup_time(self.lookup_times[plan.name]);
        let (ended, memory) = (Rc::clone(notes), self.world.memory.clone());
        let token = Rc::clone(&notes.token.borrow());
        let connecting =
            endpoint.connect(&self.world.reactor, Host::new(notes, plan.guest)).map(move |result| {
                let _token = token;
                ended.ended(result, memory.now());
            });
        notes.race.replace(Some(connecting));
        notes.begun.set(true);
    }

    /// What the peers of a race say to its layer, once one of them is admitted.
    fn speech(&self, race: usize) -> Option<Deed> {
        let (after, words) = match self.plans[race].guest {
            Guest::Greeted(after) => (after, GREETING),
            Guest::Insulted(after) => (after, b"NO".as_slice()),
            _ => return None,
        };
        let reactor = self.world.reactor.handle();
        let peers: Vec<_> = self.peers[race].values().cloned().collect();
        let insults = words != GREETING;
        let speak = move || {
            for peer in &peers {
                peer.send(words);
                // Otherwise the farewell of the layer is waited for.
                if insults {
                    peer.finish();
                }
            }
        };
        let notes = Rc::clone(&self.notes[race]);
        Some(Box::new(move || {
            notes.speaking.set(true);
            reactor.call_later(after, move |_| {
                speak();
                notes.speaking.set(false);
            });
        }))
    }

    /// No race takes longer than it may.
    pub(crate) fn check_deadlines(&self) {
        for (race, plan) in self.plans.iter().enumerate() {
            for (verdict, time) in self.notes[race].results.borrow().iter() {
                let is_attempt = !matches!(verdict, Verdict::NotReady(_) | Verdict::Connected(_));
                let is_late = *time > plan.deadline() + self.slowness;
                let was_admitted = !self.notes[race].admitted.borrow().is_empty();
                assert!(was_admitted || !is_attempt || !is_late, "race {race} ended at {time:?}");
            }
        }
    }

    /// Every race that was begun has one result.
    pub(crate) fn check_results(&self, dropped: bool) {
        for (race, notes) in self.notes.iter().enumerate() {
            let results = notes.results.borrow().len();
            let is_right = results == usize::from(notes.begun.get()) || dropped && results == 0;
            assert!(is_right, "race {race}: {results} results");
        }
    }

    /// Nothing is left, and everybody was told once.
    pub(crate) fn check(mut self, dropped: bool) {
        self.askers.check(dropped);
        self.check_results(dropped);
        let mut open = 0;
        for (race, notes) in self.notes.iter().enumerate() {
            assert_eq!(*notes.violations.borrow(), [""; 0], "race {race}");
            let transport = notes.transport.borrow();
            open += transport.iter().filter(|transport| transport.is_open()).count();
        }
        let stats = self.world.reactor.stats();
        let left = (stats.connections, self.world.memory.descriptors());
        assert_eq!(left, if dropped { (0, 0) } else { (open, open) }, "{stats:?}");
        // One that has stopped keeps the timers of the test.
        let speaking = self.notes.iter().filter(|notes| notes.speaking.get() && !dropped).count();
        assert_eq!(stats.timers, speaking, "{stats:?}");
        let turns = self.world.memory.polls();
        assert!(turns < TURNS_MAX * self.plans.len(), "{turns} turns");
        self.abort(dropped);
        let tokens: Vec<_> = self.notes.iter().map(|notes| Rc::downgrade(&notes.token.take())).collect();
        // Which hold what has not run.
        self.notes.iter().for_each(|notes| drop(notes.next.take()));
        let left: Vec<_> = tokens.iter().map(std::rc::Weak::strong_count).collect();
        assert_eq!(left, vec![0; left.len()], "something was not freed while the reactor runs");
    }

    fn abort(&mut self, dropped: bool) {
        for notes in &self.notes {
            notes.transport.take().iter().for_each(ropewalk::Transport::abort_connection);
        }
        self.world.settle();
        assert_eq!(self.world.memory.descriptors(), 0);
        for notes in &self.notes {
            // One that was built is lost, once; a reactor that is dropped tells nobody.
            assert!(notes.lost.get() == notes.built.get() || dropped && notes.lost.get() == 0);
        }
    }
}

pub(crate) fn name(number: usize) -> String {
    format!("{}.example", ["a", "b", "c"][number])
}

fn port(race: usize) -> u16 {
    FIRST_PORT + u16::try_from(race).unwrap()
}
