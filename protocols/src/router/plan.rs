//! What the connections of a router share: which data go to which handler.

use std::any::Any;
use std::ops::Bound;
use std::rc::Rc;

use ropewalk_reactor::{Address, ConnectionId, Reason, Result, TimerKey};

use super::context::RouterContext;
use crate::group::Group;

/// Handles data if they match; `None` if they do not.
type Route<S> = Rc<dyn Fn(&mut RouterContext<'_, S>, &[u8]) -> Option<Result>>;
type Handler<S> = Rc<dyn Fn(&mut RouterContext<'_, S>, &[u8]) -> Result>;
type Made<S> = Rc<dyn Fn(&mut RouterContext<'_, S>)>;
type Timer<S> = Rc<dyn Fn(&mut RouterContext<'_, S>, TimerKey)>;
type Event<S> = Rc<dyn Fn(&mut RouterContext<'_, S>, Box<dyn Any>)>;
type Lost<S> = Rc<dyn Fn(&mut RouterContext<'_, S>, &Reason)>;

pub(super) struct Plan<S> {
    pub(super) make_state: Rc<dyn Fn(&Address) -> S>,
    pub(super) group: Option<Group<ConnectionId>>,
    routes: Vec<Route<S>>,
    pub(super) all_matches: bool,
    pub(super) otherwise: Option<Handler<S>>,
    pub(super) made: Option<Made<S>>,
    pub(super) timer: Option<Timer<S>>,
    pub(super) event: Option<Event<S>>,
    pub(super) lost: Option<Lost<S>>,
}

impl<S> Plan<S> {
    pub(super) fn new(make_state: impl Fn(&Address) -> S + 'static) -> Self {
        Self {
            make_state: Rc::new(make_state),
            group: None,
            routes: Vec::new(),
            all_matches: false,
            otherwise: None,
            made: None,
            timer: None,
            event: None,
            lost: None,
        }
    }

    pub(super) fn add(
        &mut self,
        route: impl Fn(&mut RouterContext<'_, S>, &[u8]) -> Option<Result> + 'static,
    ) {
        self.routes.push(Rc::new(route));
    }

    /// Gives data to the handlers that match.
    pub(super) fn dispatch(&self, context: &mut RouterContext<'_, S>, data: &[u8]) -> Result {
        let was_open = context.is_open();
        let mut matched = false;
        for route in &self.routes {
            let Some(result) = route(context, data) else { continue };
            result?;
            matched = true;
            let is_closed = was_open && !context.is_open();
            if !self.all_matches || is_closed {
                return Ok(());
            }
        }
        match &self.otherwise {
            Some(otherwise) if !matched => otherwise(context, data),
            None if !matched => {
                log::debug!("connection {}: no handler for {} bytes", context.id(), data.len());
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl<S> Clone for Plan<S> {
    fn clone(&self) -> Self {
        let Self { make_state, group, routes, all_matches, otherwise, made, timer, event, lost } = self;
        Self {
            make_state: Rc::clone(make_state),
            group: group.clone(),
            routes: routes.clone(),
            all_matches: *all_matches,
            otherwise: otherwise.clone(),
            made: made.clone(),
            timer: timer.clone(),
            event: event.clone(),
            lost: lost.clone(),
        }
    }
}

/// Whether `prefix` is in `data` at the beginning of `range`, and whole within it.
pub(super) fn is_prefix_at(range: (Bound<usize>, Bound<usize>), prefix: &[u8], data: &[u8]) -> bool {
    let start = match range.0 {
        Bound::Included(start) => start,
        Bound::Excluded(before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.1 {
        Bound::Included(last) => last.saturating_add(1),
        Bound::Excluded(end) => end,
        Bound::Unbounded => data.len(),
    };
    data.get(start..end.min(data.len())).is_some_and(|part| part.starts_with(prefix))
}
