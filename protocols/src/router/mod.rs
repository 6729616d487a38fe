//! Handlers for what a connection says, chosen by how it begins or what is in it.

pub(crate) mod context;
pub(crate) mod jobs;
mod plan;
mod routed;

use std::any::Any;
use std::fmt;
use std::ops::RangeBounds;
use std::rc::Rc;

use ropewalk_reactor::{Address, ConnectionId, Factory, Protocol, Reason, Result, TimerKey};

use crate::{Delimiter, Group, LineReceiver};
use context::RouterContext;
use plan::Plan;
use routed::Routed;

/// A factory whose connections give what they receive to handlers, the first that matches or all.
///
/// ```
/// use ropewalk_protocols::{Delimiter, Router, SendLine};
///
/// let factory = Router::new()
///     .per_line(Delimiter::LfOrCrLf)
///     .prefix("PUT ", |context, line| {
///         context.send_line(format!("{} bytes stored", line.len() - 4));
///         Ok(())
///     })
///     .prefix("QUIT", |context, _| {
///         context.lose_connection();
///         Ok(())
///     })
///     .otherwise(|context, _| {
///         context.send_line("what?");
///         Ok(())
///     });
/// ```
///
/// Data are bytes, whether they are text or not. Handlers are asked in the order in which they were added. They are given the
/// data and a [`RouterContext`]: the connection, its state, and a way to do in a thread what takes long. What all
/// connections share is an [`Rc`] that handlers capture; what each has is the state:
///
/// ```
/// use ropewalk_protocols::Router;
///
/// #[derive(Default)]
/// struct Session {
///     requests: usize,
/// }
///
/// let factory = Router::with_state(|_peer| Session::default()).any(|context, data| {
///     context.state.requests += 1;
///     context.write(format!("request {} has {} bytes\n", context.state.requests, data.len()));
///     Ok(())
/// });
/// ```
///
/// What handlers tell the others is heard by all connections that are [in the same group](Self::in_group).
///
/// An error of a handler ends its connection, as one of [`Protocol::data_received`] does.
///
/// Without [`per_line`](Self::per_line) the data are what each read gives, at most 65 KiB: as TCP has no messages, one that
/// the peer has sent may come in pieces, and several as one.
///
/// # What it costs
///
/// A connection has its state and, on 64-bit systems, 160 bytes, with lines 248; the handlers are there once. Choosing among prefixes allocates
/// nothing. A regular expression allocates when it matches, and takes time linear in the data, whatever the pattern.
pub struct Router<S = ()> {
    plan: Rc<Plan<S>>,
    lines: Option<Delimiter>,
    max_length: Option<usize>,
}

impl Router {
    /// A router without handlers, whose connections have no state.
    pub fn new() -> Self {
        Self::with_state(|_| ())
    }
}

impl Default for Router {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: 'static> Router<S> {
    /// A router without handlers, which makes a state for each connection out of its peer's address.
    pub fn with_state(make: impl Fn(&Address) -> S + 'static) -> Self {
        Self { plan: Rc::new(Plan::new(make)), lines: None, max_length: None }
    }

    /// Makes every connection a member of `group` under its [id](ropewalk_reactor::Transport::id), from before the handler of
    /// [`connection_made`](Self::connection_made) until after that of [`connection_lost`](Self::connection_lost). Handlers speak
    /// to the others by [`RouterContext::tell_others`].
    ///
    /// A connection whose id the group has already ends with the error [`KeyTaken`](crate::KeyTaken): ids are those of one reactor.
    ///
    /// ```
    /// use ropewalk_protocols::{Group, Router};
    ///
    /// let room = Group::new();
    /// let factory = Router::new().in_group(&room).any(|context, data| {
    ///     context.tell_others(data);
    ///     Ok(())
    /// });
    /// room.broadcast("Somebody else may use the group too.\n");
    /// ```
    #[must_use]
    pub fn in_group(self, group: &Group<ConnectionId>) -> Self {
        self.change(|plan| plan.group = Some(group.clone()))
    }

    /// Cuts the input into lines that end in `delimiter`, and gives handlers each line without it. A line longer than
    /// 16,384 bytes ends the connection with [`FrameTooLong`](crate::FrameTooLong).
    #[must_use]
    pub fn per_line(mut self, delimiter: Delimiter) -> Self {
        self.lines = Some(delimiter);
        self
    }

    /// Sets how long lines may be, in bytes without their delimiter. Without [`per_line`](Self::per_line) it means nothing.
    #[must_use]
    pub fn max_length(mut self, bytes: usize) -> Self {
        self.max_length = Some(bytes);
        self
    }

    /// Gives data to all handlers that match, not only to the first.
    #[must_use]
    pub fn all_matches(self) -> Self {
        self.change(|plan| plan.all_matches = true)
    }

