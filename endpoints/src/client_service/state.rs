//! The states of a client service, and what moves it from one to the next.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use ropewalk_reactor::{
    ConnectResult, Deferred, DelayedCall, Factory, Instant, ReactorHandle, Reason, Resolver,
    Result as Outcome, Transport,
};

use super::pending::Pending;
use super::{ClientEvent, ClientFailure, ClientOptions, NoConnection};
use crate::ClientEndpoint;

/// The service behind its handles. No cell of it is borrowed while user code runs.
pub(super) struct Inner {
    pub(super) reactor: ReactorHandle,
    endpoint: Box<dyn ClientEndpoint>,
    factory: Rc<dyn Factory>,
    options: ClientOptions,
    pub(super) state: RefCell<State>,
    /// Counts the attempts and the stops, so that what belongs to an earlier one is known as late.
    pub(super) round: Cell<u64>,
    /// Failures in a row.
    pub(super) failures: Cell<u32>,
    pub(super) waiters: RefCell<Vec<Waiter>>,
}

pub(super) enum State {
    Stopped,
    /// Until the next attempt.
    Waiting(DelayedCall),
    /// The attempt, as soon as the endpoint has begun it.
    Connecting(Option<Deferred<()>>),
    /// The preparation, as soon as it has begun.
    Preparing(Transport, Option<Deferred<()>>),
    /// Since when.
    Connected(Transport, Instant),
    /// A connection that is no good is ending; for what failure, if not the one that has ended it.
    Closing(Option<ClientFailure>),
    /// An attempt or a connection has still to end.
    Stopping {
        /// Somebody has started the service meanwhile.
        restart: bool,
        stopped: Vec<Resolver<()>>,
    },
}

/// Somebody who waits for a connection.
pub(super) struct Waiter {
    pub(super) resolver: Resolver<Result<Transport, NoConnection>>,
    /// How many attempts have failed meanwhile.
    pub(super) failures: u32,
    /// After how many it is enough.
    pub(super) failures_max: Option<u32>,
}

impl Inner {
    pub(super) fn new(
        reactor: ReactorHandle,
        endpoint: Box<dyn ClientEndpoint>,
        factory: Rc<dyn Factory>,
        options: ClientOptions,
    ) -> Self {
        Self {
            reactor,
            endpoint,
            factory,
            options,
            state: RefCell::new(State::Stopped),
            round: Cell::new(0),
            failures: Cell::new(0),
            waiters: RefCell::default(),
        }
    }

    pub(super) fn is_running(&self) -> bool {
        !matches!(*self.state.borrow(), State::Stopped | State::Stopping { restart: false, .. })
    }

    /// The connection, if it is there, prepared, and not on its way out.
    pub(super) fn connection(&self) -> Option<Transport> {
        match &*self.state.borrow() {
            State::Connected(transport, _) if transport.is_open() => Some(transport.clone()),
            _ => None,
        }
    }

    pub(super) fn start(self: &Rc<Self>) {
        if self.reactor.is_gone() {
            return;
        }
        if let State::Stopping { restart, .. } = &mut *self.state.borrow_mut() {
            *restart = true;
        }
        if matches!(*self.state.borrow(), State::Stopped) {
            self.failures.set(0);
            self.wait(Duration::ZERO);
        }
    }

    pub(super) fn stop(&self) -> Deferred<()> {
        let (deferred, resolver) = Deferred::new(&self.reactor);
        let (mut stopped, mut operation) = (Vec::new(), None);
        let is_over = match self.state.replace(State::Stopped) {
            State::Stopped => true,
            State::Waiting(call) => {
                self.begin_round();
                // It is not being made: then this would not be the state.
                let _ = call.cancel();
                true
            }
            State::Connecting(attempt) => {
                operation = attempt;
                false
            }
            State::Preparing(transport, preparation) => {
                transport.lose_connection();
                operation = preparation;
                false
            }
            State::Connected(transport, _) => {
                transport.lose_connection();
                false
            }
            State::Closing(_) => false,
            State::Stopping { stopped: already, .. } => {
                stopped = already;
                false
            }
        };
        if is_over || self.reactor.is_gone() {
            resolver.resolve(());
        } else {
            stopped.push(resolver);
            self.state.replace(State::Stopping { restart: false, stopped });
        }
        self.disappoint(|_| Some(NoConnection::Stopped));
        // Last, as user code hears of it, which may start the service again.
        cancel(operation);
        deferred
    }

