//! Every end of a connection, and what the other side hears of it.

use std::time::Duration;

use ropewalk::Timeout;

use crate::bench::Bench;
use crate::over_every_way;
use crate::support::{CLEAN, Event, Probe, pattern};
use crate::ways::Way;

over_every_way!(
    what_was_written_before_a_close_arrives,
    no_input_follows_a_close,
    an_answer_may_follow_the_end_of_input,
    writes_after_a_close_go_nowhere,
    an_abort_is_no_orderly_end_for_the_other_side,
    a_connection_that_is_cut_off_says_so_after_what_was_written,
    an_error_is_told_after_what_was_written,
    a_panic_ends_one_connection,
    an_idle_connection_ends_in_time,
    a_stop_sends_what_was_written,
    a_drain_sends_what_was_written,
);

fn what_was_written_before_a_close_arrives(way: Way) {
    let mut bench = Bench::pair(
        way,
        |log| {
            Probe::new(log).on_data(|transport, _| {
                transport.write(pattern(3_000_000));
                transport.lose_connection();
                Ok(())
            })
        },
        |log| Probe::new(log).on_made(|transport| transport.write("all please")),
    );
    bench.until_lost();
    assert!(bench.client.data() == pattern(3_000_000));
    assert_eq!(bench.client.lost().unwrap(), CLEAN);
    assert_eq!(bench.server.lost().unwrap(), CLEAN);
}

fn no_input_follows_a_close(way: Way) {
    let mut bench = Bench::pair(
        way,
        |log| {
            Probe::new(log).on_data(|transport, _| {
                transport.lose_connection();
                Ok(())
            })
        },
        Probe::new,
    );
    let client = bench.client.transport();
    for _ in 0..50 {
        client.write(vec![b'x'; 100_000]);
    }
    bench.until_lost();
    assert_eq!(bench.server.count(|event| matches!(event, Event::Data(_))), 1);
    assert_eq!(bench.server.lost().unwrap(), CLEAN);
}

fn an_answer_may_follow_the_end_of_input(way: Way) {
    let mut bench = Bench::pair(
        way,
        |log| {
            Probe::new(log).on_end_of_input(|transport| {
                transport.write(pattern(1_000_000));
                transport.lose_connection();
            })
        },
        |log| {
            Probe::new(log).on_made(|transport| {
                transport.write("the question");
                transport.lose_write_connection();
            })
        },
    );
    bench.until_lost();
    assert_eq!(bench.server.data(), b"the question");
    assert!(bench.client.data() == pattern(1_000_000));
    assert_eq!((bench.server.lost().unwrap(), bench.client.lost().unwrap()), (CLEAN.into(), CLEAN.into()));
}

fn writes_after_a_close_go_nowhere(way: Way) {
    let late = |transport: &ropewalk::Transport| transport.write("too late");
    let mut bench = Bench::pair(
        way,
        |log| {
            Probe::new(log).on_lost(late).on_made(move |transport| {
                transport.write("in time");
                transport.lose_connection();
                late(transport);
                transport.lose_connection();
            })
        },
        Probe::new,
    );
    bench.until_lost();
    assert_eq!(bench.client.data(), b"in time");
    bench.server.transport().write("much too late");
    bench.server.transport().abort_connection();
    assert_eq!(bench.server.losses(), 1);
}

fn an_abort_is_no_orderly_end_for_the_other_side(way: Way) {
    let mut bench = Bench::pair(way, Probe::new, Probe::new);
    bench.client.transport().abort_connection();
    bench.until_lost();
    assert_eq!(bench.client.lost().unwrap(), "the connection was aborted by this side");
    if way.tells_of_aborts() {
        assert_ne!(bench.server.lost().unwrap(), CLEAN);
    }
}

fn a_connection_that_is_cut_off_says_so_after_what_was_written(way: Way) {
    let mut bench = Bench::pair(
        way,
        |log| {
            Probe::new(log).on_data(|transport, _| {
                transport.write("so far");
                transport.cut_off();
                Ok(())
            })
        },
        |log| Probe::new(log).on_made(|transport| transport.write("all please")),
    );
    bench.until_lost();
    assert_eq!(bench.client.data(), b"so far");
    assert_eq!(bench.server.lost().unwrap(), "the connection was aborted by this side");
    if way.tells_of_aborts() {
        assert_ne!(bench.client.lost().unwrap(), CLEAN);
    }
}

fn an_error_is_told_after_what_was_written(way: Way) {
    let mut bench = Bench::pair(
        way,
        |log| {
            Probe::new(log).on_data(|transport, _| {
                transport.write("error: no such thing");
                Err("no such thing".into())
            })
        },
        |log| Probe::new(log).on_made(|transport| transport.write("a thing")),
    );
    bench.until_lost();
    assert_eq!(bench.client.data(), b"error: no such thing");
    assert_eq!(bench.client.lost().unwrap(), way.end_by_error());
    assert!(bench.server.lost().unwrap().contains("no such thing"));
}

fn a_panic_ends_one_connection(way: Way) {
    let mut bench = Bench::new(way, |log| {
        Probe::new(log).on_data(|transport, data| {
            // What is read may be cut anywhere.
            assert!(!data.starts_with(b"p"), "as asked");
            transport.write(data);
            Ok(())
        })
    });
    let good = bench.connect(Probe::new);
    let bad = bench.connect(Probe::new);
    bad.write("panic");
    bench.until("the panic is noticed", |server, client| server.losses() == 1 && client.losses() == 1);
    good.write("still here");
    bench.until("the echo", |_, client| client.received() == 10);
    assert!(bench.server.lost().unwrap().contains("as asked"));
}

fn an_idle_connection_ends_in_time(way: Way) {
    let period = Duration::from_millis(50);
    let mut bench = Bench::pair(
        way,
        |log| {
            Probe::new(log).on_made(move |transport| {
                let _ = transport.set_idle_timeout(Some(period));
            })
        },
        Probe::new,
    );
    bench.until_lost();
    assert_eq!(bench.server.lost().unwrap(), Timeout::Idle(period).to_string());
    assert_eq!(bench.client.lost().unwrap(), CLEAN);
}

fn a_stop_sends_what_was_written(way: Way) {
    let mut bench = Bench::pair(way, Probe::new, Probe::new);
    bench.server.transport().write("last words");
    bench.server.transport().lose_connection();
    bench.until("the last words", |_, client| client.received() == 10);
    bench.stop();
    assert_eq!((bench.server.losses(), bench.client.losses()), (1, 1));
}

fn a_drain_sends_what_was_written(way: Way) {
    let mut bench = Bench::pair(way, Probe::new, Probe::new);
    bench.server.transport().write(pattern(1_000_000));
    let _ = bench.reactor().drain(Duration::from_secs(10));
    bench.until_lost();
    assert_eq!(bench.server.lost().unwrap(), CLEAN);
    assert_eq!(bench.client.lost().unwrap(), CLEAN);
    assert!(!bench.port.is_listening());
}
