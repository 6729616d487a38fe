//! What is played, and what a failing call may spoil of it.

use ropewalk::testing::Operation;

use crate::stage::Stage;
use crate::{clients, others, pressed, relayed, streams};

/// What is played.
#[derive(Clone, Copy)]
pub(crate) struct Scene {
    pub(crate) play: fn(&mut Stage),
    /// How many results one failing call may spoil that is about one connection.
    pub(crate) spoils: fn(Operation) -> usize,
    /// Whether a client learns that its answer is incomplete; who is behind a forwarder need not.
    pub(crate) tells_of_gaps: bool,
}

pub(crate) const SCENES: [Scene; 16] = [
    ECHO, LINES, BROADCAST, NAME, SERVICE, PROXY, FORWARDING, DATAGRAMS, RESULTS, NARROW, GREEDY, PRODUCED,
    POLICIES, CROWDED, DRAIN, STOP,
];

/// What is about one connection spoils that one; what is about none, none.
pub(crate) fn one(operation: Operation) -> usize {
    match operation {
        Operation::Accept
        | Operation::Refuse
        | Operation::SetOption
        | Operation::LocalAddress
        | Operation::Poll => 0,
        _ => 1,
    }
}

fn none(_: Operation) -> usize {
    0
}

pub(crate) const ECHO: Scene = Scene { play: streams::echo, spoils: one, tells_of_gaps: true };
pub(crate) const LINES: Scene = Scene { play: streams::lines, spoils: one, tells_of_gaps: true };
pub(crate) const BROADCAST: Scene = Scene { play: streams::broadcast, spoils: one, tells_of_gaps: true };
pub(crate) const NAME: Scene = Scene {
    play: clients::name,
    spoils: |operation| match operation {
        Operation::Connect | Operation::FinishConnect => 0,
        operation => one(operation),
    },
    tells_of_gaps: true,
};
pub(crate) const SERVICE: Scene = Scene { play: clients::service, spoils: none, tells_of_gaps: true };
pub(crate) const PROXY: Scene = Scene { play: relayed::proxy, spoils: one, tells_of_gaps: true };
pub(crate) const FORWARDING: Scene = Scene { play: relayed::forwarding, spoils: one, tells_of_gaps: false };
pub(crate) const DATAGRAMS: Scene = Scene {
    play: others::datagrams,
    spoils: |operation| match operation {
        // The whole socket.
        Operation::Connect | Operation::LocalAddress | Operation::Register => usize::MAX,
        operation => one(operation),
    },
    tells_of_gaps: true,
};
pub(crate) const RESULTS: Scene = Scene { play: others::results, spoils: one, tells_of_gaps: true };
pub(crate) const NARROW: Scene = Scene { play: pressed::narrow, spoils: one, tells_of_gaps: true };
pub(crate) const GREEDY: Scene = Scene { play: pressed::greedy, spoils: one, tells_of_gaps: true };
pub(crate) const PRODUCED: Scene = Scene { play: pressed::produced, spoils: one, tells_of_gaps: true };
pub(crate) const POLICIES: Scene = Scene { play: pressed::policies, spoils: one, tells_of_gaps: true };
pub(crate) const CROWDED: Scene = Scene { play: pressed::crowded, spoils: one, tells_of_gaps: true };
pub(crate) const DRAIN: Scene = Scene { play: others::drain, spoils: none, tells_of_gaps: true };
pub(crate) const STOP: Scene = Scene { play: others::stop, spoils: none, tells_of_gaps: true };