    /// The reactor is gone: nothing moves this any more, and nobody is told.
    pub(super) fn abandon(&self) {
        drop(self.state.replace(State::Stopped));
        drop(self.waiters.take());
    }

    fn begin_round(&self) {
        self.round.set(self.round.get() + 1);
    }

    fn wait(self: &Rc<Self>, time: Duration) {
        self.begin_round();
        let over = Pending::new(self, |service, _: Option<()>| service.connect());
        let call = self.reactor.call_later(time, move |_| over.end(Some(())));
        self.state.replace(State::Waiting(call));
    }

    fn connect(self: &Rc<Self>) {
        self.state.replace(State::Connecting(None));
        let pending = Pending::new(self, Self::attempt_ended);
        let attempt = self.endpoint.connect_shared(&self.reactor, Rc::clone(&self.factory));
        self.keep(attempt.map(move |result| pending.end(Some(result))));
    }

    /// Keeps what was begun, to be cancelled by a stop; if one has come meanwhile, it is done now.
    fn keep(&self, operation: Deferred<()>) {
        if self.is_stopping() {
            operation.cancel();
        } else if let State::Connecting(slot) | State::Preparing(_, slot) = &mut *self.state.borrow_mut() {
            *slot = Some(operation);
        }
    }

    fn attempt_ended(self: &Rc<Self>, result: Option<ConnectResult>) {
        match result {
            Some(Ok(transport)) => self.attempt_succeeded(transport),
            _ if self.is_stopping() => self.stopped(),
            Some(Err(error)) => self.failed(ClientFailure::NotConnected(error)),
            None => self.failed(ClientFailure::Broken),
        }
    }

    fn attempt_succeeded(self: &Rc<Self>, transport: Transport) {
        let pending = Pending::new(self, |service, reason| service.lost(reason.flatten()));
        transport.when_lost().then(move |reason| pending.end(Some(reason)));
        if self.is_stopping() {
            transport.lose_connection();
        } else if let Some(prepare) = self.options.prepare.as_ref().filter(|_| transport.is_open()) {
            self.state.replace(State::Preparing(transport.clone(), None));
            let pending = Pending::new(self, Self::prepared);
            let preparation = prepare(&transport);
            self.keep(preparation.map(move |result| pending.end(Some(result))));
        } else {
            self.connected(transport);
        }
    }

    fn prepared(self: &Rc<Self>, result: Option<Outcome>) {
        let transport = match &*self.state.borrow() {
            State::Preparing(transport, _) => transport.clone(),
            // The connection was lost, or the service is being stopped.
            _ => return,
        };
        let failure = match result {
            Some(Ok(())) => return self.connected(transport),
            Some(Err(error)) => ClientFailure::NotPrepared(error),
            None => ClientFailure::Broken,
        };
        transport.lose_connection();
        self.state.replace(State::Closing(Some(failure)));
    }

    fn connected(&self, transport: Transport) {
        if !transport.is_open() {
            self.state.replace(State::Closing(None));
            return;
        }
        self.state.replace(State::Connected(transport.clone(), self.reactor.now()));
        for waiter in self.waiters.take() {
            waiter.resolver.resolve(Ok(transport.clone()));
        }
        self.observe(ClientEvent::Connected(transport));
    }

