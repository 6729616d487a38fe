//! Starting and stopping.

use std::rc::Rc;

use super::callbacks::{Running, catch};
use super::{Reactor, Source, Status};
use crate::connection::lifecycle::{Event, State};
use crate::core::Phase;
use crate::driver::Gone;
use crate::{Completion, ConnectError, Reason, ResolveError, When};

/// How many batches of commands and tasks end a shutdown, so that the results it brought about reach those who wait for them, also
/// behind a chain of deferreds, each of which takes a batch. What commands itself again goes on in the next run.
const LAST_BATCHES: usize = 8;

/// What a shutdown waits for.
#[derive(Default)]
pub(super) struct Shutdown {
    /// Every deferred that is waited for holds a clone; present while triggers before the shutdown are waited for.
    waiting: Option<Rc<()>>,
}

impl Shutdown {
    /// Whether a shutdown is under way and nothing holds it up any more.
    pub(super) fn is_due(&self) -> bool {
        self.waiting.as_ref().is_some_and(|token| Rc::strong_count(token) == 1)
    }
}

impl Reactor {
    pub(super) fn start_up(&mut self) {
        let now = self.core().driver.borrow().now();
        self.core().begin_turn(now);
        self.watch.begin_turn(now, self.core().slow_callback.get());
        self.core().signalled.set(false);
        self.fire(When::BeforeStartup);
        self.core().phase.set(Phase::Running);
        self.fire(When::DuringStartup);
        self.fire(When::AfterStartup);
    }

    /// Does what stopping demands at the end of this turn.
    pub(super) fn advance_shutdown(&mut self) -> Status {
        if self.core().phase.get() == Phase::StopRequested {
            self.core().phase.set(Phase::Stopping);
            self.begin_shutdown();
        }
        if !self.shutdown.is_due() {
            return Status::Running;
        }
        self.shutdown.waiting = None;
        self.shut_down();
        Status::Stopped
    }

    /// Fires the triggers that come before the shutdown and notes what they wait for.
    fn begin_shutdown(&mut self) {
        let token = Rc::new(());
        for completion in self.fire(When::BeforeShutdown) {
            if let Completion::Later(deferred) = completion {
                let waits = Rc::clone(&token);
                // A deferred that never gets its value drops the closure, and the token with it.
                deferred.then(move |()| drop(waits));
            }
        }
        self.shutdown.waiting = Some(token);
    }

    fn shut_down(&mut self) {
        self.core().phase.set(Phase::Idle);
        self.close_everything();
        self.fire(When::DuringShutdown);
        self.fire(When::AfterShutdown);
        for _ in 0..LAST_BATCHES {
            if !self.core().has_commands() && !self.core().tasks.has_woken() {
                break;
            }
            self.run_commands();
            self.run_tasks();
        }
        self.settle_connections();
        self.deliver_losses();
        self.end_turn();
    }

    /// Closes ports, gives up attempts and lookups, and ends connections and sockets for datagrams after one last try to
    /// send their output.
    fn close_everything(&mut self) {
        // Connections and ports that were commanded but are not yet in the table must not survive.
        self.run_commands();
        self.end_lookups(|name| ResolveError::Shutdown { name });
        for id in self.table.ids() {
            match self.table.get(id) {
                Some(Source::Connection(connection)) => {
                    connection.shared().dismiss();
                    connection.settle_finally(&mut self.watch);
                    match connection.shared().state() {
                        // Everything was sent; only the peer's farewell is missing.
                        State::Lingering => connection.shared().step(Event::Stop),
                        // What is unsent stays unsent; a reset says so to the peer.
                        _ if connection.shared().has_output() => {
                            connection.shared().end_with(Reason::Shutdown, Event::Abort);
                        }
                        _ => connection.shared().end_with(Reason::Shutdown, Event::Stop),
                    }
                }
                Some(Source::Port(port)) => {
                    let port = Rc::clone(port);
                    port.stop();
                    self.forget_port(port);
                }
                Some(Source::Attempt(_)) => self.fail_attempt(id, ConnectError::shutdown),
                Some(Source::Datagrams(socket)) => socket.transport().stop(),
                None => {}
            }
        }
        self.settle_connections();
        self.deliver_losses();
        self.end_turn();
    }

    /// Runs the triggers for `when` that there are and returns what they left to wait for.
    fn fire(&mut self, when: When) -> Vec<Completion> {
        let mut completions = Vec::new();
        let last = self.core().triggers.borrow().last();
        loop {
            // One by one, because a trigger may add and remove others.
            let trigger = self.core().triggers.borrow_mut().take(when, last);
            let Some(trigger) = trigger else {
                self.report_slow_callbacks();
                return completions;
            };
            self.watch.begin(Running::Call("a trigger"));
            match catch(|| trigger(&self.handle)) {
                Ok(completion) => completions.push(completion),
                Err(message) => self.core().report_panic("a trigger", &message),
            }
        }
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        self.core().phase.set(Phase::Gone);
        for id in self.table.ids() {
            if let Some(Source::Connection(connection)) = self.table.get(id) {
                // Handles become inert before any destructor can use them.
                connection.shared().end_with(Reason::Shutdown, Event::Stop);
            }
        }
        for id in self.table.ids() {
            match self.table.remove(id) {
                Some(Source::Connection(connection)) => (*connection).discard(),
                Some(Source::Port(port)) => {
                    port.stop();
                    let core = self.handle.core();
                    core.run_guarded("a factory's destructor", || drop(port));
                }
                Some(Source::Attempt(attempt)) => {
                    self.handle.core().run_guarded("a factory's destructor", || drop(attempt));
                }
                Some(Source::Datagrams(socket)) => (*socket).discard(),
                None => {}
            }
        }
        // What waits for a drain is user code as well.
        let drain = std::mem::take(&mut self.drain);
        self.core().run_guarded("a destructor", || drop(drain));
        self.release_core();
    }
}

impl Reactor {
    /// Takes everything out of the leaf state that may own handles, and with them the leaf state itself.
    fn release_core(&self) {
        let core = self.handle.core();
        let messages = core.remote.close();
        let commands = core.take_commands();
        let timers = core.timers.borrow_mut().drain();
        let jobs = core.jobs.take();
        let names = core.names.take();
        let triggers = core.triggers.take();
        let tasks = core.tasks.take_all();
        let gone = Gone::since(core.now());
        let driver = core.driver.replace(Box::new(gone));
        core.run_guarded("a destructor", || drop((messages, commands, timers)));
        core.run_guarded("a destructor", || drop((jobs, names, triggers, driver)));
        for task in tasks {
            core.run_guarded("a task's destructor", || drop(task));
        }
    }
}
