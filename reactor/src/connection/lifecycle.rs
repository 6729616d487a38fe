//! The life of a connection as a pure function of its state and what happens to it.
//!
//! [`advance`] is the only place that decides; handles feed it what the user asks for, the loop feeds it what the
//! network does and carries out the actions. The test beside it walks every sequence of events.

use std::ops::BitOr;

/// Where a connection is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum State {
    /// Accepted or connected, but the layers between have to open before the protocol hears of it.
    Opening,
    /// Both sides may send.
    Open,
    /// The peer has finished sending; this side may still write.
    PeerFinished,
    /// This side will finish sending once its output is flushed; input is still delivered.
    Finishing,
    /// This side has finished sending; input is still delivered.
    Finished,
    /// Output is being flushed; input is read and thrown away.
    Closing,
    /// Output is being flushed after the peer has finished.
    ClosingAlone,
    /// Everything is sent; input is read and thrown away until the peer finishes, so that unread input does not make
    /// the operating system reset the connection and destroy what was sent.
    Lingering,
    /// The connection is broken; input that arrived before is still delivered.
    HungUp,
    /// The connection has ended.
    Lost,
}

/// What happens to a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    /// It is ready for its protocol.
    Opened,
    /// This side wants to close in an orderly way.
    LoseConnection,
    /// This side wants to finish sending.
    LoseWriteConnection,
    /// This side wants it gone, or a limit or a panic demands it.
    Abort,
    /// The reactor stops.
    Stop,
    /// All output has been handed to the operating system and no producer will add to it.
    Flushed,
    /// The peer finished sending and all its input has been read.
    InputEnded,
    /// Reading failed.
    ReadFailed,
    /// Writing failed, or the connection was reported broken while its input was not being read.
    HungUp,
    /// The deadline that [`Actions::START_DEADLINE`] or [`Actions::START_LINGERING`] set has come.
    DeadlineReached,
}

/// What the loop has to do after a step: a set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Actions(u8);

impl Actions {
    pub(crate) const NONE: Self = Self(0);
    /// Call `connection_made`.
    pub(crate) const DELIVER_MADE: Self = Self(1);
    /// Call `eof_received`.
    pub(crate) const DELIVER_END_OF_INPUT: Self = Self(1 << 1);
    /// Throw away the output that was not sent.
    pub(crate) const DISCARD_OUTPUT: Self = Self(1 << 2);
    /// Tell the peer that no more will come.
    pub(crate) const FINISH_WRITING: Self = Self(1 << 3);
    /// Give closing its deadline.
    pub(crate) const START_DEADLINE: Self = Self(1 << 4);
    /// Give lingering its deadline.
    pub(crate) const START_LINGERING: Self = Self(1 << 5);
    /// Make closing the socket reset the connection.
    pub(crate) const RESET: Self = Self(1 << 6);
    /// Close the socket and call `connection_lost`, if `connection_made` was called.
    pub(crate) const END: Self = Self(1 << 7);

