//! How fast a simulation is: a chat of a thousand members over a virtual hour.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::error::Error;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use ropewalk::simulation::{Host, Simulation};
use ropewalk::{
    Bytes, ClientEndpoint, ConnectionId, Delimiter, LineProtocol, LineReceiver, LineTransport, ListenOptions,
    ReactorHandle, Reason, Result, SendLine, TcpClientEndpoint, Transport, for_protocol,
};

const PORT: u16 = 8123;

/// Members come and go this far apart.
const CHANGE_EVERY: Duration = Duration::from_secs(10);

/// How often somebody says something.
const LINE_EVERY: Duration = Duration::from_secs(5);

type Room = Rc<RefCell<BTreeMap<ConnectionId, Transport>>>;

/// Passes each line on to all members.
struct Server {
    room: Room,
}

impl LineProtocol for Server {
    fn connection_made(&mut self, transport: &mut LineTransport<'_>) {
        self.room.borrow_mut().insert(transport.id(), (*transport).clone());
    }

    fn line_received(&mut self, _: &mut LineTransport<'_>, line: &[u8]) -> Result {
        let line = Bytes::from([line, b"\n"].concat());
        for member in self.room.borrow().values() {
            member.write_shared(line.clone());
        }
        Ok(())
    }

    fn connection_lost(&mut self, transport: &Transport, _: &Reason) {
        self.room.borrow_mut().remove(&transport.id());
    }
}

/// Counts the lines it hears.
struct Member {
    heard: Rc<Cell<u64>>,
    transport: Rc<RefCell<Option<Transport>>>,
}

impl LineProtocol for Member {
    fn connection_made(&mut self, transport: &mut LineTransport<'_>) {
        *self.transport.borrow_mut() = Some((*transport).clone());
    }

    fn line_received(&mut self, _: &mut LineTransport<'_>, _: &[u8]) -> Result {
        self.heard.set(self.heard.get() + 1);
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, _: &Reason) {
        *self.transport.borrow_mut() = None;
    }
}

/// Where a member is, and its connection while it has one.
struct Seat {
    host: Host,
    transport: Rc<RefCell<Option<Transport>>>,
}

struct Chat {
    simulation: Simulation,
    server: IpAddr,
    seats: Vec<Seat>,
    heard: Rc<Cell<u64>>,
}

fn serve(reactor: &ReactorHandle) -> std::result::Result<(), Box<dyn Error>> {
    let room = Room::default();
    let make = move || LineReceiver::new(Server { room: Rc::clone(&room) }).delimiter(Delimiter::Lf);
    reactor.listen(([0, 0, 0, 0], PORT), ListenOptions::default(), for_protocol(make))?;
    Ok(())
}

impl Chat {
    fn new(members: usize, hosts: usize) -> Self {
        let mut simulation = Simulation::new(1);
        let server = simulation.host("server", serve);
        simulation.set_descriptors(&server, members + 1);
        let hosts: Vec<Host> =
            (0..hosts).map(|number| simulation.host(&format!("host-{number}"), |_| Ok(()))).collect();
        let seat =
            |number: usize| Seat { host: hosts[number % hosts.len()].clone(), transport: Rc::default() };
        let seats = (0..members).map(seat).collect();
        Self { simulation, server: server.address(), seats, heard: Rc::default() }
    }

    fn join(&mut self, number: usize) {
        let Seat { host, transport } = &self.seats[number];
        let (heard, transport) = (Rc::clone(&self.heard), Rc::clone(transport));
        let member = move || {
            let member = Member { heard: Rc::clone(&heard), transport: Rc::clone(&transport) };
            LineReceiver::new(member).delimiter(Delimiter::Lf)
        };
        let endpoint = TcpClientEndpoint::from(std::net::SocketAddr::from((self.server, PORT)));
        let _ = endpoint.connect(self.simulation.reactor(host), for_protocol(member));
    }

    /// Has a member act on its connection, if it has one.
    fn act(&mut self, number: usize, action: impl FnOnce(&Transport)) {
        let Seat { host, transport } = &self.seats[number];
        if let Some(transport) = &*transport.borrow() {
            action(transport);
        }
        self.simulation.reactor(host);
    }

    fn anybody(&self) -> usize {
        self.simulation.dice().roll(self.seats.len() as u64) as usize
    }

    /// Somebody leaves, or comes back.
    fn change(&mut self) {
        let number = self.anybody();
        if self.seats[number].transport.borrow().is_some() {
            self.act(number, Transport::lose_connection);
        } else {
            self.join(number);
        }
    }

    fn run(&mut self, time: Duration) {
        for number in 0..self.seats.len() {
            self.join(number);
        }
        let mut next_change = CHANGE_EVERY;
        while self.simulation.stats().time < time {
            let speaker = self.anybody();
            self.act(speaker, |transport| {
                transport.send_line_with("a line of forty bytes, as people type them", &Delimiter::Lf)
            });
            self.simulation.run_for(LINE_EVERY);
            if self.simulation.stats().time >= next_change {
                self.change();
                next_change += CHANGE_EVERY;
            }
        }
    }
}

/// A chat of so many members on so many hosts, over so much virtual time.
pub(crate) fn chat(members: usize, hosts: usize, time: Duration) {
    let began = Instant::now();
    let mut chat = Chat::new(members, hosts);
    chat.run(time);
    let took = began.elapsed().as_secs_f64();
    let stats = chat.simulation.stats();
    println!(
        "| {members} on {hosts} hosts | {:.0} s | {took:.2} s | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} ns |",
        stats.time.as_secs_f64(),
        stats.time.as_secs_f64() / took,
        stats.connections as f64 / took,
        stats.bytes as f64 / took,
        chat.heard.get() as f64 / took,
        stats.turns as f64 / took,
        took * 1e9 / chat.heard.get() as f64,
    );
}

/// The chat on hosts of their own and on shared ones.
pub(crate) fn measure(members: usize) {
    let time = Duration::from_secs(3_600);
    println!(
        "\n| chat | virtual | real | virtual seconds/s | connections/s | bytes/s | lines heard/s | turns/s | each line heard |\n|---|---|---|---|---|---|---|---|---|"
    );
    chat(members, members, time);
    chat(members, members.div_ceil(20), time);
}