    fn lost(self: &Rc<Self>, reason: Option<Rc<Reason>>) {
        self.cancel_preparation();
        if self.is_stopping() {
            return self.stopped();
        }
        let lost = ClientFailure::Lost(reason);
        match self.state.replace(State::Stopped) {
            State::Connected(_, since) => self.lost_since(since, lost),
            State::Closing(failure) => self.failed(failure.unwrap_or(lost)),
            State::Preparing(..) => self.failed(lost),
            // No other has a connection.
            State::Stopped | State::Waiting(_) | State::Connecting(_) | State::Stopping { .. } => {}
        }
    }

    /// User code hears of it, which may stop the service.
    fn cancel_preparation(&self) {
        let preparation = match &mut *self.state.borrow_mut() {
            State::Preparing(_, preparation) => preparation.take(),
            _ => None,
        };
        cancel(preparation);
    }

    /// A connection that was good has ended.
    fn lost_since(self: &Rc<Self>, since: Instant, failure: ClientFailure) {
        let stable = self.reactor.now() - since >= self.options.stable_after;
        self.failures.set(if stable { 0 } else { self.failures.get().saturating_add(1) });
        self.try_again(Rc::new(failure));
    }

    /// An attempt has brought no good connection.
    fn failed(self: &Rc<Self>, failure: ClientFailure) {
        self.failures.set(self.failures.get().saturating_add(1));
        let last = Rc::new(failure);
        self.disappoint(|waiter| {
            waiter.failures += 1;
            let Waiter { failures, failures_max, .. } = *waiter;
            let enough = failures_max.is_some_and(|max| failures >= max);
            enough.then(|| NoConnection::Failed { failures, last: Rc::clone(&last) })
        });
        self.try_again(last);
    }

    fn try_again(self: &Rc<Self>, failure: Rc<ClientFailure>) {
        let failures = self.failures.get();
        if failures > 0 && self.options.failures_max.is_some_and(|max| failures >= max) {
            return self.give_up(failures, failure);
        }
        let wait = self.options.backoff.wait(failures, self.reactor.random());
        self.wait(wait);
        let event = ClientEvent::Waiting { failure, wait };
        log::info!("{event}");
        self.observe(event);
    }

    fn give_up(&self, failures: u32, failure: Rc<ClientFailure>) {
        self.begin_round();
        self.state.replace(State::Stopped);
        let error = NoConnection::Failed { failures, last: Rc::clone(&failure) };
        log::warn!("giving up: {error}");
        self.disappoint(|_| Some(error.clone()));
        self.observe(ClientEvent::GaveUp { failure });
    }

    fn is_stopping(&self) -> bool {
        matches!(*self.state.borrow(), State::Stopping { .. })
    }

    /// What the stop has waited for is over.
    fn stopped(self: &Rc<Self>) {
        self.begin_round();
        if let State::Stopping { restart, stopped } = self.state.replace(State::Stopped) {
            for resolver in stopped {
                resolver.resolve(());
            }
            if restart {
                self.start();
            }
        }
    }

    /// Gives those who wait the error that there is for them, and forgets those who have given up.
    fn disappoint(&self, mut error: impl FnMut(&mut Waiter) -> Option<NoConnection>) {
        let mut patient = Vec::new();
        for mut waiter in self.waiters.take() {
            match error(&mut waiter) {
                Some(error) => waiter.resolver.resolve(Err(error)),
                None if waiter.resolver.is_awaited() => patient.push(waiter),
                None => {}
            }
        }
        self.waiters.borrow_mut().append(&mut patient);
    }

    fn observe(&self, event: ClientEvent) {
        if let Some(observe) = &self.options.observe {
            observe(&event);
        }
    }
}

fn cancel(operation: Option<Deferred<()>>) {
    if let Some(operation) = operation {
        operation.cancel();
    }
}

impl fmt::Debug for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Stopped => "Stopped",
            Self::Waiting(_) => "Waiting",
            Self::Connecting(_) => "Connecting",
            Self::Preparing(..) => "Preparing",
            Self::Connected(..) => "Connected",
            Self::Closing(_) => "Closing",
            Self::Stopping { .. } => "Stopping",
        })
    }
}
