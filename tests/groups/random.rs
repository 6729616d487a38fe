//! Random histories: members join, leave, lag and are lost, in and out of callbacks, and every message is accounted for.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use ropewalk::testing::Peer;
use ropewalk::{Group, Lag, LagPolicy, Membership, Overflow, Protocol, Result, Transport};

use super::seeds::{Dice, Steps, for_all_seeds};
use super::world::{SECOND, World, limits};

const HIGH_WATER: usize = 60;
const MESSAGE_MAX: usize = 40;

/// What the test and all protocols share.
struct Scene {
    group: Group<usize>,
    policy: LagPolicy,
    members: RefCell<BTreeMap<usize, Rc<Member>>>,
    /// The number of the next message.
    next: RefCell<usize>,
    dice: Dice,
    steps: Steps,
}

/// What the test knows of a member.
#[derive(Default)]
struct Member {
    membership: RefCell<Option<Membership<usize>>>,
    peer: RefCell<Option<Peer>>,
    transport: RefCell<Option<Transport>>,
    /// The messages that it was told while it was a member with an open connection.
    told: RefCell<Vec<usize>>,
    heard: RefCell<Vec<u8>>,
}

/// Does something at random whenever it hears something.
struct Actor(Rc<Scene>, usize);

impl Protocol for Actor {
    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        self.0.act();
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, _: &ropewalk::Reason) {
        let member = self.0.member(self.1);
        drop(member.membership.take());
        self.0.act();
    }
}

impl Member {
    fn transport(&self) -> Transport {
        self.transport.borrow().clone().unwrap()
    }

    fn peer(&self) -> Peer {
        self.peer.borrow().clone().unwrap()
    }

    fn lag(&self) -> Option<Lag> {
        self.membership.borrow().as_ref().map(Membership::lag)
    }

    fn collect(&self) {
        self.heard.borrow_mut().extend(self.peer().received());
    }

    /// The numbers of the messages that have arrived whole.
    fn numbers(&self) -> Vec<usize> {
        let heard = self.heard.borrow();
        let whole = heard.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let text = std::str::from_utf8(&heard[..whole]).unwrap();
        text.lines().map(|line| line.trim_end_matches('.').parse().unwrap()).collect()
    }
}

impl Scene {
    fn member(&self, key: usize) -> Rc<Member> {
        Rc::clone(&self.members.borrow()[&key])
    }

    fn any(&self) -> Option<(usize, Rc<Member>)> {
        let members = self.members.borrow();
        let chosen = self.dice.roll(members.len() as u64) as usize;
        members.iter().nth(chosen).map(|(key, member)| (*key, Rc::clone(member)))
    }

    fn note(&self, step: String) {
        self.steps.borrow_mut().push(step);
    }

    /// Something that may happen in a callback too.
    fn act(&self) {
        match self.dice.roll(12) {
            0..=7 => self.broadcast(),
            8 => self.with_any("leaves", |member| drop(member.membership.take())),
            9 => self.with_any("closes", |member| member.transport().lose_connection()),
            10 => self.with_any("aborts", |member| member.transport().abort_connection()),
            _ => self.with_any("is reset", |member| member.peer().reset()),
        }
    }

    fn with_any(&self, what: &str, act: impl FnOnce(&Member)) {
        if let Some((key, member)) = self.any() {
            self.note(format!("{key} {what}"));
            act(&member);
        }
    }

    fn broadcast(&self) {
        let number = self.next.replace_with(|next| *next + 1);
        let text = format!("{number:.<width$}\n", width = self.dice.roll(MESSAGE_MAX as u64) as usize);
        let except = self.any().filter(|_| self.dice.chance(0.3)).map(|(key, _)| key);
        let topic = Some(self.dice.roll(4)).filter(|_| except.is_none() && self.dice.chance(0.3));
        self.note(format!("{number} of {} bytes but to {except:?} on {topic:?}", text.len()));
        for (key, member) in &*self.members.borrow() {
            let hears = member.membership.borrow().is_some() && member.transport().accepts_output();
            if hears && Some(*key) != except {
                member.told.borrow_mut().push(number);
            }
        }
        match (except, topic) {
            (Some(except), _) => self.group.broadcast_except(&[except], text),
            (None, Some(topic)) => self.group.broadcast_latest(topic, text),
            (None, None) => self.group.broadcast(text),
        }
    }

