//! Who notes what befalls connections and when, and holds the guarantees of a connection's life against it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use ropewalk::simulation::{Host, Link, Simulation};
use ropewalk::{Factory, Instant, Protocol, Reason, Result, Transport, for_protocol};

pub(crate) const MILLISECOND: Duration = Duration::from_millis(1);
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// A link without anything random about it.
pub(crate) fn exact(latency: Duration) -> Link {
    let mut link = Link::default();
    (link.latency, link.jitter) = (latency, Duration::ZERO);
    link
}

/// A time so long after the beginning.
pub(crate) fn at(since: Duration) -> Instant {
    Instant::ZERO + since
}

/// Notes what the connections of one factory hear. Clones are the same witness.
#[derive(Clone, Default)]
pub(crate) struct Witness(Rc<Notes>);

#[derive(Default)]
struct Notes {
    guests: RefCell<Vec<Guest>>,
    /// Connections that have a protocol now.
    open: Cell<usize>,
    /// The most that there ever were at once.
    open_max: Cell<usize>,
}

/// One connection as its protocol has known it.
#[derive(Clone)]
pub(crate) struct Guest {
    pub(crate) transport: Transport,
    pub(crate) made: Instant,
    pub(crate) data: Vec<u8>,
    /// When the last of it came.
    pub(crate) heard: Option<Instant>,
    pub(crate) finished: Option<Instant>,
    pub(crate) lost: Option<(Instant, String)>,
}

/// How a witness treats its connections.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Closes at the end of input, and says nothing.
    #[default]
    Quiet,
    /// Answers with what it hears.
    Echoes,
    /// Reads nothing.
    Deaf,
    /// Hears on after the end of input.
    StaysOpen,
}

impl Witness {
    /// A factory for connections of this manner.
    pub(crate) fn factory(&self, manner: Manner) -> impl Factory + 'static {
        let witness = self.clone();
        for_protocol(move || Watched { witness: witness.clone(), guest: None, manner })
    }

    /// All connections there ever were, the oldest first.
    pub(crate) fn guests(&self) -> Vec<Guest> {
        self.0.guests.borrow().clone()
    }

    /// The one connection.
    #[track_caller]
    pub(crate) fn only(&self) -> Guest {
        let guests = self.0.guests.borrow();
        assert_eq!(guests.len(), 1, "there is one connection");
        guests[0].clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.guests.borrow().len()
    }

    pub(crate) fn open(&self) -> usize {
        self.0.open.get()
    }

    pub(crate) fn open_max(&self) -> usize {
        self.0.open_max.get()
    }

    /// Bytes heard by all together.
    pub(crate) fn bytes(&self) -> usize {
        self.0.guests.borrow().iter().map(|guest| guest.data.len()).sum()
    }
}

impl Guest {
    /// Why it was lost.
    #[track_caller]
    pub(crate) fn reason(&self) -> &str {
        &self.lost.as_ref().expect("it was lost").1
    }

    #[track_caller]
    pub(crate) fn lost_at(&self) -> Instant {
        self.lost.as_ref().expect("it was lost").0
    }

    pub(crate) fn was_clean(&self) -> bool {
        self.lost.as_ref().is_some_and(|(_, reason)| reason == "the connection was closed cleanly")
    }
}

/// A connection's protocol. G1: made once and first, lost once and last.
struct Watched {
    witness: Witness,
    /// Its number, once it is made.
    guest: Option<usize>,
    manner: Manner,
}

impl Watched {
    fn note(&self, change: impl FnOnce(&mut Guest)) {
        let number = self.guest.expect("G1: connection_made comes first");
        let guest = &mut self.witness.0.guests.borrow_mut()[number];
        assert!(guest.lost.is_none(), "G1: connection_lost comes last");
        change(guest);
    }
}

impl Protocol for Watched {
    fn connection_made(&mut self, transport: &Transport) {
        assert!(self.guest.is_none(), "G1: connection_made comes once");
        let notes = &self.witness.0;
        self.guest = Some(notes.guests.borrow().len());
        let made = transport.reactor().now();
        let transport = transport.clone();
        if self.manner == Manner::Deaf {
            transport.pause_reading();
        }
        let guest = Guest { transport, made, data: Vec::new(), heard: None, finished: None, lost: None };
        notes.guests.borrow_mut().push(guest);
        notes.open.set(notes.open.get() + 1);
        notes.open_max.set(notes.open_max.get().max(notes.open.get()));
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        let now = transport.reactor().now();
        self.note(|guest| {
            assert!(guest.finished.is_none(), "no data comes after the end of input");
            guest.data.extend_from_slice(data);
            guest.heard = Some(now);
        });
        if self.manner == Manner::Echoes {
            transport.write(data);
        }
        Ok(())
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        let now = transport.reactor().now();
        self.note(|guest| assert!(guest.finished.replace(now).is_none(), "input ends once"));
        if self.manner != Manner::StaysOpen {
            transport.lose_connection();
        }
        Ok(())
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        let now = transport.reactor().now();
        self.note(|guest| guest.lost = Some((now, reason.to_string())));
    }
}

/// Also that of a host that crashes.
impl Drop for Watched {
    fn drop(&mut self) {
        if self.guest.is_some() {
            self.witness.0.open.set(self.witness.0.open.get() - 1);
        }
    }
}

/// When `host` has begun to connect and to what, as the trace tells.
pub(crate) fn attempts(simulation: &Simulation, host: &Host) -> Vec<(Duration, String)> {
    let trace = simulation.trace();
    let attempt = |line: &str| {
        let mut words = line.split_whitespace();
        let time = words.next()?;
        let is_attempt = words.next() == Some(host.name());
        let (_, to) = line.split_once(" connects to ").filter(|_| is_attempt)?;
        Some((duration(time), to.to_owned()))
    };
    trace.lines().filter_map(attempt).collect()
}

/// Reads a duration as it is shown for debugging.
fn duration(text: &str) -> Duration {
    let number = text.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let nanoseconds_per_unit = match &text[number.len()..] {
        "ns" => 1,
        "µs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        unit => panic!("{unit} is not a unit of time"),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: u64 = format!("{whole}{fraction}").parse().unwrap();
    // As many digits as there are nanoseconds, at the most.
    Duration::from_nanos(digits * (nanoseconds_per_unit / 10_u64.pow(fraction.len() as u32)))
}
