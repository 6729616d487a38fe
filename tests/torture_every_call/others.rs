//! What is no stream: datagrams, threads, names; and the end of a server.

use std::cell::Cell;
use std::rc::Rc;

use ropewalk::{
    Address, DatagramProtocol, DatagramTransport, Result, TcpServerEndpoint, UdpEndpoint, for_protocol,
};

use crate::asker::{Asker, Ending};
use crate::book::Book;
use crate::bystander::BYSTANDER;
use crate::stage::{DONE, MILLISECOND, Results, SECOND, Stage};
use crate::streams::Echo;

/// Holds a socket's callbacks to their order.
struct Course {
    book: Book,
    started: bool,
    stopped: Rc<Cell<u32>>,
}

impl Course {
    fn start(&mut self) {
        if std::mem::replace(&mut self.started, true) {
            self.book.wrong("a socket started twice");
        }
    }

    fn goes_on(&self) {
        if !self.started || self.stopped.get() > 0 {
            self.book.wrong("a socket heard something before its start or after its end");
        }
    }
}

struct Mirror(Course);

impl DatagramProtocol for Mirror {
    fn started(&mut self, _: &DatagramTransport) {
        self.0.start();
    }

    fn datagram_received(&mut self, transport: &DatagramTransport, data: &[u8], from: &Address) -> Result {
        self.0.goes_on();
        transport.send_to(data, from)?;
        Ok(())
    }

    fn stopped(&mut self, _: &DatagramTransport) {
        self.0.stopped.set(self.0.stopped.get() + 1);
    }
}

struct Viewer(Course, Results);

impl DatagramProtocol for Viewer {
    fn started(&mut self, _: &DatagramTransport) {
        self.0.start();
    }

    fn datagram_received(&mut self, _: &DatagramTransport, data: &[u8], _: &Address) -> Result {
        self.0.goes_on();
        self.1.set(format!("datagram {}", String::from_utf8_lossy(data)), DONE);
        Ok(())
    }

    fn stopped(&mut self, _: &DatagramTransport) {
        self.0.stopped.set(self.0.stopped.get() + 1);
    }
}

/// Datagrams that come back.
pub(crate) fn datagrams(stage: &mut Stage) {
    let (server, client, address) = (stage.server.clone(), stage.client.clone(), stage.address());
    let course = |book: &Book| Course { book: book.clone(), started: false, stopped: Rc::default() };
    let mirror = Mirror(course(&stage.book));
    let viewer = Viewer(course(&stage.book), stage.results.clone());
    let stops = [Rc::clone(&mirror.0.stopped), Rc::clone(&viewer.0.stopped)];
    let mirroring = UdpEndpoint::from(Stage::everywhere()).listen(stage.simulation.reactor(&server), mirror);
    let viewing = UdpEndpoint::from(address).connect(stage.simulation.reactor(&client), viewer);
    for number in 0..6 {
        stage.results.set(format!("datagram {number}"), "is missing");
        if let Ok(transport) = &viewing {
            // The last three come at once.
            let _ = transport.send(number.to_string());
            if number < 3 {
                stage.run_for(20 * MILLISECOND);
            }
        }
    }
    stage.run_for(SECOND);
    let sockets = [(server, mirroring), (client, viewing)];
    for ((host, transport), stopped) in sockets.into_iter().zip(stops) {
        let Ok(transport) = transport else { continue };
        transport.stop();
        stage.run_for(SECOND);
        if stopped.get() != 1 {
            stage.book.wrong(format!("a socket of {} stopped {} times", host.name(), stopped.get()));
        }
    }
}

/// What threads and lookups give comes once, whatever it is.
pub(crate) fn results(stage: &mut Stage) {
    let client = stage.client.clone();
    for number in 0..4u64 {
        let once = once(stage, format!("thread {number}"));
        let result = stage.simulation.reactor(&client).run_in_thread(move || number);
        result.then(move |result| once(result.map(|_| ()).map_err(|error| error.to_string())));
    }
    for name in ["server", "client", "nobody"] {
        let once = once(stage, format!("name {name}"));
        let result = stage.simulation.reactor(&client).resolve(name);
        result.then(move |result| match result {
            Err(ropewalk::ResolveError::NotFound { .. }) if name == "nobody" => once(Ok(())),
            result => once(result.map(|_| ()).map_err(|error| error.to_string())),
        });
    }
    let once = once(stage, "task".to_owned());
    let reactor = stage.simulation.reactor(&client).clone();
    let handle = reactor.clone();
    let task = reactor.spawn(async move {
        handle.sleep(10 * MILLISECOND).await;
        let found = handle.resolve("server").await;
        once(found.map(|_| ()).map_err(|error| error.to_string()));
    });
    task.detach();
}

/// Takes a result that comes exactly once.
fn once(stage: &Stage, name: String) -> impl FnOnce(std::result::Result<(), String>) + 'static {
    let results = stage.results.clone();
    results.set(name.clone(), "has not come");
    move |result| results.set(name, result.err().unwrap_or_else(|| DONE.to_owned()))
}

/// A server that is drained while its clients are busy, and then stopped.
pub(crate) fn drain(stage: &mut Stage) {
    busy_server(stage);
    let server = stage.server.clone();
    let results = stage.results.clone();
    let reactor = stage.simulation.reactor(&server).clone();
    results.set("the drain", "has not ended");
    let drained = reactor.drain(5 * SECOND);
    drained.then(move |_| {
        results.set("the drain", DONE);
        reactor.stop();
    });
    finish(stage, 6 * SECOND);
}

/// A server that is stopped while its clients are busy.
pub(crate) fn stop(stage: &mut Stage) {
    busy_server(stage);
    let server = stage.server.clone();
    stage.simulation.reactor(&server).stop();
    finish(stage, SECOND);
}

fn busy_server(stage: &mut Stage) {
    let mut link = ropewalk::simulation::Link::default();
    (link.bandwidth, link.buffer) = (Some(400_000), 20_000);
    stage.simulation.set_default_link(link);
    let server = stage.server.clone();
    stage.listen(&server, &TcpServerEndpoint::from(Stage::everywhere()), for_protocol(|| Echo));
    let endpoint = stage.endpoint();
    for name in ["one", "two", "three"] {
        stage.ask(name, &endpoint, Asker::echo(15_000, Ending::Waits));
    }
    stage.run_for(50 * MILLISECOND);
}

fn finish(stage: &mut Stage, within: std::time::Duration) {
    stage.run_for(within);
    let is_running = stage.simulation.is_running(&stage.server);
    stage.results.set("the exit", if is_running { "still runs" } else { DONE });
    for name in ["one", "two", "three", BYSTANDER] {
        // Whether the end came in time for them is a matter of luck; that it came is noted in the book.
        stage.results.set(name, DONE);
    }
}
