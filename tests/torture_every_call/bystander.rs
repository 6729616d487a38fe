//! Somebody who talks with the tortured host all the time, and must not notice anything (G5).

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use ropewalk::simulation::Link;
use ropewalk::{
    ClientEndpoint, Instant, Protocol, Reason, Result, TcpClientEndpoint, TcpServerEndpoint, TimerKey,
    Transport, for_protocol,
};

use crate::book::Book;
use crate::stage::{DONE, MILLISECOND, Results, Stage};

/// What its result is called.
pub(crate) const BYSTANDER: &str = "the bystander";

const PORT: u16 = 8;

/// How often it asks: first again and again, then more and more seldom, for half a second.
const QUESTIONS: u32 = 16;

/// What the bystander has to put up with.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    /// How long it may wait for an answer.
    pub(crate) time: Duration,
    /// How many turns the host may make after a question has arrived before it hears it.
    pub(crate) turns: u64,
}

impl Patience {
    /// The way there and the way back, and not a nanosecond more; the turn that polls, and another for each call that fails and
    /// is to be made again.
    pub(crate) fn strict(failures: usize) -> Self {
        Self { time: 2 * MILLISECOND, turns: 1 + failures.max(1) as u64 }
    }

    /// Every step may take some milliseconds longer, every call may have to be made again, and again.
    pub(crate) const GREAT: Self = Self { time: MILLISECOND.saturating_mul(500), turns: 20 };
}

/// When the present moment began on the tortured host, and after how many turns.
pub(crate) type Moment = Rc<Cell<(Instant, u64)>>;

impl Stage {
    /// Has the bystander begin.
    pub(crate) fn with_bystander(mut self, patience: Patience) -> Self {
        let mut link = Link::default();
        link.jitter = Duration::ZERO;
        self.simulation.set_link(&self.bystander, &self.victim, link);
        let (victim, book, moment) = (self.victim.clone(), self.book.clone(), Rc::clone(&self.moment));
        let answers = for_protocol(move || Answers {
            book: book.clone(),
            moment: Rc::clone(&moment),
            turns_max: patience.turns,
            heard: 0,
        });
        self.listen(&victim, &TcpServerEndpoint::from(SocketAddr::from(([0, 0, 0, 0], PORT))), answers);
        let (book, results) = (self.book.clone(), self.results.clone());
        results.set(BYSTANDER, "has not ended");
        let asks = for_protocol(move || Asks {
            book: book.clone(),
            results: results.clone(),
            patience: patience.time,
            answered: 0,
            asked: Instant::ZERO,
        });
        let asks = self.book.watch("bystander", 1, asks);
        let endpoint = TcpClientEndpoint::from(SocketAddr::new(victim.address(), PORT));
        let host = self.bystander.clone();
        let results = self.results.clone();
        endpoint.connect_shared(self.simulation.reactor(&host), asks).then(move |result| {
            if let Err(error) = result {
                results.set(BYSTANDER, error.to_string());
            }
        });
        self
    }
}

/// Answers at once, on the tortured host.
struct Answers {
    book: Book,
    moment: Moment,
    turns_max: u64,
    heard: u32,
}

impl Protocol for Answers {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        let (began, before) = self.moment.get();
        let turns = transport.reactor().stats().turns - before;
        self.heard += 1;
        // The first question comes before its connection is accepted.
        if self.heard > 1 && began == transport.reactor().now() && turns > self.turns_max {
            self.book.wrong(format!("the bystander's question was heard after {turns} turns"));
        }
        transport.write(data);
        Ok(())
    }
}

/// Asks, and looks at the clock.
struct Asks {
    book: Book,
    results: Results,
    patience: Duration,
    answered: u32,
    asked: Instant,
}

impl Asks {
    fn ask(&mut self, transport: &Transport) {
        self.asked = transport.reactor().now();
        transport.write("?");
    }
}

impl Protocol for Asks {
    fn connection_made(&mut self, transport: &Transport) {
        self.ask(transport);
    }

    fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result {
        let took = transport.reactor().now() - self.asked;
        // The first may have to wait until the connection is accepted, for which descriptors may be lacking.
        if self.answered > 0 && took > self.patience {
            self.book.wrong(format!("the bystander waited {took:?} for an answer (G5)"));
        }
        self.answered += 1;
        if self.answered == QUESTIONS {
            transport.lose_connection();
        } else {
            transport.set_timer(MILLISECOND * 2u32.pow(self.answered / 2));
        }
        Ok(())
    }

    fn timer_expired(&mut self, transport: &Transport, _: TimerKey) {
        self.ask(transport);
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        let is_done = self.answered == QUESTIONS && reason.is_clean();
        let result = if is_done { DONE.to_owned() } else { format!("{} answers, {reason}", self.answered) };
        self.results.set(BYSTANDER, result);
    }
}
