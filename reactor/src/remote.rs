//! How other threads reach a reactor.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, PoisonError};

use crate::driver::Wake;
use crate::sync::{Mutex, MutexGuard};
use crate::{ConnectionId, ReactorHandle};

/// A way to reach a reactor from any thread; [`ReactorHandle::remote`] gives it.
///
/// What is posted runs in the reactor's thread in order, before the timers of that turn. Many posts wake the loop once.
///
/// ```
/// # let mut reactor = ropewalk_reactor::Reactor::new()?;
/// let remote = reactor.remote();
/// std::thread::spawn(move || remote.post(|reactor| reactor.stop()));
/// reactor.run()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Remote {
    queue: Arc<RemoteQueue>,
}

/// The reactor has been dropped; what was posted will not happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReactorGone;

/// What other threads send.
pub(crate) enum Message {
    Call(Box<dyn FnOnce(&ReactorHandle) + Send>),
    Event(ConnectionId, Box<dyn Any + Send>),
    /// The result of work done in a thread, by the number of its job.
    Finished(u64, Box<dyn Any + Send>),
}

/// The queue between other threads and the loop.
pub(crate) struct RemoteQueue {
    /// `None` once the reactor is gone. The waker goes with it: it may have a descriptor, and handles live on.
    open: Mutex<Option<Open>>,
}

struct Open {
    messages: VecDeque<Message>,
    waker: Arc<dyn Wake>,
}

impl ReactorHandle {
    /// A way to reach this reactor from other threads.
    pub fn remote(&self) -> Remote {
        Remote { queue: Arc::clone(&self.core().remote) }
    }
}

impl Remote {
    /// Has the reactor call `call`.
    ///
    /// # Errors
    /// If the reactor is gone; the call is dropped.
    pub fn post(&self, call: impl FnOnce(&ReactorHandle) + Send + 'static) -> Result<(), ReactorGone> {
        self.queue.push(Message::Call(Box::new(call)))
    }

    /// Sends a connection's protocol an event, which it hears in
    /// [`Protocol::event_received`](crate::Protocol::event_received). If the connection is lost, the event is dropped.
    ///
    /// # Errors
    /// If the reactor is gone.
    pub fn post_event(&self, connection: ConnectionId, event: impl Any + Send) -> Result<(), ReactorGone> {
        self.queue.push(Message::Event(connection, Box::new(event)))
    }
}

impl Remote {
    /// Gives the loop the result of work done in a thread.
    pub(crate) fn finish(&self, message: Message) -> Result<(), ReactorGone> {
        self.queue.push(message)
    }
}

impl RemoteQueue {
    pub(crate) fn new(waker: Arc<dyn Wake>) -> Self {
        Self { open: Mutex::new(Some(Open { messages: VecDeque::new(), waker })) }
    }

    pub(crate) fn push(&self, message: Message) -> Result<(), ReactorGone> {
        let mut lock = self.lock();
        let Some(open) = lock.as_mut() else {
            drop(lock);
            drop(message);
            return Err(ReactorGone);
        };
        // The loop takes the whole queue when it wakes, so only the first message has to wake it.
        let waker = open.messages.is_empty().then(|| Arc::clone(&open.waker));
        open.messages.push_back(message);
        drop(lock);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// Has the loop look at what is there for it besides messages.
    pub(crate) fn wake(&self) {
        let waker = self.lock().as_ref().map(|open| Arc::clone(&open.waker));
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(crate) fn take(&self) -> VecDeque<Message> {
        self.lock().as_mut().map(|open| std::mem::take(&mut open.messages)).unwrap_or_default()
    }

    /// Refuses messages from now on and returns those not yet taken.
    pub(crate) fn close(&self) -> VecDeque<Message> {
        self.lock().take().map(|open| open.messages).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        // Nothing panics while holding the lock, and if it did the queue would still be whole.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Remote")
    }
}

impl fmt::Display for ReactorGone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the reactor is gone")
    }
}

impl std::error::Error for ReactorGone {}
