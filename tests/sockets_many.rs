//! Many connections at once: in processes of their own, which may have the descriptors for both ends.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::io::{Read, Write};

use ropewalk::{Bytes, Reactor};
use support::{Log, Probe, alone, dial, listen, run_until, run_until_empty, settle, with_peer};

const MANY: usize = 1000;

/// Enough for both ends of so many.
const DESCRIPTORS: u32 = 2100;

#[test]
fn a_thousand_connections_are_served_each() {
    alone("a_thousand_connections_are_served_each", DESCRIPTORS, || {
        let mut reactor = Reactor::new().unwrap();
        let log = Log::default();
        let address = listen(&reactor, Probe::echo(&log).factory());
        with_peer(&mut reactor, move || {
            let mut streams: Vec<_> = (0..MANY).map(|_| dial(address)).collect();
            for (index, stream) in streams.iter_mut().enumerate() {
                write!(stream, "I am {index:04}").unwrap();
            }
            for (index, stream) in streams.iter_mut().enumerate() {
                let mut answer = [0; 9];
                stream.read_exact(&mut answer).unwrap();
                assert_eq!(answer, format!("I am {index:04}").as_bytes());
            }
        });
        run_until_empty(&mut reactor);
        assert_eq!(log.losses(), MANY);
        assert_eq!(reactor.stats().connections_opened, MANY as u64);
        assert_eq!(reactor.stats().bytes_in, 9 * MANY as u64);
        assert_eq!(reactor.stats().bytes_out, 9 * MANY as u64);
        assert_eq!(reactor.stats().timers, 0);
    });
}

#[test]
fn a_broadcast_of_ten_lines_is_one_write_for_each_of_a_thousand() {
    alone("a_broadcast_of_ten_lines_is_one_write_for_each_of_a_thousand", DESCRIPTORS, || {
        let mut reactor = Reactor::new().unwrap();
        let log = Log::default();
        let everybody = log.clone();
        let probe = Probe::new(&log).on_data(move |_, _| {
            let line = Bytes::from(vec![b'x'; 1000]);
            let members = everybody.transports();
            for number in 0..10 {
                for member in &members {
                    member.write(format!("line {number}: "));
                    member.write_shared(line.clone());
                }
            }
            Ok(())
        });
        let address = listen(&reactor, probe.factory());
        let mut streams: Vec<_> = (0..MANY)
            .map(|count| {
                let stream = dial(address);
                // The backlog is smaller than this crowd.
                run_until(&mut reactor, "connected", || log.transports().len() > count);
                stream
            })
            .collect();
        settle(&mut reactor);
        let before = reactor.stats();
        streams[MANY / 2].write_all(b"all of you").unwrap();
        run_until(&mut reactor, "the request", || log.received() > 0);
        settle(&mut reactor);
        let after = reactor.stats();
        assert_eq!(after.writes - before.writes, MANY as u64);
        assert_eq!(after.reads - before.reads, 1);
        assert_eq!(after.output_buffered, 0);
        let expected: String = (0..10).map(|number| format!("line {number}: {}", "x".repeat(1000))).collect();
        for stream in &mut streams {
            let mut heard = vec![0; expected.len()];
            stream.read_exact(&mut heard).unwrap();
            assert!(heard == expected.as_bytes());
        }
    });
}
