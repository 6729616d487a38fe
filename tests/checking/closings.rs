//! Connections that ought to close: when the peer has finished, and by themselves.

use std::any::Any;
use std::time::Duration;

use ropewalk::testing::{Law, ProtocolCheck, Script, check_protocol};
use ropewalk::{Producer, ProducerKind, Protocol, Result, Task, TimerKey, Transport};

use super::failure;

const SECOND: Duration = Duration::from_secs(1);

/// What happens after the end of input.
#[derive(Clone, Copy)]
enum After {
    Nothing,
    /// So many timers, one after the other; then it closes.
    Timers(u32),
    /// A task that waits for something of which the reactor does not know.
    Task,
}

/// Does not close at the end of input.
struct Lasting {
    after: After,
    task: Option<Task<()>>,
}

fn lasting(after: After) -> Lasting {
    Lasting { after, task: None }
}

impl Protocol for Lasting {
    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        Ok(())
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        match self.after {
            After::Nothing => {}
            After::Timers(_) => drop(transport.set_timer(SECOND)),
            After::Task => {
                let closing = transport.clone();
                self.task = Some(transport.reactor().spawn(async move {
                    std::future::pending::<()>().await;
                    closing.lose_connection();
                }));
            }
        }
        Ok(())
    }

    fn timer_expired(&mut self, transport: &Transport, _: TimerKey) {
        if let After::Timers(more) = &mut self.after {
            *more = more.saturating_sub(1);
            match more {
                0 => transport.lose_connection(),
                _ => drop(transport.set_timer(SECOND)),
            }
        }
    }

    fn event_received(&mut self, transport: &Transport, _: Box<dyn Any>) {
        transport.lose_connection();
    }
}

#[test]
fn who_ignores_the_end_of_input_is_found() {
    let found = failure(|_| lasting(After::Nothing), "abc");
    assert_eq!(found.law, Law::Closing, "{found}");
    let report = found.to_string();
    assert!(report.contains("the peer has finished sending, and the connection stays open"), "{report}");
    assert!(report.contains("run_exactly(Script::new().finish())"), "{report}");
}

#[test]
fn who_puts_closing_off_for_ever_is_found() {
    let found = failure(|_| lasting(After::Timers(u32::MAX)), "abc");
    assert_eq!(found.law, Law::Closing, "{found}");
}

#[test]
fn who_closes_a_while_after_the_end_of_input_passes() {
    check_protocol(|_| lasting(After::Timers(1)), "abc");
    check_protocol(|_| lasting(After::Timers(16)), "abc");
    assert_eq!(check_protocol(|_| lasting(After::Task), "abc").connection, "open");
}

#[test]
fn who_is_closed_from_outside_passes_if_that_is_stated() {
    let check = ProtocolCheck::new(|_| lasting(After::Nothing)).outlives_input();
    assert_eq!(check.run("abc").connection, "open");
    let script = Script::new().send("abc").finish().post(|| Box::new(()));
    assert_eq!(check.run(script).connection, "the connection was closed cleanly");
}

#[test]
fn who_cannot_hear_of_the_end_of_input_passes() {
    let script = Script::new().send("abc").pause_reading().finish();
    assert_eq!(ProtocolCheck::new(|_| lasting(After::Timers(1))).run_exactly(script).connection, "open");
}

/// Answers with a page and closes.
struct Paging {
    unregisters: bool,
}

struct Page {
    unregisters: bool,
    pieces: u32,
}

impl Producer for Page {
    fn resume_producing(&mut self, transport: &Transport) {
        match self.pieces {
            0 if self.unregisters => transport.unregister_producer(),
            0 => {}
            _ => {
                self.pieces -= 1;
                transport.write("piece\n");
            }
        }
    }
}

impl Protocol for Paging {
    fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result {
        let page = Page { unregisters: self.unregisters, pieces: 2 };
        transport.register_producer(page, ProducerKind::Pull)?;
        transport.lose_connection();
        Ok(())
    }
}

#[test]
fn a_producer_that_keeps_a_connection_from_closing_is_found() {
    let found = failure(|_| Paging { unregisters: false }, "a");
    assert_eq!(found.law, Law::Closing, "{found}");
    assert!(found.to_string().contains("is a producer still registered?"), "{found}");
    assert_eq!(check_protocol(|_| Paging { unregisters: true }, "a").written, b"piece\npiece\n");
}
