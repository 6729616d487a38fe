//! Work in threads for one connection, one after the other.

use std::any::Any;
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use ropewalk_reactor::{Result, ThreadError, TimerKey, Transport};

use super::context::RouterContext;

/// Why work in a thread gave no result.
#[derive(Debug)]
#[non_exhaustive]
pub enum JobError {
    /// It panicked, or no thread could be started.
    Thread(ThreadError),
    /// It took longer than this.
    TimedOut(Duration),
}

/// What a thread has come to, on its way to the connection.
pub(super) struct Done {
    pub(super) number: u64,
    pub(super) outcome: Outcome,
}

pub(super) type Outcome = Result<Box<dyn Any>, JobError>;
pub(super) type Finish<S> = Box<dyn FnOnce(&mut RouterContext<'_, S>, Outcome) -> Result>;

/// Begins the work of this number, unless it is no longer wanted when a thread is free.
type Begin = Box<dyn FnOnce(&Transport, u64, Weak<()>)>;

/// The work of one connection.
pub(super) struct Jobs<S> {
    /// How many were begun, which is the number of the latest.
    begun: u64,
    under_way: Option<UnderWay<S>>,
    /// Invariant: empty unless one is under way or about to begin.
    waiting: VecDeque<Waiting<S>>,
}

struct UnderWay<S> {
    finish: Finish<S>,
    timer: Option<(TimerKey, Duration)>,
    /// Dropped when nobody wants the result any more.
    _wanted: Arc<()>,
}

struct Waiting<S> {
    begin: Begin,
    time: Option<Duration>,
    finish: Finish<S>,
}

impl<S: 'static> Jobs<S> {
    pub(super) fn new() -> Self {
        Self { begun: 0, under_way: None, waiting: VecDeque::new() }
    }

    pub(super) const fn is_busy(&self) -> bool {
        self.under_way.is_some()
    }

    pub(super) fn add<T: Send + 'static>(
        &mut self,
        transport: &Transport,
        time: Option<Duration>,
        work: impl FnOnce() -> T + Send + 'static,
        then: impl FnOnce(&mut RouterContext<'_, S>, Result<T, JobError>) -> Result + 'static,
    ) {
        let finish: Finish<S> = Box::new(move |context, outcome| {
            let result = outcome.map(|value| {
                *value.downcast::<T>().expect("the outcome of a number is that of its own work")
            });
            then(context, result)
        });
        let begin: Begin = Box::new(move |transport, number, wanted| begin(transport, number, wanted, work));
        self.waiting.push_back(Waiting { begin, time, finish });
        self.begin_next(transport);
    }

    /// Begins what waits longest, unless something is under way. Reading is paused until that is done.
    pub(super) fn begin_next(&mut self, transport: &Transport) {
        if self.is_busy() {
            return;
        }
        let Some(Waiting { begin, time, finish }) = self.waiting.pop_front() else { return };
        self.begun += 1;
        let wanted = Arc::new(());
        let timer = time.map(|time| (transport.set_timer(time), time));
        transport.pause_reading();
        begin(transport, self.begun, Arc::downgrade(&wanted));
        self.under_way = Some(UnderWay { finish, timer, _wanted: wanted });
    }

    /// What to do with the outcome of a number, if it is still waited for.
    pub(super) fn take(&mut self, transport: &Transport, number: u64) -> Option<Finish<S>> {
        if number != self.begun {
            return None;
        }
        let UnderWay { finish, timer, .. } = self.under_way.take()?;
        timer.into_iter().for_each(|(timer, _)| transport.cancel_timer(timer));
        Some(finish)
    }

    /// What is under way and has now taken too long, by this timer.
    pub(super) fn timed_out(&self, timer: TimerKey) -> Option<Done> {
        let (key, time) = self.under_way.as_ref()?.timer?;
        (key == timer).then(|| Done { number: self.begun, outcome: Err(JobError::TimedOut(time)) })
    }
}

fn begin<T: Send + 'static>(
    transport: &Transport,
    number: u64,
    wanted: Weak<()>,
    work: impl FnOnce() -> T + Send + 'static,
) {
    let connection = transport.clone();
    // A peer that asks and goes, again and again, must not leave behind that all its questions are answered.
    let work = move || (wanted.strong_count() > 0).then(work);
    transport.reactor().run_in_thread(work).then(move |result| {
        let outcome = match result {
            Ok(Some(value)) => Ok(Box::new(value) as Box<dyn Any>),
            Ok(None) => return,
            Err(error) => Err(JobError::Thread(error)),
        };
        connection.post(Done { number, outcome });
    });
}

impl fmt::Display for JobError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Thread(error) => error.fmt(formatter),
            Self::TimedOut(time) => write!(formatter, "the work took longer than {time:?}"),
        }
    }
}

impl Error for JobError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Thread(error) => error.source(),
            Self::TimedOut(_) => None,
        }
    }
}
