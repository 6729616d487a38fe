//! Who notes what befalls connections and when, and holds the guarantees of a connection's life against it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use ropewalk::simulation::{Host, Link, Simulation};
use ropewalk::{
    ConnectOptions, Factory, Instant, ListenOptions, Protocol, ReactorHandle, Reason, Result, Transport,
    for_protocol,
};

use crate::people::{PORT, idle};

pub(crate) const MILLISECOND: Duration = Duration::from_millis(1);
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// A link without anything random about it.
pub(crate) fn exact(latency: Duration) -> Link {
    let mut link = Link::default();
    (link.latency, link.jitter) = (latency, Duration::ZERO);
    link
}

/// A random number below `sides`.
pub(crate) fn roll(simulation: &Simulation, sides: u64) -> u64 {
    simulation.dice().roll(sides)
}

/// True with this probability.
pub(crate) fn chance(simulation: &Simulation, probability: f64) -> bool {
    simulation.dice().chance(probability)
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
    /// What went against the guarantees. A panic in a callback would be caught.
    violations: RefCell<Vec<&'static str>>,
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

    /// The notes, if all is well.
    #[track_caller]
    fn notes(&self) -> &Notes {
        let violations = self.0.violations.borrow();
        assert!(violations.is_empty(), "{violations:?}");
        &self.0
    }

    /// All connections there ever were, the oldest first.
    #[track_caller]
    pub(crate) fn guests(&self) -> Vec<Guest> {
        self.notes().guests.borrow().clone()
    }

    /// Their transports.
    #[track_caller]
    pub(crate) fn transports(&self) -> Vec<Transport> {
        self.notes().guests.borrow().iter().map(|guest| guest.transport.clone()).collect()
    }

    /// The one connection.
    #[track_caller]
    pub(crate) fn only(&self) -> Guest {
        let guests = self.notes().guests.borrow();
        assert_eq!(guests.len(), 1, "there is one connection");
        guests[0].clone()
    }

    #[track_caller]
    pub(crate) fn count(&self) -> usize {
        self.notes().guests.borrow().len()
    }

    #[track_caller]
    pub(crate) fn open(&self) -> usize {
        self.notes().open.get()
    }

    #[track_caller]
    pub(crate) fn open_max(&self) -> usize {
        self.notes().open_max.get()
    }

    /// Bytes heard by all together.
    #[track_caller]
    pub(crate) fn bytes(&self) -> usize {
        self.notes().guests.borrow().iter().map(|guest| guest.data.len()).sum()
    }

    fn check(&self, holds: bool, guarantee: &'static str) {
        if !holds {
            self.0.violations.borrow_mut().push(guarantee);
        }
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
        self.witness.check(self.guest.is_some(), "G1: connection_made comes first");
        let Some(number) = self.guest else { return };
        let guest = &mut self.witness.0.guests.borrow_mut()[number];
        self.witness.check(guest.lost.is_none(), "G1: connection_lost comes once and last");
        change(guest);
    }
}

impl Protocol for Watched {
    fn connection_made(&mut self, transport: &Transport) {
        self.witness.check(self.guest.is_none(), "G1: connection_made comes once");
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
            self.witness.check(guest.finished.is_none(), "no data comes after the end of input");
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
        self.note(|guest| {
            self.witness.check(guest.finished.is_none(), "input ends once");
            guest.finished = Some(now);
        });
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

/// A server, a client and one connection between them, with a witness at each end.
pub(crate) struct Pair {
    pub(crate) simulation: Simulation,
    pub(crate) server: Host,
    pub(crate) client: Host,
    pub(crate) served: Witness,
    pub(crate) heard: Witness,
}

impl Pair {
    /// Connected, by a link of this kind, to a server of this manner.
    pub(crate) fn new(seed: u64, link: Link, server: Manner, client: Manner) -> Self {
        Self::behind(seed, link, client, move |served, _| Rc::new(served.factory(server)))
    }

    /// As `new`, with a factory made from a witness.
    pub(crate) fn behind(
        seed: u64,
        link: Link,
        manner: Manner,
        factory: impl Fn(&Witness, &ReactorHandle) -> Rc<dyn Factory> + 'static,
    ) -> Self {
        let mut simulation = Simulation::new(seed);
        simulation.set_default_link(link);
        let (served, heard) = (Witness::default(), Witness::default());
        let server = serve(&mut simulation, "server", &served, factory);
        let client = simulation.host("client", idle);
        let mut pair = Self { simulation, server, client, served, heard };
        pair.connect(manner);
        let heard = pair.heard.clone();
        assert!(pair.simulation.run_until(60 * SECOND, |_| heard.count() == 1));
        pair
    }

    /// Begins one more connection.
    pub(crate) fn connect(&mut self, manner: Manner) {
        connect(&mut self.simulation, &self.client, &self.server, self.heard.factory(manner));
    }

    /// What the client's end writes.
    pub(crate) fn say(&mut self, data: impl AsRef<[u8]>) {
        self.heard.transports()[0].write(data);
        self.simulation.reactor(&self.client);
    }

    /// What the server's end writes.
    pub(crate) fn answer(&mut self, data: impl AsRef<[u8]>) {
        self.served.transports()[0].write(data);
        self.simulation.reactor(&self.server);
    }
}

/// A host that serves what `factory` makes, on the port that all serve on.
pub(crate) fn serve(
    simulation: &mut Simulation,
    name: &str,
    served: &Witness,
    factory: impl Fn(&Witness, &ReactorHandle) -> Rc<dyn Factory> + 'static,
) -> Host {
    let served = served.clone();
    simulation.host(name, move |reactor| {
        reactor.listen(([0, 0, 0, 0], PORT), ListenOptions::default(), factory(&served, reactor))?;
        Ok(())
    })
}

/// Has a host begin to connect to another.
pub(crate) fn connect(simulation: &mut Simulation, from: &Host, to: &Host, factory: impl Factory + 'static) {
    let address = (to.address(), PORT);
    simulation.reactor(from).connect(address, &ConnectOptions::default(), factory).then(|_| {});
}
