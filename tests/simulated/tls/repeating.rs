//! G8 with what is different in each run: keys, and what they encrypt.

use ropewalk::simulation::{Faults, Link};

use super::{MILLISECOND, Pair, SECOND};

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
    Run {
        hash: pair.simulation.trace_hash(),
        without_contents: pair.simulation.trace_hash_without_contents(),
        trace: pair.simulation.trace(),
    }
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
