//! Work in threads, in a world where it is done in the next poll: order, errors, and what happens meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ropewalk::testing::{Events, check_protocol};
use ropewalk::{Delimiter, JobError, Router};

use super::{Context, answer, named, probe, protocol};

/// Writes the result, whatever it is.
fn tell<S: 'static>(context: &mut Context<'_, S>, result: Result<String, JobError>) -> ropewalk::Result {
    context.write(result.unwrap_or_else(|error| format!("[{error}]")) + ";");
    Ok(())
}

/// `work` lines are answered from a thread, others at once.
fn working() -> Router {
    Router::new()
        .per_line(Delimiter::Lf)
        .prefix("work", |context, line| {
            let line = String::from_utf8_lossy(line).into_owned();
            context.run_in_thread(move || format!("done {line}"), tell);
            Ok(())
        })
        .prefix("panic", |context, _| {
            context.run_in_thread(|| -> String { panic!("on purpose") }, tell);
            Ok(())
        })
        .prefix("fail", |context, _| {
            context.run_in_thread(|| (), |_, _| Err("it failed".into()));
            Ok(())
        })
        .prefix("quit", |context, _| {
            context.lose_connection();
            Ok(())
        })
        .any(named("now"))
}

#[test]
fn answers_come_in_the_order_of_the_questions() {
    let mut probe = probe(&working());
    let answers = answer(&mut probe, "work 1\nx\nwork 2\nwork 3\ny\npanic\nz\n");
    let panicked = "[the work panicked: on purpose];";
    assert_eq!(answers, format!("done work 1;now(x)done work 2;done work 3;now(y){panicked}now(z)"));
    assert!(!probe.transport().is_reading_paused());
    assert_eq!(answer(&mut probe, "again\n"), "now(again)");
}

#[test]
fn an_error_of_the_continuation_ends_the_connection() {
    let mut probe = probe(&working());
    assert_eq!(answer(&mut probe, "x\nfail\ny\n"), "now(x)");
    assert!(probe.is_closing());
}

#[test]
fn the_end_of_input_waits_for_the_answer() {
    let mut probe = probe(&working());
    probe.peer().send("x\nwork\n");
    probe.deliver_eof();
    assert_eq!(probe.written(), b"now(x)done work;");
    assert!(probe.is_closed());
}

#[test]
fn the_order_holds_whatever_the_reads_are_and_whoever_pauses_reading() {
    let make = |_: Events| protocol(&working());
    for (input, written) in [
        ("work a\nb\nwork c\nwork d\ne\n", "done work a;now(b)done work c;done work d;now(e)"),
        ("work a\nquit\nb\n", "done work a;"),
        ("a\nfail\nb\n", "now(a)"),
    ] {
        assert_eq!(String::from_utf8(check_protocol(make, input).written).unwrap(), written);
    }
}

#[test]
fn several_jobs_of_one_handler_are_done_one_after_the_other() {
    let running = Arc::new(AtomicUsize::new(0));
    let router = Router::with_state(|_| Vec::new())
        .prefix("many", move |context, _| {
            for number in 0..5 {
                let running = Arc::clone(&running);
                let work = move || {
                    assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0);
                    running.fetch_sub(1, Ordering::SeqCst);
                    number
                };
                context.run_in_thread(work, |context, result| {
                    let number = result?;
                    context.state.push(number);
                    if number == 1 {
                        context.run_in_thread(
                            || 7,
                            |context, result| {
                                context.state.push(result?);
                                Ok(())
                            },
                        );
                    }
                    Ok(())
                });
            }
            Ok(())
        })
        .any(|context, _| {
            context.write(format!("{:?}", context.state));
            Ok(())
        });
    let mut probe = probe(&router);
    probe.peer().send("many");
    probe.settle();
    assert_eq!(answer(&mut probe, "?"), "[0, 1, 2, 3, 4, 7]");
}

#[test]
fn a_panic_in_the_continuation_ends_its_connection() {
    let router = Router::new().any(|context, _| {
        context.run_in_thread(|| (), |_, _| panic!("on purpose"));
        Ok(())
    });
    let mut probe = probe(&router);
    probe.deliver("x");
    assert!(probe.is_closed());
    assert_eq!(probe.transport().reactor().stats().panics, 1);
}
