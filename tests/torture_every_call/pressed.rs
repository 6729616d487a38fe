//! Servers under pressure: peers that read slowly, producers, policies, and too few descriptors.

use std::rc::Rc;
use std::time::Duration;

use ropewalk::simulation::Link;
use ropewalk::{
    Deadline, IdleTimeout, LimitConnections, LimitRate, Policy, Producer, ProducerKind, Protocol, Result,
    TcpServerEndpoint, TokenBucket, Transport, for_protocol,
};

use crate::asker::{Asker, Ending};
use crate::stage::{DONE, MILLISECOND, SECOND, Stage};
use crate::streams::Echo;

/// Echoes of more than buffers and marks have room for.
pub(crate) fn narrow(stage: &mut Stage) {
    let mut link = Link::default();
    (link.bandwidth, link.buffer) = (Some(4_000_000), 30_000);
    stage.simulation.set_default_link(link);
    let server = stage.server.clone();
    stage.listen(&server, &TcpServerEndpoint::from(Stage::everywhere()), for_protocol(|| Echo));
    let endpoint = stage.endpoint();
    stage.ask("the long one", &endpoint, Asker::echo(120_000, Ending::HalfClose));
    stage.ask("the short one", &endpoint, Asker::echo(1_000, Ending::Close));
    stage.ask("the deaf one", &endpoint, Asker::echo(150_000, Ending::ClosesLate));
}

/// More than goes through in a turn, in both directions.
struct Greed {
    heard: usize,
}

const UPLOAD: usize = 600_000;
const DOWNLOAD: usize = 1_100_000;

impl Protocol for Greed {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.heard += data.len();
        if self.heard == "all".len() && data.ends_with(b"l") {
            transport.write(vec![b'x'; DOWNLOAD]);
        }
        Ok(())
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        transport.write(self.heard.to_string());
        transport.lose_connection();
        Ok(())
    }
}

/// Clients with so much to send and to hear that turns have to be shared.
pub(crate) fn greedy(stage: &mut Stage) {
    let mut link = Link::default();
    (link.jitter, link.buffer) = (Duration::ZERO, 4 * DOWNLOAD);
    stage.simulation.set_default_link(link);
    let server = stage.server.clone();
    stage.own_output = DOWNLOAD;
    stage.listen(&server, &TcpServerEndpoint::from(Stage::everywhere()), for_protocol(|| Greed { heard: 0 }));
    // Made then, their connections are first heard at the very moment at which the bystander's second question is.
    stage.run_for(3 * MILLISECOND);
    let endpoint = stage.endpoint();
    let upload = Asker::new(vec![b'x'; UPLOAD], UPLOAD.to_string(), Ending::HalfClose);
    stage.ask("the sending one", &endpoint, upload);
    stage.ask("the hearing one", &endpoint, Asker::new("all", vec![b'x'; DOWNLOAD], Ending::Close));
}

/// Counts up as fast as the peer reads, once it is asked to.
struct Counting {
    is_asked: bool,
}

struct Numbers(u32);

const NUMBERS: u32 = 12_000;
/// How many of them at once.
const PIECE: u32 = 3_000;

fn numbers() -> Vec<u8> {
    (0..NUMBERS).flat_map(u32::to_be_bytes).collect()
}

impl Producer for Numbers {
    fn resume_producing(&mut self, transport: &Transport) {
        let next = (self.0 + PIECE).min(NUMBERS);
        let piece: Vec<u8> = (self.0..next).flat_map(u32::to_be_bytes).collect();
        self.0 = next;
        transport.write(piece);
        if next == NUMBERS {
            transport.unregister_producer();
            transport.lose_connection();
        }
    }
}

impl Protocol for Counting {
    fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result {
        if !std::mem::replace(&mut self.is_asked, true) {
            transport.register_producer(Numbers(0), ProducerKind::Pull).map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

/// Producers that feed slow peers.
pub(crate) fn produced(stage: &mut Stage) {
    let mut link = Link::default();
    (link.bandwidth, link.buffer) = (Some(4_000_000), 20_000);
    stage.simulation.set_default_link(link);
    let server = stage.server.clone();
    stage.own_output = PIECE as usize * size_of::<u32>();
    stage.listen(
        &server,
        &TcpServerEndpoint::from(Stage::everywhere()),
        for_protocol(|| Counting { is_asked: false }),
    );
    let endpoint = stage.endpoint();
    for name in ["one", "two"] {
        stage.ask(name, &endpoint, Asker::new("go", numbers(), Ending::Waits));
    }
}

impl Stage {
    /// Echoes that are watched within their policies, which act before a protocol and put it in their place.
    fn watched_echo(&self) -> Rc<dyn ropewalk::Factory> {
        self.book.watch("server", 0, for_protocol(|| Echo))
    }
}

/// Connections with every policy around them.
pub(crate) fn policies(stage: &mut Stage) {
    let server = stage.server.clone();
    let rate = || TokenBucket::new(5_000);
    let factory = LimitRate::of_each().write(rate()).read(rate()).around(stage.watched_echo());
    let factory = LimitConnections::new(3).around(factory);
    let factory = Deadline::new(30 * SECOND).around(IdleTimeout::new(20 * SECOND).around(factory));
    stage.listen_unwatched(&server, &TcpServerEndpoint::from(Stage::everywhere()), Rc::new(factory));
    let endpoint = stage.endpoint();
    stage.ask("the half-closing one", &endpoint, Asker::echo(12_000, Ending::HalfClose));
    stage.ask("the closing one", &endpoint, Asker::echo(8_000, Ending::Close));
    stage.run_for(3 * SECOND);
    // One that says nothing is sent away by the idle timeout.
    stage.ask("the silent one", &endpoint, Asker::new("", "", Ending::Waits));
}

/// More clients than the server has descriptors for: those who wait are refused after a while, others served later.
pub(crate) fn crowded(stage: &mut Stage) {
    const HOLDERS: [&str; 4] = ["a", "b", "c", "d"];
    let server = stage.server.clone();
    // The bystander's connection will need one, as the port that it has already.
    let own = 2 * stage.simulation.descriptors(&server);
    stage.simulation.set_descriptors(&server, 3 + own);
    let factory = IdleTimeout::new(5 * SECOND).around(stage.watched_echo());
    stage.listen_unwatched(&server, &TcpServerEndpoint::from(Stage::everywhere()), Rc::new(factory));
    // Until the bystander has its own.
    stage.run_for(100 * MILLISECOND);
    let endpoint = stage.endpoint();
    for name in HOLDERS {
        stage.ask(name, &endpoint, Asker::echo(10, Ending::Waits));
    }
    stage.run_for(10 * SECOND);
    stage.ask("the late one", &endpoint, Asker::echo(10, Ending::Close));
    for name in HOLDERS {
        // Who of them had to wait, and who was refused, is a matter of luck.
        stage.results.set(name, DONE);
    }
}
