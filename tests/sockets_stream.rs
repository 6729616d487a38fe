//! The stream transport over real connections: order, closing, aborting (S43 to S50, S58).
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::io::{ErrorKind, Write};
use std::rc::Rc;

use ropewalk::{Bytes, Protocol, Reactor, Result, Transport, for_protocol};
use support::{
    CLEAN, Event, Log, Probe, dial, listen, pattern, read_to_end, reset, run_until, run_until_empty, settle,
    talk, with_peer,
};

#[test]
fn g3_s43_an_echo_keeps_the_order() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let address = listen(&reactor, Probe::echo(&log).factory());
    let sent = pattern(3_000_000);
    let expected = sent.clone();
    let heard = with_peer(&mut reactor, move || {
        let stream = dial(address);
        let mut writer = stream.try_clone().unwrap();
        let writing = std::thread::spawn(move || {
            // Pieces of all sizes.
            let mut rest = &sent[..];
            for size in (1..).map(|n| n * n % 10_007 + 1) {
                let (piece, after) = rest.split_at(size.min(rest.len()));
                writer.write_all(piece).unwrap();
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            writer.shutdown(std::net::Shutdown::Write).unwrap();
        });
        let (heard, end) = read_to_end(&stream);
        end.unwrap();
        writing.join().unwrap();
        heard
    });
    assert!(heard == expected, "{} bytes came back", heard.len());
    run_until_empty(&mut reactor);
    assert_eq!(log.lost().as_deref(), Some(CLEAN));
}

#[test]
fn g3_s49_copied_vectored_and_shared_writes_arrive_in_order() {
    let mut reactor = Reactor::new().unwrap();
    let shared = Bytes::from(pattern(100_000));
    let again = shared.clone();
    let probe = Probe::new(&Log::default()).on_made(move |transport| {
        transport.write("one ");
        transport.write("");
        transport.write_vectored(&[b"two ", b"", b"three "]);
        transport.write_vectored(&[b"four "]);
        transport.write_shared(again.clone());
        transport.write_shared(Bytes::from_static(b" five"));
        transport.lose_connection();
    });
    let (heard, end) = talk(&mut reactor, probe, b"");
    end.unwrap();
    let expected = [b"one two three four ", &*shared, b" five"].concat();
    assert!(heard == expected, "{} bytes arrived", heard.len());
}

#[test]
fn g3_s44_five_megabytes_arrive_whole_before_the_end() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let probe = Probe::new(&log).on_made(|transport| {
        transport.write(pattern(5_000_000));
        transport.lose_connection();
    });
    let (heard, end) = talk(&mut reactor, probe, b"");
    end.unwrap();
    assert!(heard == pattern(5_000_000), "{} bytes arrived", heard.len());
    assert_eq!(log.events(), [Event::Made, Event::Lost(CLEAN.into())]);
}

#[test]
fn g1_input_that_arrived_before_the_peers_close_is_delivered_before_the_loss() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let address = listen(&reactor, Probe::new(&log).factory());
    with_peer(&mut reactor, move || dial(address).write_all(&pattern(1_048_576)).unwrap());
    run_until_empty(&mut reactor);
    assert!(log.data() == pattern(1_048_576), "{} bytes arrived", log.received());
    assert_eq!(log.callbacks(), [Event::Made, Event::EndOfInput, Event::Lost(CLEAN.into())]);
    assert!(matches!(log.events().last(), Some(Event::Lost(_))));
}

#[test]
fn g1_pausing_after_the_first_byte_loses_nothing_of_a_megabyte() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let probe = Probe::new(&log).on_data(|transport, _| {
        transport.pause_reading();
        Ok(())
    });
    let address = listen(&reactor, probe.factory());
    let mut stream = dial(address);
    stream.write_all(b"1").unwrap();
    run_until(&mut reactor, "the first byte", || log.received() == 1);
    let mut writer = stream.try_clone().unwrap();
    let writing = std::thread::spawn(move || writer.write_all(&pattern(1_048_576)).unwrap());
    drop(stream);
    settle(&mut reactor);
    assert_eq!(log.received(), 1, "input came while reading was paused");
    // Resumed again and again, after each piece, until all is there.
    run_until(&mut reactor, "everything", || {
        log.transport().resume_reading();
        log.received() == 1 + 1_048_576
    });
    log.transport().resume_reading();
    writing.join().unwrap();
    run_until_empty(&mut reactor);
    assert!(log.data()[1..] == pattern(1_048_576));
    assert_eq!(log.losses(), 1);
}

#[test]
fn s45_the_rest_of_a_segment_after_lose_connection_is_not_delivered() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let probe = Probe::new(&log).on_data(|transport, data| {
        for line in data.split_inclusive(|byte| *byte == b'\n') {
            if !transport.delivers_input() {
                break;
            }
            transport.write(line);
            if line == b"quit\n" {
                transport.lose_connection();
            }
        }
        Ok(())
    });
    let (heard, end) = talk(&mut reactor, probe, b"quit\nignored\n");
    end.unwrap();
    assert_eq!(heard, b"quit\n");
    assert_eq!(log.count(|event| matches!(event, Event::Data(_))), 1);
}

