//! Tasks that sleep, await each other and deferreds, panic, and are given up, by each other, by callbacks and destructors.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::future::poll_fn;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use ropewalk::{Deferred, ReactorHandle, Resolver, Task, TaskError};

use crate::Dice;
use crate::world::{SECOND, World};

/// How many tasks one seed may spawn.
const TASKS_MAX: u64 = 60;

/// What the tasks, the callbacks and the test share.
struct Scene {
    dice: Rc<Dice>,
    reactor: ReactorHandle,
    tasks: RefCell<Vec<(u64, Task<u64>)>>,
    deferreds: RefCell<Vec<(u64, Deferred<u64>)>>,
    resolvers: RefCell<Vec<(u64, Resolver<u64>)>>,
    wakers: RefCell<Vec<Waker>>,
    /// The number given last, to a task or a deferred.
    numbers: Cell<u64>,
    /// Tasks whose futures live.
    living: RefCell<HashSet<u64>>,
    cancelled: RefCell<HashSet<u64>>,
    resolved: RefCell<HashSet<u64>>,
    fates: RefCell<HashMap<u64, Fate>>,
    /// What is awaited: by whom, and its number.
    awaited: RefCell<HashSet<(u64, u64)>>,
    panics: Cell<u64>,
    violations: RefCell<Vec<String>>,
    /// Nobody begins anything any more.
    calm: Cell<bool>,
}

/// How a task has ended, as it sees it itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Finished,
    Panicked,
}

impl Scene {
    fn complain(&self, what: impl Into<String>) {
        let what = what.into();
        self.dice.note(format!("VIOLATION: {what}"));
        self.violations.borrow_mut().push(what);
    }

    fn number(&self) -> u64 {
        self.numbers.set(self.numbers.get() + 1);
        self.numbers.get()
    }

    fn spawn(self: &Rc<Self>) {
        if self.calm.get() || self.numbers.get() >= TASKS_MAX {
            return;
        }
        let number = self.number();
        self.dice.note(format!("spawn {number}"));
        let life = Life { scene: Rc::clone(self), number };
        self.living.borrow_mut().insert(number);
        let mut future: Pin<Box<dyn Future<Output = u64>>> = Box::pin(life.live());
        let (scene, mut turn) = (Rc::clone(self), None);
        let task = self.reactor.spawn(poll_fn(move |context| {
            // A shutdown runs tasks more often than once in its turn.
            let this_turn = scene.reactor.is_running().then(|| scene.reactor.stats().turns);
            if std::mem::replace(&mut turn, this_turn) == this_turn && this_turn.is_some() {
                scene.complain(format!("{number} is polled twice in a turn"));
            }
            future.as_mut().poll(context)
        }));
        self.tasks.borrow_mut().push((number, task));
    }

    fn defer(self: &Rc<Self>) {
        let number = self.number();
        self.dice.note(format!("defer {number}"));
        let (deferred, resolver) = Deferred::new(&self.reactor);
        self.resolvers.borrow_mut().push((number, resolver));
        if self.dice.once_in(2) {
            let scene = Rc::downgrade(self);
            deferred.on_cancel(move || {
                if let Some(scene) = scene.upgrade() {
                    scene.dice.note(format!("{number} is cancelled"));
                    scene.maybe_act();
                }
            });
        }
        let deferred = match self.dice.roll(4) {
            0 => deferred.map(|value| value),
            1 => {
                let reactor = self.reactor.clone();
                deferred.and_then(move |value| Deferred::resolved(&reactor, value))
            }
            _ => deferred,
        };
        self.deferreds.borrow_mut().push((number, deferred));
    }

    fn maybe_act(self: &Rc<Self>) {
        if !self.calm.get() && self.dice.once_in(3) {
            self.act();
        }
    }

