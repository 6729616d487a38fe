//! Every sequence of events, up to the depth at which the graph of states closes.

use std::collections::HashSet;

use super::*;

const EVENTS: [Event; 10] = [
    Event::Opened,
    Event::LoseConnection,
    Event::LoseWriteConnection,
    Event::Abort,
    Event::Stop,
    Event::Flushed,
    Event::InputEnded,
    Event::ReadFailed,
    Event::HungUp,
    Event::DeadlineReached,
];

/// What an observer of one connection remembers: enough to tell whether a promise is broken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Seen {
    state: State,
    made: bool,
    input_ended: bool,
    ended: bool,
    finished_writing: bool,
    deadline_runs: bool,
    /// Output was accepted and neither flushed nor discarded.
    unsent: bool,
    /// Output was accepted and discarded.
    discarded: bool,
    asked_to_close: bool,
}

impl Seen {
    fn new() -> Self {
        Self {
            state: State::Opening,
            made: false,
            input_ended: false,
            ended: false,
            finished_writing: false,
            deadline_runs: false,
            unsent: false,
            discarded: false,
            asked_to_close: false,
        }
    }

    /// The user writes, if the state accepts it.
    fn write(mut self) -> Self {
        self.unsent |= self.state.accepts_output();
        self
    }

    fn step(mut self, event: Event) -> Self {
        let before = self;
        let (state, actions) = advance(self.state, event);
        self.unsent &= event != Event::Flushed;
        self.asked_to_close |= event == Event::LoseConnection;
        self.carry_out(before, event, actions);
        self.state = state;
        self.check(before, event);
        self
    }

    fn carry_out(&mut self, before: Self, event: Event, actions: Actions) {
        let context = format!("{before:?} + {event:?} → {actions:?}");
        if actions.contains(Actions::DELIVER_MADE) {
            assert!(!self.made && !self.ended, "G1: made once and first: {context}");
            self.made = true;
        }
        if actions.contains(Actions::DELIVER_END_OF_INPUT) {
            assert!(
                self.made && !self.ended && !self.input_ended,
                "G1: the end of input once, between: {context}"
            );
            assert!(!self.asked_to_close, "no input after lose_connection: {context}");
            self.input_ended = true;
        }
        if actions.contains(Actions::FINISH_WRITING) {
            assert!(!self.finished_writing, "finished writing twice: {context}");
            assert!(!self.unsent, "G3: output lost silently: {context}");
            self.finished_writing = true;
        }
        if actions.contains(Actions::DISCARD_OUTPUT) {
            assert_eq!(event, Event::HungUp, "G3: output discarded without a reason: {context}");
            self.discarded |= self.unsent;
            self.unsent = false;
        }
        if actions.contains(Actions::START_DEADLINE) || actions.contains(Actions::START_LINGERING) {
            self.deadline_runs = true;
        }
        if event == Event::ReadFailed && self.finished_writing && before.state != State::HungUp {
            let resets = actions.contains(Actions::RESET);
            assert!(!resets, "G3: a reset would destroy what was sent and is on its way: {context}");
        }
        if actions.contains(Actions::END) {
            assert!(!self.ended, "G1: lost once: {context}");
            let orderly = matches!(event, Event::LoseConnection | Event::Flushed | Event::InputEnded);
            assert!(!(orderly && self.unsent), "G3: output lost without a reason: {context}");
            let is_missing = (self.unsent || self.discarded) && event != Event::Stop;
            assert!(
                !is_missing || actions.contains(Actions::RESET),
                "G3: what is missing would look like an orderly end to the peer: {context}"
            );
            self.ended = true;
        }
    }

    fn check(&self, before: Self, event: Event) {
        let context = format!("{before:?} + {event:?} → {self:?}");
        assert_eq!(self.ended, self.state == State::Lost, "lost exactly when ended: {context}");
        assert!(
            !self.state.delivers_input() || (self.made && !self.ended),
            "G1: data between made and lost: {context}"
        );
        assert!(!(self.state.delivers_input() && self.input_ended), "no input after its end: {context}");
        assert!(!self.finished_writing || !self.state.flushes(), "no output after finishing: {context}");
        let waits = self.state.is_ending() && self.state != State::Lost;
        assert!(!waits || self.deadline_runs, "G6: an ending state without a deadline: {context}");
        if self.asked_to_close && self.state != State::Lost {
            assert!(
                self.state.is_ending() && !self.state.delivers_input(),
                "closing was forgotten: {context}"
            );
        }
        if self.state.is_ending() {
            let (state, _) = advance(self.state, Event::DeadlineReached);
            assert_eq!(state, State::Lost, "G6: a deadline that ends nothing: {context}");
        }
    }
}

#[test]
fn g1_g3_g6_hold_for_every_sequence_of_events() {
    let mut known = HashSet::from([Seen::new()]);
    let mut frontier: Vec<Seen> = known.iter().copied().collect();
    let mut depth = 0;
    while !frontier.is_empty() {
        let mut next = Vec::new();
        for seen in frontier {
            let writes = std::iter::once(seen.write());
            for successor in writes.chain(EVENTS.into_iter().map(|event| seen.step(event))) {
                if known.insert(successor) {
                    next.push(successor);
                }
            }
        }
        frontier = next;
        depth += 1;
        assert!(depth < 50, "the graph of states does not close");
    }
    let states: HashSet<State> = known.iter().map(|seen| seen.state).collect();
    assert_eq!(states.len(), 10, "a state that no sequence reaches");
    println!("{} situations, closed at depth {depth}", known.len());
}

#[test]
fn g2_end_of_input_and_loss_are_separate_deliveries() {
    // The loop delivers what one step asks for in this order: made, end of input, loss; and never from a handle.
    let (state, actions) = advance(State::Finished, Event::InputEnded);
    assert_eq!(state, State::Lost);
    assert_eq!(actions, Actions::DELIVER_END_OF_INPUT | Actions::END);
}

#[test]
fn a_lost_connection_stays_lost() {
    for event in EVENTS {
        assert_eq!(advance(State::Lost, event), (State::Lost, Actions::NONE));
    }
}

#[test]
fn closing_orderly_from_each_state() {
    let flushed_after = |state| advance(advance(state, Event::LoseConnection).0, Event::Flushed);
    assert_eq!(flushed_after(State::Open).0, State::Lingering);
    assert_eq!(flushed_after(State::Finishing).0, State::Lingering);
    assert_eq!(flushed_after(State::PeerFinished), (State::Lost, Actions::END));
    assert_eq!(advance(State::Finished, Event::LoseConnection).0, State::Lingering);
    assert_eq!(advance(State::Lingering, Event::InputEnded), (State::Lost, Actions::END));
}

#[test]
fn finishing_writing_after_the_peer_closes() {
    let closing = (State::ClosingAlone, Actions::START_DEADLINE);
    assert_eq!(advance(State::PeerFinished, Event::LoseWriteConnection), closing);
    assert_eq!(advance(State::ClosingAlone, Event::Flushed), (State::Lost, Actions::END));
}

/// Some systems report it more than once; what came before it is still to be delivered.
#[test]
fn a_second_hang_up_changes_nothing() {
    assert_eq!(advance(State::HungUp, Event::HungUp), (State::HungUp, Actions::NONE));
}

/// Nothing can come after the end of input, so trying would be a system call for nothing.
#[test]
fn nothing_is_read_after_the_end_of_input() {
    for state in [State::PeerFinished, State::ClosingAlone, State::Lost] {
        assert!(!state.reads(), "{state:?}");
    }
}