    fn join(self: &Rc<Self>, world: &mut World, key: usize) {
        let member = Rc::new(Member::default());
        let (peer, transport) = world.open(Actor(Rc::clone(self), key));
        transport.set_limits(limits(|limits| (limits.high_water, limits.low_water) = (HIGH_WATER, 15)));
        let membership = self.group.join(key, &transport).unwrap();
        assert!(self.group.join(key, &transport).is_err());
        *member.membership.borrow_mut() = Some(membership);
        *member.peer.borrow_mut() = Some(peer);
        *member.transport.borrow_mut() = Some(transport);
        self.members.borrow_mut().insert(key, member);
        self.note(format!("{key} joins"));
    }

    /// Something that only the world does.
    fn happen(self: &Rc<Self>, world: &mut World, step: usize) {
        match self.dice.roll(10) {
            0 | 1 => self.join(world, step),
            2 | 3 => self.with_any("is blocked", |member| member.peer().set_window(Some(0))),
            4 => self.with_any("reads on", |member| member.peer().set_window(None)),
            5 => self.with_any("reads a little", |member| member.peer().open_window(30)),
            6 => self.with_any("asks for something", |member| member.peer().send("do")),
            _ => self.act(),
        }
        if self.dice.chance(0.7) {
            world.settle();
        }
    }

    fn check(&self) {
        for (key, member) in &*self.members.borrow() {
            let Some(lag) = member.lag() else { continue };
            assert!(lag.messages <= self.policy.messages && lag.bytes <= self.policy.bytes, "{key}: {lag:?}");
            if member.transport().is_open() {
                assert!(member.transport().buffered() <= HIGH_WATER + MESSAGE_MAX + 1, "{key}");
            }
        }
    }

    /// Everybody reads on; then whoever is still a member has heard all but what was dropped, in order.
    fn check_at_the_end(&self, world: &mut World) {
        for member in self.members.borrow().values() {
            member.peer().set_window(None);
        }
        world.run_for(SECOND);
        for (key, member) in &*self.members.borrow() {
            member.collect();
            let (numbers, told) = (member.numbers(), member.told.borrow());
            // A member of each topic keeps the place of the one that it replaces, so not even numbers rise.
            let mut sorted = numbers.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), numbers.len(), "{key} has heard something twice");
            assert!(sorted.iter().all(|number| told.contains(number)), "{key} heard what it was not told");
            let Some(lag) = member.lag() else { continue };
            assert_eq!((lag.messages, lag.bytes), (0, 0), "{key} has not caught up");
            let missed = (lag.dropped + lag.replaced) as usize;
            assert_eq!(numbers.len() + missed, told.len(), "{key} of {lag:?}");
        }
        assert_eq!(world.connections(), self.members.borrow().values().filter(is_connected).count());
    }
}

fn is_connected(member: &&Rc<Member>) -> bool {
    !member.peer().is_closed()
}

#[test]
fn every_message_is_accounted_for() {
    for_all_seeds(400, |seed, steps| {
        let dice = Dice::new(seed);
        let overflow = *dice.pick(&[Overflow::Disconnect, Overflow::DropOldest, Overflow::DropNewest]);
        let mut policy = LagPolicy::new(overflow);
        policy.messages = dice.roll(12) as usize;
        policy.bytes = dice.roll(300) as usize;
        steps.borrow_mut().push(format!("{policy:?}"));
        let group = Group::with_policy(policy);
        let (members, next, steps) = (RefCell::default(), RefCell::new(0), Rc::clone(steps));
        let scene = Rc::new(Scene { group, policy, members, next, dice, steps });
        let mut world = World::new();
        for step in 0..120 {
            scene.happen(&mut world, step);
            scene.check();
        }
        scene.check_at_the_end(&mut world);
        let left: Vec<_> = scene.members.take().into_values().collect();
        left.iter().for_each(|member| drop(member.membership.take()));
        assert!(scene.group.is_empty());
    });
}