    /// Does something at once: from the test, a task, a callback, a canceller, or a destructor.
    fn act(self: &Rc<Self>) {
        match self.dice.roll(12) {
            0 => self.spawn(),
            1 => self.defer(),
            2 => {
                let tasks = self.tasks.borrow();
                if let Some((number, task)) = tasks.get(self.dice.index(tasks.len().max(1))) {
                    self.dice.note(format!("cancel {number}"));
                    self.cancelled.borrow_mut().insert(*number);
                    task.cancel();
                }
            }
            3 => {
                if let Some((number, task)) = self.dice.take(&self.tasks) {
                    self.dice.note(format!("drop {number}"));
                    self.cancelled.borrow_mut().insert(number);
                    drop(task);
                }
            }
            4 => {
                if let Some((number, task)) = self.dice.take(&self.tasks) {
                    self.dice.note(format!("detach {number}"));
                    task.detach();
                }
            }
            5 | 6 => {
                if let Some((number, resolver)) = self.dice.take(&self.resolvers) {
                    self.dice.note(format!("resolve {number}"));
                    self.resolved.borrow_mut().insert(number);
                    resolver.resolve(number);
                }
            }
            7 => drop(self.dice.take(&self.resolvers)),
            8 => {
                if let Some((number, deferred)) = self.dice.take(&self.deferreds) {
                    self.dice.note(format!("cancel or drop {number}"));
                    if self.dice.once_in(2) {
                        deferred.cancel();
                    }
                }
            }
            9 => {
                if let Some((number, deferred)) = self.dice.take(&self.deferreds) {
                    self.dice.note(format!("then {number}"));
                    let scene = Rc::clone(self);
                    deferred.then(move |value| {
                        scene.expect(value == number, "another's value");
                        scene.maybe_act();
                    });
                }
            }
            10 => {
                self.dice.note("wake");
                self.dice.take(&self.wakers).into_iter().for_each(Waker::wake);
            }
            _ => {
                let (scene, time) = (Rc::clone(self), self.dice.time());
                self.dice.note(format!("call in {time:?}"));
                self.reactor.call_later(time, move |_| scene.maybe_act());
            }
        }
    }

    fn expect(&self, holds: bool, otherwise: &str) {
        if !holds {
            self.complain(otherwise);
        }
    }

    /// What must hold when nothing is left to do.
    fn look(&self) {
        let living = self.living.borrow();
        for number in self.cancelled.borrow().intersection(&living) {
            self.complain(format!("{number} goes on although it was cancelled"));
        }
        for (by, number) in &*self.awaited.borrow() {
            let has_come = self.resolved.borrow().contains(number) || self.ended(*number, &living);
            if living.contains(by) && has_come {
                self.complain(format!("{by} has not heard of {number}"));
            }
        }
        self.expect(self.reactor.stats().panics == self.panics.get(), "a panic of the library's own");
    }

    fn ended(&self, task: u64, living: &HashSet<u64>) -> bool {
        self.fates.borrow().contains_key(&task)
            || self.cancelled.borrow().contains(&task) && !living.contains(&task)
    }

    fn clear(&self) {
        self.calm.set(true);
        drop(self.tasks.take());
        drop(self.deferreds.take());
        drop(self.resolvers.take());
        drop(self.wakers.take());
    }
}

/// A task from within.
struct Life {
    scene: Rc<Scene>,
    number: u64,
}

impl Life {
    async fn live(self) -> u64 {
        for _ in 0..self.scene.dice.roll(8) {
            self.scene.dice.note(format!("in {}:", self.number));
            self.go_on().await;
        }
        self.scene.dice.note(format!("{} has finished", self.number));
        self.scene.fates.borrow_mut().insert(self.number, Fate::Finished);
        self.number
    }

    async fn go_on(&self) {
        let scene = &self.scene;
        match scene.dice.roll(12) {
            0 => self.sleep().await,
            1 | 2 => self.await_deferred().await,
            3 | 4 => self.await_task().await,
            5 => {
                scene.dice.note("give way");
                self.wait_for_waking(true).await;
            }
            6 => {
                scene.dice.note("wait for waking");
                let patience = scene.dice.time();
                let _ = scene.reactor.timeout(patience, self.wait_for_waking(false)).await;
            }
            7 => {
                scene.dice.note("await with patience");
                let patience = scene.dice.time();
                let _ = scene.reactor.timeout(patience, self.await_deferred()).await;
            }
            8 => {
                scene.dice.note("await another with patience");
                let patience = scene.dice.time();
                let _ = scene.reactor.timeout(patience, self.await_task()).await;
            }
            9 if scene.dice.once_in(2) => {
                scene.dice.note("panic");
                scene.panics.set(scene.panics.get() + 1);
                scene.fates.borrow_mut().insert(self.number, Fate::Panicked);
                // Without the hook, which would print it.
                resume_unwind(Box::new("on purpose"));
            }
            _ => scene.act(),
        }
    }

