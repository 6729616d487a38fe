//! G8 with what is different in each run: keys, and what they encrypt.

use std::net::SocketAddr;
use std::ops::Range;

use ropewalk::simulation::{Faults, Host, Link, Simulation};
use ropewalk::{ClientEndpoint, ServerEndpoint, TcpClientEndpoint, TlsClientEndpoint, for_protocol};

use super::{MILLISECOND, NAME, PORT, Pair, SECOND, client_config, server_config, tls_over_tcp};
use crate::examples::chat::chat;
use crate::examples::member::Member;

struct Run {
    hash: u64,
    without_contents: u64,
    trace: String,
}

/// Talk over TLS with everything that is random.
fn talk(seed: u64, word: &str) -> Run {
    let mut link = Link::default();
    (link.loss, link.jitter, link.buffer) = (0.1, 30 * MILLISECOND, 3_000);
    let mut pair = Pair::new(seed, link);
    for host in [&pair.server, &pair.client] {
        pair.simulation.set_faults(host, Faults::rough());
    }
    for round in 0..3 {
        let heard = pair.connected();
        for line in 0..10 {
            pair.exchange(&heard, &format!("{word}, line {line} of round {round}"));
        }
        let server = pair.server.clone();
        if round == 1 {
            pair.simulation.kill(&server);
            pair.simulation.restart(&server);
        } else {
            heard.transport().lose_connection();
        }
        pair.simulation.run_for(10 * SECOND);
    }
    Run::of(&pair.simulation)
}

/// A chat over TLS, in which everybody talks while one is cut off for a while and one crashes and comes back.
fn chat_over_tls(seed: u64) -> Run {
    let mut simulation = Simulation::new(seed);
    let mut link = Link::default();
    (link.loss, link.jitter) = (0.1, 30 * MILLISECOND);
    simulation.set_default_link(link);
    let config = server_config();
    let server = simulation.host("server", move |reactor| {
        tls_over_tcp(config.clone()).listen(reactor, chat())?;
        Ok(())
    });
    simulation.set_faults(&server, Faults::rough());
    let config = client_config();
    let join = move |simulation: &mut Simulation, host: &Host| {
        let (member, name) = (Member::default(), host.name().to_owned());
        let ears = member.clone();
        let endpoint = TcpClientEndpoint::from(SocketAddr::from((server.address(), PORT)));
        let endpoint = TlsClientEndpoint::new(endpoint, NAME, config.clone()).unwrap();
        let _ = endpoint.connect(simulation.reactor(host), for_protocol(move || ears.protocol(&name, false)));
        let welcome = member.clone();
        assert!(simulation.run_until(100 * SECOND, |_| welcome.is_welcome()));
        member
    };
    let hosts = ["ann", "bob", "cyd", "dan"].map(|name| simulation.host(name, |_| Ok(())));
    let mut members = hosts.each_ref().map(|host| join(&mut simulation, host));
    for round in 0..20 {
        for (number, member) in members.iter().enumerate() {
            if simulation.is_running(&hosts[number]) {
                member.say(&format!("line {round}"));
            }
        }
        match round {
            4 => simulation.clog(&hosts[1], &hosts[0]),
            5 => simulation.kill(&hosts[2]),
            9 => simulation.heal(),
            12 => {
                simulation.restart(&hosts[2]);
                members[2] = join(&mut simulation, &hosts[2]);
            }
            _ => {}
        }
        simulation.run_for(SECOND / 5);
    }
    simulation.run_for(60 * SECOND);
    let lines = |rounds: Range<usize>| rounds.map(|round| format!("line {round}"));
    assert_eq!(members[3].heard_from("ann"), lines(0..20).collect::<Vec<_>>());
    // What it said when it was killed never left it.
    assert_eq!(members[0].heard_from("cyd"), lines(0..5).chain(lines(13..20)).collect::<Vec<_>>());
    Run::of(&simulation)
}

impl Run {
    fn of(simulation: &Simulation) -> Self {
        Self {
            hash: simulation.trace_hash(),
            without_contents: simulation.trace_hash_without_contents(),
            trace: simulation.trace(),
        }
    }
}

#[test]
fn g8_the_same_seed_gives_the_same_trace_of_a_chat_over_tls_but_for_the_bytes() {
    let seeds = [0, 1, 2].map(|seed| {
        let [once, again] = [(); 2].map(|()| chat_over_tls(seed));
        assert_eq!(once.trace, again.trace);
        assert_eq!(once.without_contents, again.without_contents);
        assert_ne!(once.hash, again.hash, "keys are never the same");
        once.without_contents
    });
    assert!(seeds[0] != seeds[1] && seeds[1] != seeds[2]);
}

#[test]
fn g8_the_same_seed_gives_the_same_trace_of_tls_but_for_the_bytes() {
    for seed in 0..5 {
        let [once, again] = [(); 2].map(|()| talk(seed, "hello"));
        assert_eq!(once.trace, again.trace);
        assert_eq!(once.without_contents, again.without_contents);
        assert_ne!(once.hash, again.hash, "keys are never the same");
    }
}

#[test]
fn other_sizes_and_other_seeds_are_other_traces() {
    let one = talk(1, "hello").without_contents;
    assert_eq!(one, talk(1, "aloha").without_contents, "of the same size");
    assert_ne!(one, talk(1, "good morning").without_contents);
    assert_ne!(one, talk(2, "hello").without_contents);
}
