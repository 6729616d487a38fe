//! One protocol for each law that breaks it, and for each way of breaking it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use ropewalk::testing::{Events, Failure, Law, ProtocolCheck, Script};
use ropewalk::{Limits, Protocol, Reason, Result, TimerKey, Transport, When};

use super::{failure, reading};

type Act = Box<dyn FnMut(&Transport)>;

type Hear = Box<dyn FnMut(&Transport, &[u8])>;

/// A protocol out of functions for its callbacks.
#[derive(Default)]
struct Acting {
    made: Option<fn(&Transport)>,
    read: Option<Hear>,
    ended: Option<Act>,
    expired: Option<Act>,
    lost: Option<Act>,
}

impl Protocol for Acting {
    fn connection_made(&mut self, transport: &Transport) {
        self.made.iter().for_each(|act| act(transport));
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.read.iter_mut().for_each(|act| act(transport, data));
        Ok(())
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        match &mut self.ended {
            Some(act) => act(transport),
            None => transport.lose_connection(),
        }
        Ok(())
    }

    fn timer_expired(&mut self, transport: &Transport, _: TimerKey) {
        self.expired.iter_mut().for_each(|act| act(transport));
    }

    fn connection_lost(&mut self, transport: &Transport, _: &Reason) {
        self.lost.iter_mut().for_each(|act| act(transport));
    }
}

/// Checks that a protocol breaks this law, and that the report says this.
#[track_caller]
fn breaks(failure: &Failure, law: Law, words: &str) {
    assert_eq!(failure.law, law, "{failure}");
    assert!(failure.to_string().contains(words), "{failure}");
}

