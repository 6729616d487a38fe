//! Timers, and events of others.

use std::time::Duration;

use ropewalk::{Delimiter, Router, TimerKey};

use super::{answer, named, probe};

const SECOND: Duration = Duration::from_secs(1);

/// Data set a timer, which says so; numbers that are posted are written.
fn router() -> Router<Option<TimerKey>> {
    Router::with_state(|_| None)
        .prefix("wait", |context, _| {
            *context.state = Some(context.set_timer(SECOND));
            Ok(())
        })
        .prefix("work", |context, _| {
            context.run_in_thread_within(
                SECOND,
                || (),
                |context, _| {
                    context.write("worked;");
                    Ok(())
                },
            );
            Ok(())
        })
        .any(named("now"))
        .timer_expired(|context, timer| {
            assert_eq!(context.state.take(), Some(timer));
            context.write("timer;");
        })
        .event_received(|context, event| {
            let number = event.downcast::<u32>().unwrap();
            context.write(format!("event {number};"));
        })
}

#[test]
fn timers_and_events_reach_their_handlers() {
    for router in [router(), router().per_line(Delimiter::Lf)] {
        let mut probe = probe(&router);
        assert_eq!(answer(&mut probe, "wait\n"), "");
        probe.transport().post(7_u32);
        probe.settle();
        assert_eq!(probe.written(), b"event 7;");
        probe.advance(SECOND);
        assert_eq!(probe.written(), b"timer;");
    }
}

#[test]
fn those_of_work_in_threads_are_not_the_users() {
    let mut probe = probe(&router());
    assert_eq!(answer(&mut probe, "work"), "worked;");
    probe.advance(2 * SECOND);
    assert_eq!(probe.written(), b"");
}

#[test]
fn without_handlers_they_mean_nothing() {
    let router = Router::new().any(|context, _| {
        context.set_timer(SECOND);
        Ok(())
    });
    let mut probe = probe(&router);
    assert_eq!(answer(&mut probe, "x"), "");
    probe.transport().post("nobody");
    probe.advance(SECOND);
    assert!(!probe.is_closing());
    assert_eq!(probe.written(), b"");
}