#[test]
fn s45_input_after_lose_connection_is_not_delivered() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let probe = Probe::new(&log).on_data(|transport, _| {
        transport.lose_connection();
        Ok(())
    });
    let address = listen(&reactor, probe.factory());
    let mut stream = dial(address);
    stream.write_all(b"first").unwrap();
    run_until(&mut reactor, "the first", || log.data() == b"first");
    stream.write_all(b"second").unwrap();
    settle(&mut reactor);
    drop(stream);
    run_until_empty(&mut reactor);
    assert_eq!(log.events(), [Event::Made, Event::Data(b"first".into()), Event::Lost(CLEAN.into())]);
}

#[test]
fn g1_s46_s47_s48_closing_twice_and_writing_late_do_nothing() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let probe = Probe::new(&log)
        .on_made(|transport| {
            transport.write("accepted");
            transport.lose_connection();
            transport.write("too late");
            transport.lose_connection();
            transport.lose_write_connection();
        })
        .on_lost(|transport| {
            transport.write("far too late");
            transport.lose_connection();
            transport.abort_connection();
            transport.fail("never heard");
            transport.pause_reading();
            transport.resume_reading();
        });
    let (heard, end) = talk(&mut reactor, probe, b"");
    end.unwrap();
    assert_eq!(heard, b"accepted");
    let transport = log.transport();
    transport.write("after everything");
    transport.abort_connection();
    transport.post(String::from("nobody is there"));
    settle(&mut reactor);
    assert_eq!(log.events(), [Event::Made, Event::Lost(CLEAN.into())]);
    assert!(!transport.is_open());
    assert_eq!(transport.buffered(), 0);
}

#[test]
fn g1_s50_an_abort_discards_output_and_resets_the_peer() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let seen = log.clone();
    let probe = Probe::new(&log).on_data(move |transport, _| {
        transport.write("never sent");
        transport.abort_connection();
        transport.abort_connection();
        transport.lose_connection();
        assert_eq!(seen.losses(), 0, "lost from within a callback");
        Ok(())
    });
    let (heard, end) = talk(&mut reactor, probe, b"go");
    assert_eq!(heard, b"");
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(log.lost().as_deref(), Some("the connection was aborted by this side"));
    assert_eq!(log.losses(), 1);
    assert_eq!(log.transport().buffered(), "never sent".len());
    assert_eq!(reactor.stats().output_buffered, 0);
}

#[test]
fn g1_s58_after_the_loss_the_reactor_holds_the_protocol_no_more() {
    struct Holder(#[expect(dead_code, reason = "only its life matters")] Rc<()>);
    impl Protocol for Holder {
        fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
            Ok(())
        }
    }
    let mut reactor = Reactor::new().unwrap();
    let token = Rc::new(());
    let held = Rc::clone(&token);
    let address = listen(&reactor, for_protocol(move || Holder(Rc::clone(&held))));
    let streams: Vec<_> = (0..5).map(|_| dial(address)).collect();
    run_until(&mut reactor, "five are connected", || Rc::strong_count(&token) == 7);
    for stream in streams {
        reset(stream);
    }
    run_until_empty(&mut reactor);
    assert_eq!(Rc::strong_count(&token), 2);
}

#[test]
fn g1_a_protocol_that_would_take_over_an_ended_connection_is_never_called() {
    let mut reactor = Reactor::new().unwrap();
    let (log, next) = (Log::default(), Log::default());
    let successor = Probe::new(&next);
    let probe = Probe::new(&log).on_data(move |transport, _| {
        transport.switch_protocol(successor.clone(), "left over");
        transport.abort_connection();
        Ok(())
    });
    talk(&mut reactor, probe, b"go").1.unwrap_err();
    assert_eq!(log.losses(), 1);
    assert_eq!(next.events(), []);
}

#[test]
fn a_protocol_that_writes_to_another_from_its_destructor() {
    struct Parting(Rc<Log>);
    impl Protocol for Parting {
        fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
            Ok(())
        }
    }
    impl Drop for Parting {
        fn drop(&mut self) {
            self.0.transport().write("it is gone");
            self.0.transport().lose_connection();
        }
    }
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let staying = listen(&reactor, Probe::new(&log).factory());
    let witness = dial(staying);
    run_until(&mut reactor, "the witness is connected", || log.has(&Event::Made));
    let shared = Rc::new(log.clone());
    let leaving = listen(&reactor, for_protocol(move || Parting(Rc::clone(&shared))));
    drop(dial(leaving));
    let (heard, end) = with_peer(&mut reactor, move || read_to_end(&witness));
    end.unwrap();
    assert_eq!(heard, b"it is gone");
}

#[test]
fn g1_everybody_aborts_everybody() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let all = log.clone();
    let probe = Probe::new(&log).on_data(move |_, _| {
        all.transports().iter().for_each(Transport::abort_connection);
        Ok(())
    });
    let address = listen(&reactor, probe.factory());
    let mut streams: Vec<_> = (0..50).map(|_| dial(address)).collect();
    run_until(&mut reactor, "all are connected", || log.transports().len() == 50);
    for stream in &mut streams {
        stream.write_all(b"x").unwrap();
    }
    run_until_empty(&mut reactor);
    assert_eq!(log.losses(), 50);
    assert_eq!(log.count(|event| matches!(event, Event::Data(_))), 1, "input came after an abort");
}
