//! Timers: the wheel that holds them and the calls that users make of them.

mod delayed_call;
mod looping_call;
mod wheel;

use std::time::Duration;

pub use delayed_call::{DelayedCall, DelayedCallError};
pub use looping_call::{LoopEnd, LoopingCall};
pub(crate) use wheel::{TimerId, Wheel};

use crate::commands::Call;
use crate::core::Phase;
use crate::listening::PortId;
use crate::{ConnectionId, ReactorHandle};

/// What a timer does when it expires.
pub(crate) enum Timer {
    /// Run user code.
    Call(Call),
    /// Tell a protocol about a timer that it set.
    Protocol(ConnectionId),
    /// Look at a connection's deadlines.
    Guard(ConnectionId),
    /// End a connection that has lasted long enough.
    Deadline(ConnectionId),
    /// Go on with a connection that its rate limit has held back.
    Rate(ConnectionId),
    /// Give up a connection attempt.
    Attempt(ConnectionId),
    /// Have a port that ran out of descriptors try again.
    Accept(PortId),
    /// End a drain.
    Drain,
}

/// Names a timer set with [`Transport::set_timer`](crate::Transport::set_timer).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TimerKey(pub(crate) TimerId);

impl ReactorHandle {
    /// Calls `call` once, `delay` from [`now`](Self::now): never early, and as soon after as the loop gets to it. A delay of zero means
    /// the next turn. Calls due at the same time keep the order in which they were made. After the reactor is gone the
    /// call is dropped.
    ///
    /// Arming and cancelling take constant time, however many timers there are.
    pub fn call_later(&self, delay: Duration, call: impl FnOnce(&Self) + 'static) -> DelayedCall {
        let id = (self.core().phase.get() != Phase::Gone).then(|| {
            let deadline = self.now() + delay;
            self.core().timers.borrow_mut().insert(deadline, Timer::Call(Box::new(call)))
        });
        DelayedCall::new(self.clone(), id)
    }

    /// Calls `call` every `interval`, first after one interval. See [`LoopingCall`].
    pub fn call_every<C: Into<crate::Completion>>(
        &self,
        interval: Duration,
        call: impl FnMut(&LoopingCall) -> C + 'static,
    ) -> LoopingCall {
        LoopingCall::start(self, interval, false, call)
    }

    /// Calls `call` in the next turn and then every `interval`. See [`LoopingCall`].
    pub fn call_now_and_every<C: Into<crate::Completion>>(
        &self,
        interval: Duration,
        call: impl FnMut(&LoopingCall) -> C + 'static,
    ) -> LoopingCall {
        LoopingCall::start(self, interval, true, call)
    }
}
