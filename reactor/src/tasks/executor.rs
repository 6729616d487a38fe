//! The tasks of a reactor, and how they are woken.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use slab::Slab;

use super::TaskError;
use crate::event_loop::Reactor;
use crate::event_loop::callbacks::{Running, catch};
use crate::remote::RemoteQueue;
use crate::sync::thread::{self, ThreadId};
use crate::sync::{AtomicBool, Mutex, MutexGuard};

/// Names a task. Never used again, so a late waker finds nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct TaskId {
    index: usize,
    serial: u64,
}

/// What is told that a task has ended without an output.
pub(super) trait Ending {
    fn fail(&self, error: TaskError);
}

/// The tasks that have not ended, and those of them that are to run.
pub(crate) struct Tasks {
    table: RefCell<Table>,
    woken: Arc<Woken>,
}

#[derive(Default)]
struct Table {
    slots: Slab<Slot>,
    /// The serial number of the task spawned last.
    serial: u64,
}

struct Slot {
    wake: Arc<TaskWake>,
    cancelled: bool,
    /// `None` only while the task is being polled.
    body: Option<Body>,
}

pub(crate) struct Body {
    future: Pin<Box<dyn Future<Output = ()>>>,
    outcome: Rc<dyn Ending>,
    waker: Waker,
}

/// The waker of one task.
struct TaskWake {
    id: TaskId,
    /// The task is in the queue already.
    queued: AtomicBool,
    woken: Arc<Woken>,
}

/// The queue of tasks that are to run. Wakers share it with the loop, from whatever thread.
struct Woken {
    /// Whether the queue has anything, so that the loop need not lock it to find it empty.
    any: AtomicBool,
    queue: Mutex<Queue>,
    /// The loop's own: it looks into the queue before it polls, and need not be woken from here.
    thread: ThreadId,
    remote: Arc<RemoteQueue>,
}

#[derive(Default)]
struct Queue {
    tasks: Vec<TaskId>,
    /// Another thread has woken the loop since the queue was taken.
    announced: bool,
}

impl Tasks {
    pub(crate) fn new(remote: Arc<RemoteQueue>) -> Self {
        let woken = Woken {
            any: AtomicBool::new(false),
            queue: Mutex::default(),
            thread: thread::current().id(),
            remote,
        };
        Self { table: RefCell::default(), woken: Arc::new(woken) }
    }

    pub(super) fn insert(
        &self,
        future: Pin<Box<dyn Future<Output = ()>>>,
        outcome: Rc<dyn Ending>,
    ) -> TaskId {
        let mut table = self.table.borrow_mut();
        table.serial += 1;
        let id = TaskId { index: table.slots.vacant_key(), serial: table.serial };
        let woken = Arc::clone(&self.woken);
        let wake = Arc::new(TaskWake { id, queued: AtomicBool::new(false), woken });
        let body = Body { future, outcome, waker: Arc::clone(&wake).into() };
        table.slots.insert(Slot { wake: Arc::clone(&wake), cancelled: false, body: Some(body) });
        wake.wake();
        id
    }

    /// Has the loop drop the task in place of polling it.
    pub(super) fn cancel(&self, id: TaskId) {
        if let Some(slot) = self.table.borrow_mut().slot(id) {
            slot.cancelled = true;
            slot.wake.wake_by_ref();
        }
    }

    /// How many tasks have not ended.
    pub(crate) fn len(&self) -> usize {
        self.table.borrow().slots.len()
    }

    pub(crate) fn has_woken(&self) -> bool {
        self.woken.any.load(Ordering::Acquire)
    }

    /// Takes the batch that has gathered; what it wakes is the next batch.
    fn take_woken(&self) -> Vec<TaskId> {
        let mut queue = self.woken.lock();
        self.woken.any.store(false, Ordering::Release);
        queue.announced = false;
        std::mem::take(&mut queue.tasks)
    }

    /// Takes a task out for polling, and tells whether it was cancelled.
    fn begin(&self, id: TaskId) -> Option<(Body, bool)> {
        let mut table = self.table.borrow_mut();
        let slot = table.slot(id)?;
        // A swap, not a store: who found the task queued and went away relied on the coming poll to see what it had done.
        slot.wake.queued.swap(false, Ordering::AcqRel);
        slot.body.take().map(|body| (body, slot.cancelled))
    }

    /// Puts a task back that goes on.
    fn put(&self, id: TaskId, body: Body) {
        if let Some(slot) = self.table.borrow_mut().slot(id) {
            slot.body = Some(body);
        }
    }

    fn forget(&self, id: TaskId) {
        let mut table = self.table.borrow_mut();
        if table.slot(id).is_some() {
            table.slots.remove(id.index);
            if table.slots.is_empty() && table.slots.capacity() > 1024 {
                table.slots = Slab::new();
            }
        }
    }

    /// Takes all tasks out, at the reactor's end.
    pub(crate) fn take_all(&self) -> Vec<Body> {
        let slots = std::mem::take(&mut self.table.borrow_mut().slots);
        slots.into_iter().filter_map(|(_, slot)| slot.body).collect()
    }
}

impl Table {
    fn slot(&mut self, id: TaskId) -> Option<&mut Slot> {
        self.slots.get_mut(id.index).filter(|slot| slot.wake.id == id)
    }
}

impl Wake for TaskWake {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            self.woken.push(self.id);
        }
    }
}

impl Woken {
    fn push(&self, id: TaskId) {
        let elsewhere = thread::current().id() != self.thread;
        let mut queue = self.lock();
        queue.tasks.push(id);
        self.any.store(true, Ordering::Release);
        let announces = elsewhere && !std::mem::replace(&mut queue.announced, true);
        drop(queue);
        if announces {
            self.remote.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while holding the lock, and if it did the queue would still be whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reactor {
    /// Runs the batch of tasks that were woken; what they wake waits for the next turn.
    pub(crate) fn run_tasks(&mut self) {
        if self.core().tasks.has_woken() {
            for id in self.core().tasks.take_woken() {
                self.run_task(id);
            }
        }
    }

    fn run_task(&mut self, id: TaskId) {
        let Some((mut body, cancelled)) = self.core().tasks.begin(id) else {
            return;
        };
        self.watch.begin(Running::Call("a task"));
        if cancelled {
            self.end_task(id, body, Some(TaskError::Cancelled));
            return;
        }
        match catch(|| body.future.as_mut().poll(&mut Context::from_waker(&body.waker))) {
            Ok(Poll::Pending) => self.core().tasks.put(id, body),
            Ok(Poll::Ready(())) => self.end_task(id, body, None),
            Err(message) => {
                self.core().report_panic("a task", &message);
                self.end_task(id, body, Some(TaskError::Panicked(message)));
            }
        }
    }

    /// Drops a task that has ended; one without an output has failed.
    fn end_task(&self, id: TaskId, body: Body, error: Option<TaskError>) {
        self.core().tasks.forget(id);
        self.core().run_guarded("a task's destructor", || {
            let Body { future, outcome, waker: _ } = body;
            if let Some(error) = error {
                outcome.fail(error);
            }
            drop(future);
        });
    }
}
