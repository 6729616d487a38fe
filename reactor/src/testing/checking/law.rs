//! What a protocol is held to, and what is said when it breaks that.

use std::error::Error;
use std::fmt;

use super::Script;

/// What a protocol is held to.
///
/// The first seven say that a protocol does the same as in the plain course of things: the same events, output and end.
/// `Chunking` is the one that is named if the cuts alone make the difference.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Law {
    /// It does the same however its input is cut into reads.
    Chunking,
    /// It does the same at the end of input, however what came before was cut.
    EndOfInput,
    /// The same at a reset.
    Reset,
    /// The same when the peer hangs up.
    HangUp,
    /// It does the same if its output waits for a while.
    BlockedOutput,
    /// It does the same if reading is paused for a while.
    Pausing,
    /// It does the same if its timers expire in the midst of its input, however that was cut; and, if that is stated, if time
    /// passes between two reads.
    Timers,
    /// It does the same if it is given the same again.
    Determinism,
    /// A connection that was aborted or reset is lost at once, or, if the protocol has paused reading, in
    /// [`Limits::close_timeout`](crate::Limits::close_timeout).
    Loss,
    /// After the loss nothing happens any more: nothing is recorded or written, no timer, call or task is left, nothing keeps
    /// the protocol alive.
    AfterLoss,
    /// What is written by a callback is not thrown away by the same callback's having closed the connection before; the connection
    /// begins to close when the peer has finished sending; and closing ends in
    /// [`Limits::close_timeout`](crate::Limits::close_timeout) and [`Limits::linger_timeout`](crate::Limits::linger_timeout)
    /// even if the peer reads nothing, and by itself if it reads.
    Closing,
    /// What it holds and what waits for the peer is bounded.
    Memory,
    /// It does not panic.
    Panic,
    /// It comes to rest when nothing new happens, and its output has an end.
    Rest,
}

impl Law {
    /// What is wrong when it is broken.
    pub(super) const fn breach(self) -> &'static str {
        match self {
            Self::Chunking => "the outcome depends on how the input is cut into reads",
            Self::EndOfInput => {
                "what happens at the end of input depends on how the input was cut into reads"
            }
            Self::Reset => "what happens at a reset depends on how the input was cut into reads",
            Self::HangUp => "what happens when the peer hangs up depends on how the input was cut into reads",
            Self::BlockedOutput => "the outcome depends on whether output has to wait",
            Self::Pausing => "the outcome depends on whether reading is paused",
            Self::Timers => "the outcome depends on time and on how the input was cut into reads",
            Self::Determinism => "the protocol did not do the same when it was given the same again",
            Self::Loss => "the connection was broken, but its loss has not come",
            Self::AfterLoss => "something happens after the loss",
            Self::Closing => "the connection does not close as it should",
            Self::Memory => "memory is not bounded as stated",
            Self::Panic => "user code panicked",
            Self::Rest => "there is no end to what is done",
        }
    }

    /// What the test is called that shows the breach.
    pub(super) const fn test_name(self) -> &'static str {
        match self {
            Self::Chunking => "it_does_the_same_however_its_input_is_cut",
            Self::EndOfInput => "it_does_the_same_at_the_end_of_input",
            Self::Reset => "it_does_the_same_at_a_reset",
            Self::HangUp => "it_does_the_same_when_the_peer_hangs_up",
            Self::BlockedOutput => "it_does_the_same_if_output_waits",
            Self::Pausing => "it_does_the_same_if_reading_is_paused",
            Self::Timers => "it_does_the_same_if_timers_expire",
            Self::Determinism => "it_does_the_same_again",
            Self::Loss => "the_loss_comes",
            Self::AfterLoss => "nothing_happens_after_the_loss",
            Self::Closing => "it_closes",
            Self::Memory => "memory_is_bounded",
            Self::Panic => "it_does_not_panic",
            Self::Rest => "it_comes_to_rest",
        }
    }

    /// Whether it compares a course of things with the plain one.
    pub(super) const fn compares(self) -> bool {
        matches!(
            self,
            Self::Chunking
                | Self::EndOfInput
                | Self::Reset
                | Self::HangUp
                | Self::BlockedOutput
                | Self::Pausing
                | Self::Timers
        )
    }
}

/// How a protocol has broken a law. `Display` is the whole report, with a test that can be pasted.
pub struct Failure {
    /// The law.
    pub law: Law,
    script: Script,
    report: String,
}

impl Failure {
    pub(super) const fn new(law: Law, script: Script, report: String) -> Self {
        Self { law, script, report }
    }

    /// The shortest script that was found to show it, for
    /// [`ProtocolCheck::run_exactly`](super::ProtocolCheck::run_exactly).
    pub const fn script(&self) -> &Script {
        &self.script
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.report)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What `unwrap` shows is to be read.
        formatter.write_str(&self.report)
    }
}

impl Error for Failure {}
