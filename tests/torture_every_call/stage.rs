//! Where a scene is played: a few hosts, one of which is tortured, and what has to hold when all is over.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use ropewalk::simulation::{Host, Simulation};
use ropewalk::testing::Operation;
use ropewalk::{ClientEndpoint, Factory, Instant, ListeningPort, ServerEndpoint, Stats, TcpClientEndpoint};

use crate::asker::Asker;
use crate::book::Book;
use crate::bounds;
use crate::bystander::Moment;

pub(crate) const MILLISECOND: Duration = Duration::from_millis(1);
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// What a result is that is as it should be.
pub(crate) const DONE: &str = "done";

/// The port that servers listen on.
const PORT: u16 = 7;

/// How many steps the hosts may take in the time between two acts of a scene.
const STEPS_MAX: u32 = 200_000;

/// Where the failing calls are made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Victim {
    Server,
    Client,
}

/// What has become of each piece of work.
#[derive(Clone, Default)]
pub(crate) struct Results(Rc<RefCell<BTreeMap<String, String>>>);

impl Results {
    pub(crate) fn set(&self, work: impl Into<String>, result: impl Into<String>) {
        self.0.borrow_mut().insert(work.into(), result.into());
    }
}

/// How a run ended.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Outcome {
    pub(crate) results: BTreeMap<String, String>,
    /// What each connection heard.
    pub(crate) heard: Vec<String>,
}

pub(crate) struct Stage {
    pub(crate) simulation: Simulation,
    pub(crate) server: Host,
    pub(crate) client: Host,
    pub(crate) bystander: Host,
    pub(crate) book: Book,
    pub(crate) results: Results,
    /// The most bytes that a protocol of a server writes of its own accord.
    pub(crate) own_output: usize,
    pub(crate) victim: Host,
    pub(crate) moment: Moment,
    ports: Vec<ListeningPort>,
}

impl Stage {
    pub(crate) fn new(victim: Victim, seed: u64, failures: &[(usize, io::ErrorKind)]) -> Self {
        Self::on(Simulation::new(seed), victim, failures)
    }

    /// A stage on a network without hosts.
    pub(crate) fn on(
        mut simulation: Simulation,
        victim: Victim,
        failures: &[(usize, io::ErrorKind)],
    ) -> Self {
        let server = simulation.host("server", |_| Ok(()));
        let client = simulation.host("client", |_| Ok(()));
        let bystander = simulation.host("bystander", |_| Ok(()));
        for host in [&server, &client] {
            simulation.reactor(host).set_default_limits(bounds::limits());
        }
        let victim = if victim == Victim::Server { server.clone() } else { client.clone() };
        simulation.fail_calls(&victim, failures);
        let stage = Self {
            simulation,
            server,
            client,
            bystander,
            book: Book::default(),
            results: Results::default(),
            own_output: 100,
            victim,
            moment: Moment::default(),
            ports: Vec::new(),
        };
        stage.start_clock()
    }

    /// Timers of the victim that must not be early (G9).
    fn start_clock(mut self) -> Self {
        let (victim, book) = (self.victim.clone(), self.book.clone());
        for time in [1, 17, 260, 900].map(Duration::from_millis) {
            let (book, due) = (book.clone(), Instant::ZERO + time);
            let _ = self.simulation.reactor(&victim).call_later(time, move |reactor| {
                if reactor.now() < due {
                    book.wrong(format!("a call for {due:?} came at {:?}", reactor.now()));
                }
            });
        }
        self
    }

    /// The calls that the victim has made.
    pub(crate) fn calls(&self) -> Vec<Operation> {
        self.simulation.calls(&self.victim)
    }

    /// Where servers listen.
    pub(crate) fn everywhere() -> SocketAddr {
        SocketAddr::from(([0, 0, 0, 0], PORT))
    }

