//! One connection of a router.

use std::any::Any;
use std::collections::VecDeque;
use std::rc::Rc;

use ropewalk_reactor::{Address, ConnectionId, Protocol, Reason, Result, TimerKey, Transport};

use super::context::RouterContext;
use super::jobs::{Done, Jobs};
use super::plan::Plan;
use crate::{LineProtocol, LineTransport, Membership};

pub(super) struct Routed<S> {
    plan: Rc<Plan<S>>,
    state: S,
    jobs: Jobs<S>,
    /// There while it is connected, if the router has a group.
    membership: Option<Membership<ConnectionId>>,
    /// Input that came although work was under way, because somebody else has resumed reading.
    held: VecDeque<Vec<u8>>,
    /// The peer has finished while work was under way.
    ended: bool,
}

impl<S: 'static> Routed<S> {
    pub(super) fn new(plan: Rc<Plan<S>>, peer: &Address) -> Self {
        let state = (plan.make_state)(peer);
        Self { plan, state, jobs: Jobs::new(), membership: None, held: VecDeque::new(), ended: false }
    }

    fn call<R>(
        &mut self,
        transport: &Transport,
        call: impl FnOnce(&Plan<S>, &mut RouterContext<'_, S>) -> R,
    ) -> R {
        let Self { plan, state, jobs, membership, .. } = self;
        call(plan, &mut RouterContext::new(transport, state, jobs, membership.as_ref()))
    }

    fn made(&mut self, transport: &Transport) {
        if let Some(group) = &self.plan.group {
            match group.join(transport.id(), transport) {
                Ok(membership) => self.membership = Some(membership),
                Err(taken) => transport.fail(taken),
            }
        }
        self.call(transport, |plan, context| plan.made.iter().for_each(|made| made(context)));
    }

    fn received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        if self.jobs.is_busy() {
            self.held.push_back(data.to_vec());
            transport.pause_reading();
            return Ok(());
        }
        self.call(transport, |plan, context| plan.dispatch(context, data))
    }

    fn ended(&mut self, transport: &Transport) {
        if self.jobs.is_busy() {
            self.ended = true;
        } else {
            transport.lose_connection();
        }
    }

    fn event(&mut self, transport: &Transport, event: Box<dyn Any>) {
        match event.downcast::<Done>() {
            Ok(done) => self.done(transport, *done),
            Err(event) => self.call(transport, |plan, context| {
                if let Some(handler) = &plan.event {
                    handler(context, event);
                }
            }),
        }
    }

    fn timer(&mut self, transport: &Transport, timer: TimerKey) {
        match self.jobs.timed_out(timer) {
            Some(done) => self.done(transport, done),
            None => self.call(transport, |plan, context| {
                plan.timer.iter().for_each(|handler| handler(context, timer));
            }),
        }
    }

    fn done(&mut self, transport: &Transport, done: Done) {
        let Some(finish) = self.jobs.take(transport, done.number) else { return };
        let finished = self.call(transport, |_, context| finish(context, done.outcome));
        if let Err(error) = finished.and_then(|()| self.go_on(transport)) {
            transport.fail(error);
        }
    }

    /// Work is done: the next begins, or else reading goes on.
    fn go_on(&mut self, transport: &Transport) -> Result {
        self.jobs.begin_next(transport);
        if self.jobs.is_busy() {
            return Ok(());
        }
        transport.resume_reading();
        let was_open = transport.is_open();
        while let Some(data) = self.held.pop_front() {
            self.call(transport, |plan, context| plan.dispatch(context, &data))?;
            if was_open && !transport.is_open() {
                self.held.clear();
            }
            if self.jobs.is_busy() {
                return Ok(());
            }
        }
        if self.ended {
            transport.lose_connection();
        }
        Ok(())
    }

    fn lost(&mut self, transport: &Transport, reason: &Reason) {
        self.call(transport, |plan, context| plan.lost.iter().for_each(|lost| lost(context, reason)));
        self.membership = None;
    }
}

impl<S: 'static> Protocol for Routed<S> {
    fn connection_made(&mut self, transport: &Transport) {
        self.made(transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.received(transport, data)
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        self.ended(transport);
        Ok(())
    }

    fn timer_expired(&mut self, transport: &Transport, timer: TimerKey) {
        self.timer(transport, timer);
    }

    fn event_received(&mut self, transport: &Transport, event: Box<dyn Any>) {
        self.event(transport, event);
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        self.lost(transport, reason);
    }

    fn name(&self) -> &'static str {
        "Router"
    }
}

impl<S: 'static> LineProtocol for Routed<S> {
    fn connection_made(&mut self, transport: &mut LineTransport<'_>) {
        self.made(transport);
    }

    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        self.received(transport, line)
    }

    fn eof_received(&mut self, transport: &mut LineTransport<'_>) -> Result {
        self.ended(transport);
        Ok(())
    }

    fn timer_expired(&mut self, transport: &mut LineTransport<'_>, timer: TimerKey) {
        self.timer(transport, timer);
    }

    fn event_received(&mut self, transport: &mut LineTransport<'_>, event: Box<dyn Any>) {
        self.event(transport, event);
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        self.lost(transport, reason);
    }

    fn name(&self) -> &'static str {
        "Router"
    }
}