#[test]
fn the_end_of_input_loses_what_was_held() {
    // Takes the rest as a line only if it came in the last read.
    let make = |events: Events| {
        let held = Rc::new(RefCell::new(Vec::new()));
        let heard = Rc::clone(&held);
        Acting {
            read: Some(Box::new(move |_, data| *heard.borrow_mut() = data.to_vec())),
            ended: Some(Box::new(move |transport| {
                events.record_bytes("rest", &held.borrow());
                transport.lose_connection();
            })),
            ..Acting::default()
        }
    };
    let failure = failure(make, "abc");
    breaks(&failure, Law::EndOfInput, r#"["rest ac"] plainly"#);
}

#[test]
fn a_reset_loses_what_was_held() {
    let make = |events: Events| {
        let reads = Rc::new(Cell::new(0));
        let heard = Rc::clone(&reads);
        Acting {
            read: Some(Box::new(move |_, _| heard.set(heard.get() + 1))),
            // An orderly end hides it.
            ended: Some(Box::new({
                let reads = Rc::clone(&reads);
                move |transport| {
                    reads.set(0);
                    transport.lose_connection();
                }
            })),
            lost: Some(Box::new(move |_| events.record(reads.get()))),
            ..Acting::default()
        }
    };
    breaks(&failure(make, "abc"), Law::Reset, ".send(b\"a\").send(b\"b\").reset()");
}

#[test]
fn a_hang_up_tells_how_the_input_was_cut() {
    let make = |events: Events| {
        let reads = Rc::new(Cell::new(0));
        let heard = Rc::clone(&reads);
        let finished = Rc::new(Cell::new(false));
        Acting {
            read: Some(Box::new(move |_, _| heard.set(heard.get() + 1))),
            ended: Some(Box::new({
                let finished = Rc::clone(&finished);
                move |transport| {
                    finished.set(true);
                    transport.write("bye");
                    transport.set_timer(Duration::from_secs(1));
                }
            })),
            expired: Some(Box::new(|transport| transport.lose_connection())),
            lost: Some(Box::new(move |transport| {
                if finished.get() && transport.buffered() == 0 && !transport.accepts_output() {
                    events.record(reads.get());
                }
            })),
            ..Acting::default()
        }
    };
    let failure = failure(make, "abc");
    assert!(matches!(failure.law, Law::HangUp | Law::EndOfInput), "{failure}");
}

#[test]
fn timers_that_see_how_the_input_was_cut() {
    let make = |events: Events| {
        let reads = Rc::new(Cell::new(0));
        let heard = Rc::clone(&reads);
        Acting {
            made: Some(|transport| {
                transport.set_timer(Duration::from_secs(5));
            }),
            read: Some(Box::new(move |_, _| heard.set(heard.get() + 1))),
            expired: Some(Box::new(move |_| events.record(reads.get()))),
            ..Acting::default()
        }
    };
    breaks(&failure(make, "abc"), Law::Timers, ".wait(Duration::from_secs(5))");
}

#[test]
fn a_delayed_call_is_left() {
    let make = |_| Acting {
        made: Some(|transport| drop(transport.reactor().call_later(Duration::from_secs(60), |_| {}))),
        ..Acting::default()
    };
    breaks(&failure(make, ""), Law::AfterLoss, "1 timer was left in the reactor");
}

#[test]
fn a_looping_call_goes_on() {
    let make = |events: Events| {
        let beat = Rc::new(move || events.record("beat"));
        Acting {
            read: Some(Box::new(move |transport, _| {
                let beat = Rc::clone(&beat);
                transport.reactor().call_every(Duration::from_secs(1), move |_| beat());
            })),
            ..Acting::default()
        }
    };
    breaks(&failure(make, "a"), Law::AfterLoss, "an event was recorded after `connection_lost`: beat");
}

#[test]
fn a_call_writes_to_the_lost_connection() {
    let make = |_| Acting {
        made: Some(|transport| {
            let other = transport.clone();
            transport.reactor().call_later(Duration::from_secs(60), move |_| other.write("late"));
        }),
        ..Acting::default()
    };
    breaks(&failure(make, ""), Law::AfterLoss, "4 bytes were written after `connection_lost`");
}

#[test]
fn a_task_is_left() {
    let make = |_| Acting {
        made: Some(|transport| transport.reactor().spawn(std::future::pending::<()>()).detach()),
        ..Acting::default()
    };
    breaks(&failure(make, ""), Law::AfterLoss, "1 task was left in the reactor");
}

#[test]
fn the_loss_is_answered() {
    let make = |_| Acting { lost: Some(Box::new(|transport| transport.write("bye"))), ..Acting::default() };
    breaks(&failure(make, ""), Law::AfterLoss, "connection_lost has written 3 bytes");
}

#[test]
fn a_cycle_keeps_the_protocol_alive() {
    struct Knot {
        itself: RefCell<Option<Rc<Self>>>,
        events: Events,
    }
    let make = |events: Events| {
        let knot = Rc::new(Knot { itself: RefCell::default(), events });
        knot.itself.replace(Some(Rc::clone(&knot)));
        Acting {
            read: Some(Box::new(move |_, data| knot.events.record_stream("data", data))),
            ..Acting::default()
        }
    };
    breaks(&failure(make, ""), Law::AfterLoss, "alive for ever");
}

#[test]
fn a_shutdown_trigger_keeps_the_protocol_alive() {
    let make = |events: Events| Acting {
        read: Some(Box::new(move |transport, _| {
            let events = events.clone();
            transport.reactor().add_trigger(When::BeforeShutdown, move |_| events.record("stop"));
        })),
        ..Acting::default()
    };
    breaks(&failure(make, "a"), Law::AfterLoss, "as long as the reactor lives");
}

#[test]
fn a_reset_is_put_off_for_ever() {
    let make = |_| Acting {
        made: Some(|transport| {
            let mut limits = Limits::default();
            limits.close_timeout = Duration::MAX;
            transport.set_limits(limits);
        }),
        ..Acting::default()
    };
    breaks(&failure(make, ""), Law::Loss, "was not called within 86400s since it was reset");
}

#[test]
fn words_after_closing() {
    let make = reading(|_, _, transport, _| {
        transport.lose_connection();
        transport.write("bye");
    });
    breaks(
        &failure(make, "abc"),
        Law::Closing,
        "data_received has closed or aborted the connection, and then written 3 bytes",
    );
}

#[test]
fn closing_takes_longer_than_a_day() {
    let make = |_| Acting {
        made: Some(|transport| {
            let mut limits = Limits::default();
            limits.close_timeout = Duration::MAX;
            transport.set_limits(limits);
            transport.write("hello");
            transport.lose_connection();
        }),
        ..Acting::default()
    };
    breaks(&failure(make, ""), Law::Closing, "was not called within 86400s since it began to close");
}

#[test]
fn answers_without_measure() {
    let make = reading(|_, _, transport, data| data.iter().for_each(|_| transport.write([b'x'; 100])));
    let failure = failure(make, "a");
    breaks(&failure, Law::Memory, "bytes of output wait after data_received, and no more than 393216 may");
    assert_eq!(format!("{:?}", failure.script()), r#"Script::new().send(b"a").repeat(3933)"#);
}

#[test]
fn news_without_measure() {
    let make = |_| Acting {
        made: Some(|transport| {
            transport.set_timer(Duration::from_secs(1));
        }),
        expired: Some(Box::new(|transport| {
            transport.write([b'x'; 10_000]);
            transport.set_timer(Duration::from_secs(1));
        })),
        ..Acting::default()
    };
    breaks(&failure(make, ""), Law::Memory, "bytes of output wait after timer_expired");
}

#[test]
fn input_is_held_without_measure() {
    let check = ProtocolCheck::new(|_| Hoard(Vec::new())).holds_at_most(20, |hoard| hoard.0.len());
    let failure = check.try_run("0123456789").expect_err("it holds everything");
    breaks(&failure, Law::Memory, "the protocol holds ");
    breaks(&failure, Law::Memory, " bytes after data_received, and it may hold no more than 20");
    breaks(&failure, Law::Memory, ".holds_at_most(20, held)");
}

struct Hoard(Vec<u8>);

impl Protocol for Hoard {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        self.0.extend(data);
        Ok(())
    }
}

#[test]
fn a_stated_bound_of_output_is_passed() {
    let make = || reading(|_, _, transport, data| transport.write(data));
    ProtocolCheck::new(make()).output_at_most(192 * 1024).run("abc");
    let failure = ProtocolCheck::new(make()).output_at_most(2).try_run("abc").expect_err("three bytes wait");
    breaks(&failure, Law::Memory, "3 bytes of output wait after data_received, and no more than 2 may");
    breaks(&failure, Law::Memory, "ProtocolCheck::new(make).output_at_most(2).run_exactly(");
}

#[test]
fn panics_are_told_with_their_callback() {
    let make = reading(|_, _, _, data| assert!(!data.contains(&b'b'), "out of order"));
    let failure = failure(make, "abc");
    breaks(&failure, Law::Panic, "data_received panicked: out of order");
    assert_eq!(format!("{:?}", failure.script()), r#"Script::new().send(b"b")"#);
}

#[test]
fn panics_outside_of_callbacks_count_too() {
    let make = |_| Acting {
        made: Some(|transport| drop(transport.reactor().call_later(Duration::ZERO, |_| panic!("late")))),
        ..Acting::default()
    };
    breaks(&failure(make, ""), Law::Panic, "a call, a task or a destructor panicked");
    struct Fragile;
    impl Protocol for Fragile {
        fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
            Ok(())
        }
    }
    impl Drop for Fragile {
        fn drop(&mut self) {
            panic!("in pieces");
        }
    }
    breaks(&failure(|_| Fragile, ""), Law::Panic, "the protocol's destructor panicked: in pieces");
}

#[test]
fn events_for_oneself_without_end() {
    struct Busy;
    impl Protocol for Busy {
        fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result {
            transport.post(());
            Ok(())
        }
        fn event_received(&mut self, transport: &Transport, event: Box<dyn std::any::Any>) {
            transport.post(event);
        }
    }
    breaks(&failure(|_| Busy, "a"), Law::Rest, "the reactor still has something to do after 5001 turns");
}

#[test]
fn output_without_end_asks_how_much_is_enough() {
    struct Endless;
    impl ropewalk::Producer for Endless {
        fn resume_producing(&mut self, transport: &Transport) {
            transport.write([b'x'; 64 * 1024]);
        }
    }
    let make = |_| Acting {
        made: Some(|transport| {
            transport.register_producer(Endless, ropewalk::ProducerKind::Pull).expect("it is the first");
        }),
        ..Acting::default()
    };
    breaks(&failure(make, ""), Law::Rest, "say with `peer_reads` how much is enough");
}

#[test]
fn a_protocol_that_is_different_now_and_then() {
    let calls = Rc::new(Cell::new(0));
    let make = |events: Events| {
        calls.set(calls.get() + 1);
        events.record(calls.get() / 3);
        Acting::default()
    };
    breaks(&failure(make, ""), Law::Determinism, "");
}

#[test]
fn a_seed_finds_it() {
    let caught = std::panic::catch_unwind(|| {
        let make = reading(|_, _, _, data| assert!(!data.contains(&b'b'), "out of order"));
        ProtocolCheck::new(make).run_seeds(100, |dice| Script::new().send([*dice.pick(b"aaaaaab")]));
    });
    let report = *caught.expect_err("one has a b").downcast::<String>().expect("the report is text");
    assert!(report.contains(r#"run_exactly(Script::new().send(b"b"))"#), "{report}");
}