    pub(crate) const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// These actions without `other`.
    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl BitOr for Actions {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl State {
    /// Whether input goes to the protocol.
    pub(crate) const fn delivers_input(self) -> bool {
        matches!(self, Self::Open | Self::Finishing | Self::Finished | Self::HungUp)
    }

    /// Whether the socket is read at all, be it to throw the input away.
    pub(crate) const fn reads(self) -> bool {
        self.delivers_input() || matches!(self, Self::Opening | Self::Closing | Self::Lingering)
    }

    /// Whether the user may write.
    pub(crate) const fn accepts_output(self) -> bool {
        matches!(self, Self::Open | Self::PeerFinished)
    }

    /// Whether output that was accepted may still be sent.
    pub(crate) const fn flushes(self) -> bool {
        self.accepts_output() || matches!(self, Self::Finishing | Self::Closing | Self::ClosingAlone)
    }

    /// Whether the connection is on its way out, by this side's wish or by the network's.
    pub(crate) const fn is_ending(self) -> bool {
        matches!(self, Self::Closing | Self::ClosingAlone | Self::Lingering | Self::HungUp | Self::Lost)
    }
}

/// The step that `event` makes from `state`. Events that mean nothing in a state change nothing.
pub(crate) fn advance(state: State, event: Event) -> (State, Actions) {
    match (state, event) {
        (State::Lost, _) => (State::Lost, Actions::NONE),
        (_, Event::Abort) => (State::Lost, Actions::RESET | Actions::END),
        (_, Event::Stop) => (State::Lost, Actions::END),
        (_, Event::ReadFailed) => read_failed(state),
        (_, Event::LoseConnection) => lose_connection(state),
        (_, Event::LoseWriteConnection) => lose_write_connection(state),
        (_, Event::Flushed) => flushed(state),
        (_, Event::InputEnded) => input_ended(state),
        (_, Event::HungUp) => hung_up(state),
        (_, Event::DeadlineReached) => deadline_reached(state),
        (State::Opening, Event::Opened) => (State::Open, Actions::DELIVER_MADE),
        (_, Event::Opened) => (state, Actions::NONE),
    }
}

fn lose_connection(state: State) -> (State, Actions) {
    match state {
        // While opening, a layer may still have to say why it fails.
        State::Opening | State::Open | State::Finishing => (State::Closing, Actions::START_DEADLINE),
        State::PeerFinished => (State::ClosingAlone, Actions::START_DEADLINE),
        State::Finished => (State::Lingering, Actions::START_LINGERING),
        State::HungUp => (State::Lost, Actions::RESET | Actions::END),
        State::Closing | State::ClosingAlone | State::Lingering | State::Lost => (state, Actions::NONE),
    }
}

fn lose_write_connection(state: State) -> (State, Actions) {
    match state {
        State::Open => (State::Finishing, Actions::NONE),
        // Both sides are finished once the output is flushed: nothing is left to wait for.
        State::PeerFinished => (State::ClosingAlone, Actions::START_DEADLINE),
        _ => (state, Actions::NONE),
    }
}

fn flushed(state: State) -> (State, Actions) {
    match state {
        State::Finishing => (State::Finished, Actions::FINISH_WRITING),
        State::Closing => (State::Lingering, Actions::FINISH_WRITING | Actions::START_LINGERING),
        // Closing the socket tells the peer as well as finishing the writing would, and no input is unread.
        State::ClosingAlone => (State::Lost, Actions::END),
        _ => (state, Actions::NONE),
    }
}

fn input_ended(state: State) -> (State, Actions) {
    match state {
        State::Open => (State::PeerFinished, Actions::DELIVER_END_OF_INPUT),
        State::Finishing => (State::ClosingAlone, Actions::DELIVER_END_OF_INPUT | Actions::START_DEADLINE),
        State::Finished => (State::Lost, Actions::DELIVER_END_OF_INPUT | Actions::END),
        State::Closing => (State::ClosingAlone, Actions::NONE),
        State::Opening | State::Lingering => (State::Lost, Actions::END),
        State::HungUp => (State::Lost, Actions::RESET | Actions::END),
        State::PeerFinished | State::ClosingAlone | State::Lost => (state, Actions::NONE),
    }
}

/// Not every failure has broken the connection already: what the peer misses must not pass for an orderly end.
fn read_failed(state: State) -> (State, Actions) {
    match state {
        // Everything was sent and may still be on its way.
        State::Finished | State::Lingering => (State::Lost, Actions::END),
        _ => (State::Lost, Actions::RESET | Actions::END),
    }
}

fn hung_up(state: State) -> (State, Actions) {
    match state {
        State::Open | State::Finishing | State::Finished => {
            (State::HungUp, Actions::DISCARD_OUTPUT | Actions::START_DEADLINE)
        }
        State::HungUp => (state, Actions::NONE),
        State::Lingering => (State::Lost, Actions::END),
        _ => (State::Lost, Actions::RESET | Actions::END),
    }
}

fn deadline_reached(state: State) -> (State, Actions) {
    match state {
        // What is unsent stays unsent; a reset says so to the peer.
        State::Closing | State::ClosingAlone | State::HungUp => (State::Lost, Actions::RESET | Actions::END),
        State::Lingering => (State::Lost, Actions::END),
        _ => (state, Actions::NONE),
    }
}

#[cfg(test)]
mod tests;