    /// Adds a handler for all data.
    #[must_use]
    pub fn any(self, handler: impl Fn(&mut RouterContext<'_, S>, &[u8]) -> Result + 'static) -> Self {
        self.change(|plan| plan.add(move |context, data| Some(handler(context, data))))
    }

    /// Adds a handler for data that begin with `prefix`.
    #[must_use]
    pub fn prefix(
        self,
        prefix: impl AsRef<[u8]>,
        handler: impl Fn(&mut RouterContext<'_, S>, &[u8]) -> Result + 'static,
    ) -> Self {
        self.prefix_at(.., prefix, handler)
    }

    /// Adds a handler for data that have `prefix` at the beginning of `range`, and whole within it. So `4..` asks for it
    /// at the fifth byte, and `4..6` matches no prefix longer than two. The range may end behind the data.
    #[must_use]
    pub fn prefix_at(
        self,
        range: impl RangeBounds<usize>,
        prefix: impl AsRef<[u8]>,
        handler: impl Fn(&mut RouterContext<'_, S>, &[u8]) -> Result + 'static,
    ) -> Self {
        let range = (range.start_bound().cloned(), range.end_bound().cloned());
        let prefix = prefix.as_ref().to_vec();
        self.change(|plan| {
            plan.add(move |context, data| {
                plan::is_prefix_at(range, &prefix, data).then(|| handler(context, data))
            });
        })
    }

    /// Adds a handler for data in which the regular expression `pattern` matches anywhere; it is given the groups too. The
    /// syntax is that of the crate `regex`, on bytes: `.` is any byte but a line feed, `\w`, `\d`, `\s` and `(?i)` know ASCII.
    ///
    /// ```
    /// use ropewalk_protocols::Router;
    ///
    /// let router = Router::new().regex(r"^GET (?<path>\S+)", |context, _data, groups| {
    ///     context.write_vectored(&[b"you want ", &groups["path"], b"\n"]);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), regex::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the pattern is no regular expression, or a huge one.
    #[cfg(feature = "regex")]
    pub fn regex(
        self,
        pattern: &str,
        handler: impl Fn(&mut RouterContext<'_, S>, &[u8], &regex::bytes::Captures<'_>) -> Result + 'static,
    ) -> Result<Self, regex::Error> {
        let regex = regex::bytes::RegexBuilder::new(pattern).unicode(false).build()?;
        Ok(self.change(|plan| {
            plan.add(move |context, data| {
                regex.captures(data).map(|captures| handler(context, data, &captures))
            });
        }))
    }

    /// Sets the handler for data that none of the others matches. Without one, that is logged at the level `debug`.
    #[must_use]
    pub fn otherwise(self, handler: impl Fn(&mut RouterContext<'_, S>, &[u8]) -> Result + 'static) -> Self {
        self.change(|plan| plan.otherwise = Some(Rc::new(handler)))
    }

    /// Sets what is done when a connection is open.
    #[must_use]
    pub fn connection_made(self, handler: impl Fn(&mut RouterContext<'_, S>) + 'static) -> Self {
        self.change(|plan| plan.made = Some(Rc::new(handler)))
    }

    /// Sets what is done when a timer has expired that a handler has set with
    /// [`set_timer`](ropewalk_reactor::Transport::set_timer), also while work of this connection is under way.
    #[must_use]
    pub fn timer_expired(self, handler: impl Fn(&mut RouterContext<'_, S>, TimerKey) + 'static) -> Self {
        self.change(|plan| plan.timer = Some(Rc::new(handler)))
    }

    /// Sets what is done when somebody has sent a connection an event with
    /// [`post`](ropewalk_reactor::Transport::post), also while work of this connection is under way.
    #[must_use]
    pub fn event_received(self, handler: impl Fn(&mut RouterContext<'_, S>, Box<dyn Any>) + 'static) -> Self {
        self.change(|plan| plan.event = Some(Rc::new(handler)))
    }

    /// Sets what is done when a connection has ended.
    #[must_use]
    pub fn connection_lost(self, handler: impl Fn(&mut RouterContext<'_, S>, &Reason) + 'static) -> Self {
        self.change(|plan| plan.lost = Some(Rc::new(handler)))
    }

    /// Changes what connections do that are made from now on.
    fn change(mut self, change: impl FnOnce(&mut Plan<S>)) -> Self {
        change(Rc::make_mut(&mut self.plan));
        self
    }
}

impl<S: 'static> Factory for Router<S> {
    fn build_protocol(&self, peer: &Address) -> Option<Box<dyn Protocol>> {
        let routed = Routed::new(Rc::clone(&self.plan), peer);
        let Some(delimiter) = &self.lines else {
            return Some(Box::new(routed));
        };
        let mut receiver = LineReceiver::new(routed).delimiter(delimiter.clone());
        if let Some(bytes) = self.max_length {
            receiver = receiver.max_length(bytes);
        }
        Some(Box::new(receiver))
    }
}

impl<S> fmt::Debug for Router<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Router").field("lines", &self.lines).finish_non_exhaustive()
    }
}