    async fn sleep(&self) {
        let time = self.scene.dice.time();
        self.scene.dice.note(format!("sleep {time:?}"));
        let end = self.scene.reactor.now() + time;
        self.scene.reactor.sleep(time).await;
        self.scene.expect(self.scene.reactor.now() >= end, "slept too short");
    }

    async fn await_deferred(&self) {
        let Some((number, deferred)) = self.scene.dice.take(&self.scene.deferreds) else { return };
        self.scene.dice.note(format!("await {number}"));
        let _awaiting = Awaiting::new(self, number);
        let value = deferred.await;
        self.scene.expect(value == number, "another's value");
    }

    async fn await_task(&self) {
        let Some((number, task)) = self.scene.dice.take(&self.scene.tasks) else { return };
        self.scene.dice.note(format!("await task {number}"));
        let _awaiting = Awaiting::new(self, number);
        // Not awaited any more, it is dropped.
        let result = task.await;
        let fate = self.scene.fates.borrow().get(&number).copied();
        let fits = match &result {
            Ok(value) => *value == number && fate == Some(Fate::Finished),
            Err(TaskError::Panicked(message)) => message == "on purpose" && fate == Some(Fate::Panicked),
            Err(_) => fate.is_none() && self.scene.cancelled.borrow().contains(&number),
        };
        self.scene.expect(fits, &format!("{number}: {result:?} and {fate:?}"));
    }

    async fn wait_for_waking(&self, at_once: bool) {
        let mut polls = 0;
        poll_fn(|context| {
            polls += 1;
            if polls > 1 {
                return Poll::Ready(());
            }
            if at_once {
                context.waker().wake_by_ref();
            }
            self.scene.wakers.borrow_mut().push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.scene.dice.note(format!("{} is dropped", self.number));
        self.scene.living.borrow_mut().remove(&self.number);
        self.scene.maybe_act();
    }
}

/// Notes who awaits what.
struct Awaiting {
    scene: Rc<Scene>,
    entry: (u64, u64),
}

impl Awaiting {
    fn new(life: &Life, number: u64) -> Self {
        let (scene, entry) = (Rc::clone(&life.scene), (life.number, number));
        scene.awaited.borrow_mut().insert(entry);
        Self { scene, entry }
    }
}

impl Drop for Awaiting {
    fn drop(&mut self) {
        self.scene.awaited.borrow_mut().remove(&self.entry);
    }
}

fn begin(dice: &Rc<Dice>) -> (World, Rc<Scene>) {
    let world = World::new();
    let scene = Rc::new(Scene {
        dice: Rc::clone(dice),
        reactor: world.reactor.handle(),
        tasks: RefCell::default(),
        deferreds: RefCell::default(),
        resolvers: RefCell::default(),
        wakers: RefCell::default(),
        numbers: Cell::default(),
        living: RefCell::default(),
        cancelled: RefCell::default(),
        resolved: RefCell::default(),
        fates: RefCell::default(),
        awaited: RefCell::default(),
        panics: Cell::default(),
        violations: RefCell::default(),
        calm: Cell::default(),
    });
    (world, scene)
}

pub(crate) fn story(dice: &Rc<Dice>) {
    let (mut world, scene) = begin(dice);
    for _ in 0..dice.roll(40) {
        scene.act();
        match dice.roll(6) {
            0 => world.turn(),
            1 => world.run_for(dice.time()),
            2 if dice.once_in(8) => {
                world.turn();
                dice.note("stop");
                world.reactor.stop();
                world.settle();
            }
            3 => scene.spawn(),
            4 => {}
            _ => {
                world.settle();
                scene.look();
            }
        }
    }
    if dice.once_in(2) {
        dice.note("all come to their end");
        scene.clear();
        world.run_for(SECOND * 600);
        world.settle();
        scene.look();
        assert_eq!(world.reactor.stats().timers, 0);
    }
    dice.note("the reactor is dropped");
    let handle = world.reactor.handle();
    let World { reactor, .. } = world;
    drop(reactor);
    assert!(scene.living.borrow().is_empty(), "not all tasks were dropped");
    scene.clear();
    assert_eq!(*scene.violations.borrow(), [""; 0]);
    assert_eq!(handle.stats().panics, scene.panics.get());
    assert_eq!(Rc::strong_count(&scene), 1, "something was not freed");
}
