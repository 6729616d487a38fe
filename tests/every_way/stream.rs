//! Bytes arrive whole, in order, however they were written.

use ropewalk::{Protocol, Reason, Result, Transport};

use crate::bench::Bench;
use crate::over_every_way;
use crate::support::{CLEAN, Event, Probe, pattern};
use crate::ways::Way;

const LARGE: usize = 5 * 1024 * 1024;

over_every_way!(
    both_ends_hear_each_other,
    what_is_written_in_any_pieces_arrives_in_order,
    five_megabytes_arrive_both_ways_and_then_the_close,
    a_protocol_may_hand_over_to_another,
    shared_bytes_and_pieces_arrive,
);

fn both_ends_hear_each_other(way: Way) {
    let mut bench = Bench::pair(
        way,
        |log| Probe::echo(log).on_made(|transport| transport.write("welcome;")),
        |log| Probe::new(log).on_made(|transport| transport.write("hello;")),
    );
    bench.until("the echo", |_, client| client.received() == 14);
    assert_eq!(bench.client.data(), b"welcome;hello;");
    bench.client.transport().lose_connection();
    bench.until_lost();
    assert_eq!(bench.server.callbacks(), [Event::Made, Event::EndOfInput, Event::Lost(CLEAN.into())]);
    assert_eq!(bench.client.callbacks(), [Event::Made, Event::Lost(CLEAN.into())]);
}

fn what_is_written_in_any_pieces_arrives_in_order(way: Way) {
    let mut bench = Bench::pair(way, Probe::echo, Probe::new);
    let data = pattern(300_000);
    let client = bench.client.transport();
    // Sizes around those of records and segments, and many of one byte.
    let sizes = [1, 2, 1, 255, 256, 257, 4095, 1, 16_384, 16_385, 1, 65_535, 65_537, 3];
    let mut rest = &data[..];
    for size in sizes.into_iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at(size.min(rest.len()));
        client.write(piece);
        bench.turn();
        rest = after;
    }
    bench.until("the echo", |_, client| client.received() == 300_000);
    assert!(bench.client.data() == data && bench.server.data() == data);
}

fn five_megabytes_arrive_both_ways_and_then_the_close(way: Way) {
    let whole = |transport: &Transport| {
        transport.write(pattern(LARGE));
        transport.lose_write_connection();
    };
    let mut bench =
        Bench::pair(way, |log| Probe::new(log).on_made(whole), |log| Probe::new(log).on_made(whole));
    bench.until_lost();
    for log in [&bench.server, &bench.client] {
        assert!(log.data() == pattern(LARGE));
        assert_eq!(log.lost().unwrap(), CLEAN);
        assert!(log.has(&Event::EndOfInput));
    }
}

fn a_protocol_may_hand_over_to_another(way: Way) {
    struct Upper;
    impl Protocol for Upper {
        fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
            transport.write(data.to_ascii_uppercase());
            Ok(())
        }
        fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
            assert!(reason.is_clean());
        }
    }
    let mut bench = Bench::pair(
        way,
        |log| {
            let prefix = std::cell::Cell::new(b"up:".len());
            Probe::new(log).on_data(move |transport, data| {
                // What is read may be cut anywhere.
                let skipped = prefix.get().min(data.len());
                prefix.set(prefix.get() - skipped);
                if prefix.get() == 0 {
                    transport.switch_protocol(Upper, &data[skipped..]);
                }
                Ok(())
            })
        },
        |log| Probe::new(log).on_made(|transport| transport.write("up:first ")),
    );
    bench.until("the leftover", |_, client| client.received() == 6);
    bench.client.transport().write("second");
    bench.until("the rest", |_, client| client.received() == 12);
    assert_eq!(bench.client.data(), b"FIRST SECOND");
}

fn shared_bytes_and_pieces_arrive(way: Way) {
    let large = ropewalk::Bytes::from(pattern(200_000));
    let mut bench = Bench::pair(way, Probe::new, Probe::new);
    let client = bench.client.transport();
    client.write("before;");
    client.write_shared(large.clone());
    client.write_vectored(&[b";", b"", b"after"]);
    bench.until("all of it", |server, _| server.received() == 200_013);
    assert!(bench.server.data() == [b"before;", &large[..], b";after"].concat());
    assert_eq!(client.buffered(), 0);
}