    /// Where clients connect to.
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::new(self.server.address(), PORT)
    }

    pub(crate) fn endpoint(&self) -> TcpClientEndpoint {
        TcpClientEndpoint::from(self.address())
    }

    /// Listens on a host. A port that fails is a server that is not there.
    pub(crate) fn listen(
        &mut self,
        host: &Host,
        endpoint: &dyn ServerEndpoint,
        factory: impl Factory + 'static,
    ) {
        let factory = self.book.watch("server", self.own_output, factory);
        self.listen_unwatched(host, endpoint, factory);
    }

    pub(crate) fn listen_unwatched(
        &mut self,
        host: &Host,
        endpoint: &dyn ServerEndpoint,
        factory: Rc<dyn Factory>,
    ) {
        if let Ok(port) = endpoint.listen_shared(self.simulation.reactor(host), factory) {
            self.ports.push(port);
        }
    }

    /// Has a client connect and ask; its result gets this name.
    pub(crate) fn ask(&mut self, name: &str, endpoint: &dyn ClientEndpoint, asker: Asker) {
        let results = self.results.clone();
        results.set(name, "has not ended");
        let own_output = asker.question_length();
        let (name, protocol) = (name.to_owned(), RefCell::new(Some(asker.telling(name, &results))));
        let factory = self.book.watch(
            "client",
            own_output,
            ropewalk::factory_fn(move |_| {
                protocol.take().map(|asker| Box::new(asker) as Box<dyn ropewalk::Protocol>)
            }),
        );
        endpoint.connect_shared(self.simulation.reactor(&self.client), factory).then(move |result| {
            if let Err(error) = result {
                results.set(name, error.to_string());
            }
        });
    }

    /// Lets time pass and watches.
    pub(crate) fn run_for(&mut self, time: Duration) {
        let (book, victim, moment) = (&self.book, &self.victim, &self.moment);
        let mut steps = 0;
        let _ = self.simulation.run_until(time, |simulation| {
            book.glance(simulation.now());
            if simulation.now() != moment.get().0 {
                moment.set((simulation.now(), simulation.reactor_stats(victim).turns));
            }
            steps += 1;
            assert!(steps < STEPS_MAX, "the hosts do not come to rest");
            false
        });
    }

    /// Lets everything come to its end, closes the ports, and holds the guarantees of a server at rest.
    pub(crate) fn end(mut self) -> (Outcome, Vec<Operation>) {
        for _ in 0..70 {
            self.run_for(SECOND);
            if self.has_ports_alone() {
                break;
            }
        }
        for port in std::mem::take(&mut self.ports) {
            drop(port.stop());
        }
        // Not so long that timers which should not be there any more have come.
        self.run_for(SECOND);
        self.book.close();
        assert_eq!(self.book.wrongs(), [""; 0]);
        for host in [&self.server, &self.client, &self.bystander] {
            self.assert_at_rest(host);
        }
        let results = self.results.0.borrow().clone();
        (Outcome { results, heard: self.book.summary() }, self.calls())
    }

    /// Whether nothing is open but ports.
    fn has_ports_alone(&self) -> bool {
        let open = self.ports.iter().filter(|port| port.is_listening()).count();
        let hosts = [&self.server, &self.client, &self.bystander];
        let descriptors: usize = hosts.iter().map(|host| self.simulation.descriptors(host)).sum();
        descriptors == open && hosts.iter().all(|host| self.simulation.reactor_stats(host).connections == 0)
    }

    /// Nothing is left on a host, and nothing has panicked (G7, G10).
    fn assert_at_rest(&self, host: &Host) {
        let Stats { connections, timers, output_buffered, panics, .. } = self.simulation.reactor_stats(host);
        let descriptors = self.simulation.descriptors(host);
        assert_eq!(
            (connections, timers, output_buffered, panics, descriptors),
            (0, 0, 0, 0, 0),
            "left on the {}: connections, timers, output, panics, descriptors",
            host.name()
        );
    }
}
