//! TLS that begins in mid-stream, as with STARTTLS.

use std::net::SocketAddr;
use std::rc::Rc;

use ropewalk::simulation::{Host, Simulation};
use ropewalk::testing::for_each_seed;
use ropewalk::{
    ConnectOptions, LineProtocol, LineReceiver, LineTransport, ListenOptions, Reason, Result, SendLine,
    TlsClientConfig, TlsServerConfig, TlsTransport, Transport, for_protocol,
};

use super::{MILLISECOND, NAME, PORT, SECOND, client_config, exact, server_config};
use crate::people::Heard;

/// Begins TLS when it is asked to, and says whether a line was protected.
struct Server {
    config: TlsServerConfig,
    lost: Lost,
}

type Lost = Rc<std::cell::RefCell<Vec<String>>>;

impl LineProtocol for Server {
    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        if line == b"STARTTLS" {
            transport.send_line("220 Go ahead");
            transport.start_tls_server(&self.config)?;
        } else {
            let how = if transport.tls().is_some() { "secret" } else { "public" };
            transport.send_line([how.as_bytes(), b": ", line].concat());
        }
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.lost.borrow_mut().push(reason.to_string());
    }
}

/// Asks for TLS, and then says something that is to be kept secret.
struct Client {
    config: TlsClientConfig,
    heard: Heard,
}

impl LineProtocol for Client {
    fn connection_made(&mut self, transport: &mut LineTransport<'_>) {
        self.heard.made(transport);
        transport.send_line("STARTTLS");
    }

    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        self.heard.hear(line);
        if line == b"220 Go ahead" {
            transport.start_tls_client(&self.config, NAME)?;
            transport.send_line("my password");
        }
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.heard.end(reason.to_string());
    }
}

/// All that the client hears if all goes well.
const ALL: &[u8] = b"220 Go aheadsecret: my password";

struct Pair {
    simulation: Simulation,
    server: Host,
    client: Host,
    lost: Lost,
    heard: Heard,
}

fn pair(seed: u64) -> Pair {
    let mut simulation = Simulation::new(seed);
    let lost = Lost::default();
    let (config, server_lost) = (server_config(), Rc::clone(&lost));
    let server = simulation.host("server", move |reactor| {
        let (config, lost) = (config.clone(), Rc::clone(&server_lost));
        let make = move || LineReceiver::new(Server { config: config.clone(), lost: Rc::clone(&lost) });
        reactor.listen(([0, 0, 0, 0], PORT), ListenOptions::default(), for_protocol(make))?;
        Ok(())
    });
    let client = simulation.host("client", |_| Ok(()));
    simulation.set_default_link(exact(10 * MILLISECOND));
    simulation.run_for(SECOND);
    let (config, heard) = (client_config(), Heard::default());
    let told = heard.clone();
    let make = move || LineReceiver::new(Client { config: config.clone(), heard: told.clone() });
    let address = SocketAddr::from((server.address(), PORT));
    let _ = simulation.reactor(&client).connect(address, &ConnectOptions::default(), for_protocol(make));
    Pair { simulation, server, client, lost, heard }
}

/// Cuts the network at each moment from the connection to the end of the conversation.
fn at_each_moment(test: impl Fn(Pair)) {
    for steps in 0.. {
        let mut pair = pair(1);
        for _ in 0..steps {
            pair.simulation.step();
        }
        if pair.heard.data() == ALL {
            assert!(steps > 12, "only {steps} moments");
            return;
        }
        pair.simulation.partition(&[&pair.server], &[&pair.client]);
        test(pair);
    }
}

#[test]
fn a_short_partition_only_delays() {
    at_each_moment(|mut pair| {
        pair.simulation.run_for(3 * SECOND);
        pair.simulation.heal();
        let heard = pair.heard.clone();
        assert!(pair.simulation.run_until(10 * SECOND, |_| heard.data() == ALL), "{:?}", heard.lost());
    });
}

#[test]
fn whoever_has_begun_a_handshake_gives_it_up_in_time() {
    at_each_moment(|mut pair| {
        pair.simulation.run_for(40 * SECOND);
        let has_begun = pair.heard.data() == b"220 Go ahead";
        if has_begun && pair.heard.transport().tls().is_none() {
            assert_eq!(pair.heard.lost().unwrap(), "the handshake took longer than 10s");
        }
        for lost in pair.lost.borrow().iter() {
            assert_eq!(lost, "the handshake took longer than 10s");
        }
        pair.simulation.heal();
        pair.simulation.run_for(SECOND);
        let heard = pair.heard.data();
        assert!(ALL.starts_with(&heard), "nothing else is ever heard: {:?}", String::from_utf8_lossy(&heard));
        pair.simulation.run_for(100 * SECOND);
        if pair.heard.lost().is_some() {
            assert_eq!(pair.simulation.reactor_stats(&pair.server).connections, 0);
            assert_eq!(pair.simulation.descriptors(&pair.client), 0);
        }
    });
}

#[test]
fn a_password_never_goes_out_unprotected() {
    for_each_seed(30, |seed| {
        let mut pair = pair(seed);
        let faults = ropewalk::simulation::Faults::rough();
        for host in [&pair.server, &pair.client] {
            pair.simulation.set_faults(host, faults);
        }
        let (server, client) = (pair.server.clone(), pair.client.clone());
        pair.simulation.run_for(MILLISECOND * pair.simulation.dice().roll(120) as u32);
        pair.simulation.suspend(&server, SECOND);
        pair.simulation.clog(&client, &server);
        pair.simulation.run_for(2 * SECOND);
        pair.simulation.heal();
        pair.simulation.run_for(60 * SECOND);
        assert_eq!(pair.heard.data(), ALL);
    });
}
