//! What a race comes to, computed from its plan alone (RFC 8305 §4 and §5).

use std::net::IpAddr;
use std::time::Duration;

use ropewalk::{Instant, IpFamily};

/// What an address does with an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    Accepts,
    Refuses,
    /// Refuses so early that the attempt does not begin.
    RefusesAtOnce,
    Hangs,
}

/// What the factory and its layer make of the connection that is first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Guest {
    Plain,
    NotAdmitted,
    NotBuilt,
    PanicsInAdmit,
    PanicsInBuild,
    /// Has a layer that is greeted so much later.
    Greeted(Duration),
    /// Has a layer that hears something else so much later.
    Insulted(Duration),
}

/// All that decides a race.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) name: usize,
    pub(crate) start: Instant,
    pub(crate) timeout: Duration,
    pub(crate) attempt_delay: Duration,
    pub(crate) first: Option<IpFamily>,
    /// Of which family the local address is.
    pub(crate) bind: Option<IpFamily>,
    pub(crate) cancel: Option<Instant>,
    pub(crate) guest: Guest,
    /// As the name has them, with what each does and when.
    pub(crate) addresses: Vec<(IpAddr, Answer, Instant)>,
}

/// What a race comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Connected(IpAddr),
    NoProtocol(IpAddr),
    NotReady(IpAddr),
    Cancelled,
    Shutdown,
    NotFound,
    LookupTimedOut,
    LookupFailed,
    /// The addresses in the order of trying, with how long each had if it did not answer.
    Failed(Vec<(IpAddr, Option<Duration>)>),
}

impl Plan {
    pub(crate) fn deadline(&self) -> Instant {
        self.start + self.timeout
    }

    /// When nobody waits for the lookup any more.
    pub(crate) fn leaves(&self) -> Instant {
        self.cancel.unwrap_or(Instant::NEVER).min(self.deadline())
    }

    /// The verdict and its time, if the lookup is answered at `answered`.
    pub(crate) fn verdict(&self, answered: Instant) -> (Verdict, Instant) {
        if answered >= self.leaves() {
            let is_cancelled = self.cancel == Some(self.leaves());
            let verdict = if is_cancelled { Verdict::Cancelled } else { Verdict::LookupTimedOut };
            return (verdict, self.leaves());
        }
        if self.addresses.is_empty() {
            return (Verdict::NotFound, answered);
        }
        let (verdict, time) = self.race(answered);
        match self.cancel {
            Some(cancel) if cancel < time => (Verdict::Cancelled, cancel),
            _ => (verdict, time),
        }
    }

    /// Each attempt begins at the delay after the one before, or when all before have ended in failure since then.
    fn race(&self, answered: Instant) -> (Verdict, Instant) {
        let delay = self.attempt_delay.clamp(Duration::from_millis(10), Duration::from_secs(2));
        let order = self.order();
        let mut ends: Vec<(Instant, Answer)> = Vec::new();
        let mut allowed = Vec::new();
        let mut begins = answered;
        while begins < self.deadline() && ends.len() < order.len() {
            let (_, answer, time) = order[ends.len()];
            let end = match answer {
                Answer::Hangs => Instant::NEVER,
                Answer::RefusesAtOnce => begins,
                _ => time.max(begins),
            };
            ends.push((end, answer));
            allowed.push(self.deadline() - begins);
            // An attempt that fails before the delay is over has the next begin at once; an older one does too.
            let fails = |(end, answer): &(Instant, Answer)| *answer != Answer::Accepts && *end >= begins;
            let newest = ends.len() - 1;
            let failures = ends.iter().enumerate().filter(|(_, attempt)| fails(attempt));
            // One that has brought about this attempt is not counted again.
            let failure = failures
                .filter(|(number, (end, _))| *number == newest || *end > begins)
                .map(|(_, (end, _))| *end)
                .min();
            let next = failure.unwrap_or(Instant::NEVER).min(begins + delay);
            let won = ends.iter().any(|(end, answer)| *answer == Answer::Accepts && *end <= next);
            if won {
                break;
            }
            begins = next;
        }
        let accepted = ends.iter().enumerate().filter(|(_, (_, answer))| *answer == Answer::Accepts);
        let winner = accepted.min_by_key(|(_, (end, _))| *end);
        match winner {
            Some((number, (end, _))) if *end < self.deadline() => self.welcome(order[number].0, *end),
            _ => {
                let last = ends.iter().map(|(end, _)| *end).max().unwrap_or(answered);
                let attempts =
                    ends.iter().zip(allowed).zip(&order).map(|(((end, _), after), entry)| {
                        (entry.0, (*end >= self.deadline()).then_some(after))
                    });
                (Verdict::Failed(attempts.collect()), last.min(self.deadline()))
            }
        }
    }

    fn welcome(&self, address: IpAddr, time: Instant) -> (Verdict, Instant) {
        match self.guest {
            Guest::Plain => (Verdict::Connected(address), time),
            Guest::Greeted(after) => (Verdict::Connected(address), time + after),
            Guest::Insulted(after) => (Verdict::NotReady(address), time + after),
            _ => (Verdict::NoProtocol(address), time),
        }
    }

    /// The first of the first family, the first of the other, the second of the first family, and so on.
    fn order(&self) -> Vec<(IpAddr, Answer, Instant)> {
        let is_first = |address: &IpAddr| match self.first {
            Some(family) => address.is_ipv4() == (family == IpFamily::Ipv4),
            None => address.is_ipv4() == self.addresses[0].0.is_ipv4(),
        };
        let mut numbered: Vec<_> = Vec::new();
        let (mut firsts, mut seconds) = (0, 0);
        for entry in &self.addresses {
            let (count, offset) = if is_first(&entry.0) { (&mut firsts, 0) } else { (&mut seconds, 1) };
            numbered.push((2 * *count + offset, *entry));
            *count += 1;
        }
        numbered.sort_by_key(|(rank, _)| *rank);
        let order = numbered.into_iter().map(|(_, entry)| entry);
        // Those that the local address cannot reach are left out, unless that is all.
        let reaches = |(address, _, _): &(IpAddr, _, _)| match self.bind {
            Some(family) => address.is_ipv4() == (family == IpFamily::Ipv4),
            None => true,
        };
        let reached: Vec<_> = order.clone().filter(reaches).collect();
        if reached.is_empty() { order.collect() } else { reached }
    }
}
