//! What a process and its reactor hold and use, read from Linux's `/proc`.
//!
//! Descriptors and memory belong to the whole process: a test that counts them runs [`alone`](super::alone).

use std::fs;
use std::time::{Duration, Instant};

use ropewalk::Reactor;

use super::{GLANCE, PATIENCE, settle};

/// What is held at one moment, to be held again after whatever happens in between.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Footprint {
    descriptors: usize,
    connections: usize,
    timers: usize,
    output_buffered: usize,
}

impl Footprint {
    /// What is held now, once what was asked of the reactor is done.
    pub(crate) fn take(reactor: &mut Reactor) -> Self {
        settle(reactor);
        Self::now(reactor)
    }

    fn now(reactor: &Reactor) -> Self {
        let stats = reactor.stats();
        Self {
            descriptors: open_descriptors(),
            connections: stats.connections,
            timers: stats.timers,
            output_buffered: stats.output_buffered,
        }
    }

    /// The same with so many descriptors less: of ports that are closed meanwhile.
    pub(crate) fn without_descriptors(self, count: usize) -> Self {
        Self { descriptors: self.descriptors - count, ..self }
    }

    /// Makes turns until no more is held than then, and no less; fails the test if that never comes.
    #[track_caller]
    pub(crate) fn assert_restored(&self, reactor: &mut Reactor) {
        let deadline = Instant::now() + PATIENCE;
        while Self::now(reactor) != *self {
            let now = Self::now(reactor);
            assert!(Instant::now() < deadline, "there was {self:?}, now there is {now:?}");
            let _ = reactor.run_once(Some(GLANCE)).unwrap();
        }
        settle(reactor);
        assert_eq!(Self::now(reactor), *self);
    }
}

/// How many descriptors this process has open. The one for counting is always among them.
pub(crate) fn open_descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// How much memory of this process is resident, in bytes.
pub(crate) fn resident_memory() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * 1024
}

/// How long this thread has been on a processor.
pub(crate) fn processor_time() -> Duration {
    processor_time_of("thread-self")
}

/// How long a thread has been on a processor that is called so in `/proc`, such as `12/task/34`.
pub(crate) fn processor_time_of(thread: &str) -> Duration {
    let statistics = fs::read_to_string(format!("/proc/{thread}/schedstat")).unwrap();
    Duration::from_nanos(statistics.split_whitespace().next().unwrap().parse().unwrap())
}
