//! Policies that are nested in any order around a factory that may refuse, or panic.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt::Debug;
use std::rc::Rc;

use ropewalk::{
    Address, Deadline, Factory, IdleTimeout, Instant, Layer, LimitConnections, LimitPerPeer, LimitRate,
    Policy, TokenBucket, factory_fn,
};

use crate::layering::{Header, Layered, Masked};
use crate::near_end::{Marked, Meter, Notes, Recorder};
use crate::seeds::Dice;
use crate::world::MILLISECOND;

impl Dice {
    pub(crate) fn size(&self) -> usize {
        let bound = [4, 50, 1000, 10_000][usize::try_from(self.roll(4)).unwrap()];
        usize::try_from(1 + self.roll(bound)).unwrap()
    }

    /// A rate and a burst with which nothing takes for ever.
    pub(crate) fn rate(&self) -> (u64, u64) {
        let rate = [500, 5_000, 50_000][usize::try_from(self.roll(3)).unwrap()] + self.roll(500);
        (rate, rate / (1 + self.roll(8)))
    }
}

/// What a peer has to say before its protocol hears of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Handshake {
    None,
    Masked,
    /// Announces one of three peers.
    Header,
}

impl Handshake {
    pub(crate) fn layers(self) -> Vec<Box<dyn Layer>> {
        match self {
            Self::None => Vec::new(),
            Self::Masked => vec![Box::new(Masked::server())],
            Self::Header => vec![Box::new(Header::new())],
        }
    }
}

pub(crate) type Guests = Rc<RefCell<HashMap<u16, Rc<Notes>>>>;

fn find(guests: &Guests) -> impl Fn(&Address) -> Rc<Notes> + Clone + use<> {
    let guests = Rc::clone(guests);
    move |peer| {
        let Address::Tcp(peer) = peer else { unreachable!() };
        Rc::clone(&guests.borrow()[&peer.port()])
    }
}

/// The factory in the middle, which may refuse or panic.
fn recorders(guests: &Guests, dice: &Rc<Dice>, is_kind: &Rc<Cell<bool>>) -> impl Factory + 'static {
    let (find, dice, is_kind) = (find(guests), Rc::clone(dice), Rc::clone(is_kind));
    factory_fn(move |peer| match dice.roll(20) {
        0 if !is_kind.get() => None,
        1 if !is_kind.get() => panic!("no protocol"),
        _ => Some(Box::new(Recorder::new(&find(peer)))),
    })
}

/// A factory within its policies.
pub(crate) struct Nested {
    pub(crate) factory: Rc<dyn Factory>,
    pub(crate) totals: Vec<(usize, LimitConnections)>,
    pub(crate) per_peer: Vec<LimitPerPeer>,
    /// So many connections find a place.
    pub(crate) most: usize,
}

impl Nested {
    pub(crate) fn new(
        dice: &Rc<Dice>,
        guests: &Guests,
        is_kind: &Rc<Cell<bool>>,
        handshake: Handshake,
        steps: &RefCell<Vec<String>>,
    ) -> Self {
        let factory: Rc<dyn Factory> = Rc::new(recorders(guests, dice, is_kind));
        let mut nested = Self { factory, totals: Vec::new(), per_peer: Vec::new(), most: 12 };
        let layered = dice.roll(6);
        for place in 0..6 {
            if place == layered {
                let factory = Rc::clone(&nested.factory);
                nested.factory = Rc::new(Layered::new(factory, move || handshake.layers()));
            }
            nested.add(dice, guests, &|policy| steps.borrow_mut().push(format!("{policy:?}")));
        }
        nested
    }

    fn add(&mut self, dice: &Dice, guests: &Guests, note: &dyn Fn(&dyn Debug)) {
        let limit = usize::try_from(1 + dice.roll(8)).unwrap();
        let factory = Rc::clone(&self.factory);
        match dice.roll(8) {
            0 | 1 => {
                let mut policy = LimitConnections::new(limit);
                let overflows = dice.roll(3) == 0;
                if overflows {
                    policy = policy.with_overflow(overflow(guests));
                }
                note(&(&policy, overflows));
                self.most = self.most.min(limit);
                self.totals.push((limit, policy.clone()));
                self.factory = Rc::new(policy.around(factory));
            }
            2 => {
                let mut policy = LimitPerPeer::new(limit);
                if dice.roll(2) == 0 {
                    policy = policy.behind_proxy();
                }
                note(&policy);
                self.most = self.most.min(limit);
                self.per_peer.push(policy.clone());
                self.factory = Rc::new(policy.around(factory));
            }
            3 => self.factory = timeout(dice, guests, factory, note),
            4 | 5 => self.factory = rate(dice, guests, factory, note),
            _ => {}
        }
    }
}

fn overflow(guests: &Guests) -> impl Factory + 'static {
    let find = find(guests);
    factory_fn(move |peer| {
        let notes = find(peer);
        notes.is_overflow.set(true);
        Some(Box::new(Recorder::new(&notes)))
    })
}

fn timeout(
    dice: &Dice,
    guests: &Guests,
    factory: Rc<dyn Factory>,
    note: &dyn Fn(&dyn Debug),
) -> Rc<dyn Factory> {
    let period = MILLISECOND * u32::try_from(1 + dice.roll(30_000)).unwrap();
    if dice.roll(2) == 0 {
        let policy = Rc::new(Deadline::new(period));
        note(&policy);
        let mark = move |notes: &Notes, now| notes.deadline.set(Some((now + period, period)));
        return Rc::new(Marked { policy, find: find(guests), mark }.around(factory));
    }
    let policy = Rc::new(IdleTimeout::new(period));
    note(&policy);
    let mark = move |notes: &Notes, now| {
        notes.idle.set(Some(period));
        notes.active.set((now, now));
    };
    Rc::new(Marked { policy, find: find(guests), mark }.around(factory))
}

fn rate(
    dice: &Dice,
    guests: &Guests,
    factory: Rc<dyn Factory>,
    note: &dyn Fn(&dyn Debug),
) -> Rc<dyn Factory> {
    let (is_shared, reads, (rate, burst)) = (dice.roll(2) == 0, dice.roll(2) == 0, dice.rate());
    let (limit, bucket) = (LimitRate::of_all(), TokenBucket::with_burst(rate, burst));
    let limit = if is_shared { limit } else { LimitRate::of_each() };
    let policy = Rc::new(if reads { limit.read(bucket) } else { limit.write(bucket) });
    note(&policy);
    let shared = Rc::new(Meter::new(rate, burst, Instant::ZERO));
    let mark = move |notes: &Notes, now| {
        let meter = if is_shared { Rc::clone(&shared) } else { Rc::new(Meter::new(rate, burst, now)) };
        if reads {
            notes.read_meter.replace(Some(meter))
        } else {
            notes.write_meter.replace(Some(meter))
        };
    };
    Rc::new(Marked { policy, find: find(guests), mark }.around(factory))
}
