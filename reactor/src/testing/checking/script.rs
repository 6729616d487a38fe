//! What happens to a protocol under test.

use std::any::Any;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

/// What happens to a protocol under test, step by step: what its peer sends and does, and what hinders it.
///
/// Bytes and text are scripts that send them. The reactor finishes what there is to do after each step, unless
/// [`and`](Self::and) stands between two. `Debug` shows the script as the Rust expression that makes it.
///
/// ```
/// use std::time::Duration;
/// use ropewalk_reactor::testing::Script;
///
/// let script = Script::new().send("HELLO\r\n").wait(Duration::from_secs(30)).send("QUIT\r\n").finish();
/// assert_eq!(
///     format!("{script:?}"),
///     r#"Script::new().send(b"HELLO\r\n").wait(Duration::from_secs(30)).send(b"QUIT\r\n").finish()"#
/// );
/// ```
#[derive(Clone, Default)]
#[must_use = "a script does nothing until it is run"]
pub struct Script {
    pub(super) steps: Vec<Step>,
    /// Reading is paused at each event that the protocol records.
    pub(super) pauses_at_events: bool,
    /// What happens after how many callbacks.
    pub(super) break_after: Option<(usize, Break)>,
    /// The peer reads nothing.
    pub(super) unread: bool,
    /// How often the steps are repeated beyond the first time.
    pub(super) repeats: usize,
}

/// One step of a script.
#[derive(Clone)]
pub(super) enum Step {
    Send(Vec<u8>),
    Wait(Duration),
    /// Time passes that makes no difference.
    Idle(Duration),
    Post(Rc<dyn Fn() -> Box<dyn Any>>),
    Finish,
    Reset,
    HangUp,
    /// The next step comes before the reactor has seen the one before.
    And,
    Pause,
    Resume,
    Block,
    Unblock,
}

impl PartialEq for Step {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Send(one), Self::Send(other)) => one == other,
            (Self::Wait(one), Self::Wait(other)) => one == other,
            (Self::Post(one), Self::Post(other)) => Rc::ptr_eq(one, other),
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

/// How a connection breaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Break {
    Abort,
    Reset,
}

impl Script {
    /// A script in which nothing happens but the making of the connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// The peer sends bytes, which arrive in one read (of up to 65 KiB).
    pub fn send(self, data: impl AsRef<[u8]>) -> Self {
        self.step(Step::Send(data.as_ref().to_vec()))
    }

    /// Time passes, from timer to timer.
    pub fn wait(self, time: Duration) -> Self {
        self.step(Step::Wait(time))
    }

    /// Time passes as well, but it is to make no difference: the plain course of things is without it. See
    /// [`ProtocolCheck::time_between_reads`](super::ProtocolCheck::time_between_reads).
    pub fn idle(self, time: Duration) -> Self {
        self.step(Step::Idle(time))
    }

    /// Somebody posts an event to the connection; `event` makes it, once in every run.
    pub fn post(self, event: impl Fn() -> Box<dyn Any> + 'static) -> Self {
        self.step(Step::Post(Rc::new(event)))
    }

    /// The peer finishes sending (FIN), and goes on receiving.
    pub fn finish(self) -> Self {
        self.step(Step::Finish)
    }

    /// The peer resets the connection (RST).
    pub fn reset(self) -> Self {
        self.step(Step::Reset)
    }

    /// The peer is gone: it has finished sending (FIN), and answers whatever is written to it with a reset (RST).
    pub fn hang_up(self) -> Self {
        self.step(Step::HangUp)
    }

    /// The step before and the one that follows happen at once: the reactor sees both or neither.
    pub fn and(self) -> Self {
        self.step(Step::And)
    }

    /// Reading is paused from outside. Otherwise a protocol that has paused reading is resumed after each step.
    pub fn pause_reading(self) -> Self {
        self.step(Step::Pause)
    }

    /// Reading goes on.
    pub fn resume_reading(self) -> Self {
        self.step(Step::Resume)
    }

    /// The peer's buffers are full: output waits. In a script that has this step the water marks are zero from the
    /// beginning, so that any answer that waits pauses the connection's own reading.
    pub fn block_output(self) -> Self {
        self.step(Step::Block)
    }

    /// The peer reads on.
    pub fn unblock_output(self) -> Self {
        self.step(Step::Unblock)
    }

    /// Reading is paused at each event that the protocol records, in the midst of its callback, and resumed after it.
    pub fn pause_at_events(mut self) -> Self {
        self.pauses_at_events = true;
        self
    }

    /// The peer reads nothing, from the beginning. The water marks are as always.
    pub fn unread(mut self) -> Self {
        self.unread = true;
        self
    }

    /// All steps happen so often, one time after the other; bytes that follow each other are sent together.
    pub fn repeat(mut self, times: usize) -> Self {
        self.repeats = times.saturating_sub(1);
        self
    }

    /// The connection is aborted after the protocol's callback of that number, of which 1 is `connection_made`.
    pub fn abort_after_callback(mut self, number: usize) -> Self {
        self.break_after = Some((number, Break::Abort));
        self
    }

    /// The peer resets the connection after the protocol's callback of that number, of which 1 is `connection_made`.
    pub fn reset_after_callback(mut self, number: usize) -> Self {
        self.break_after = Some((number, Break::Reset));
        self
    }

    pub(super) fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

impl Step {
    /// Whether it ends the peer's sending.
    pub(super) const fn is_end(&self) -> bool {
        matches!(self, Self::Finish | Self::Reset | Self::HangUp)
    }

    /// Whether it belongs to what happens, and is not there to hinder.
    pub(super) const fn is_event(&self) -> bool {
        self.is_end() || matches!(self, Self::Wait(_) | Self::Post(_))
    }
}

impl From<&[u8]> for Script {
    fn from(bytes: &[u8]) -> Self {
        Self::new().send(bytes)
    }
}

impl<const N: usize> From<&[u8; N]> for Script {
    fn from(bytes: &[u8; N]) -> Self {
        Self::new().send(bytes)
    }
}

impl<const N: usize> From<[u8; N]> for Script {
    fn from(bytes: [u8; N]) -> Self {
        Self::new().send(bytes)
    }
}

impl From<Vec<u8>> for Script {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new().send(bytes)
    }
}

impl From<&Vec<u8>> for Script {
    fn from(bytes: &Vec<u8>) -> Self {
        Self::new().send(bytes)
    }
}

impl From<&str> for Script {
    fn from(text: &str) -> Self {
        Self::new().send(text)
    }
}

impl From<String> for Script {
    fn from(text: String) -> Self {
        Self::new().send(text)
    }
}

impl From<&String> for Script {
    fn from(text: &String) -> Self {
        Self::new().send(text)
    }
}

impl From<&Self> for Script {
    fn from(script: &Self) -> Self {
        script.clone()
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Script::new()")?;
        for step in &self.steps {
            write!(formatter, "{step:?}")?;
        }
        if self.pauses_at_events {
            formatter.write_str(".pause_at_events()")?;
        }
        if self.unread {
            formatter.write_str(".unread()")?;
        }
        if self.repeats > 0 {
            write!(formatter, ".repeat({})", self.repeats + 1)?;
        }
        match self.break_after {
            Some((number, Break::Abort)) => write!(formatter, ".abort_after_callback({number})"),
            Some((number, Break::Reset)) => write!(formatter, ".reset_after_callback({number})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(bytes) => write!(formatter, ".send(b\"{}\")", bytes.escape_ascii()),
            Self::Wait(time) => write!(formatter, ".wait({})", expression(*time)),
            Self::Idle(time) => write!(formatter, ".idle({})", expression(*time)),
            Self::Post(_) => formatter.write_str(".post(event)"),
            Self::Finish => formatter.write_str(".finish()"),
            Self::Reset => formatter.write_str(".reset()"),
            Self::HangUp => formatter.write_str(".hang_up()"),
            Self::And => formatter.write_str(".and()"),
            Self::Pause => formatter.write_str(".pause_reading()"),
            Self::Resume => formatter.write_str(".resume_reading()"),
            Self::Block => formatter.write_str(".block_output()"),
            Self::Unblock => formatter.write_str(".unblock_output()"),
        }
    }
}

/// The shortest exact expression that makes a duration.
fn expression(time: Duration) -> String {
    if time.subsec_nanos() == 0 {
        return format!("Duration::from_secs({})", time.as_secs());
    }
    let millis = u64::try_from(time.as_millis()).ok();
    match millis.filter(|millis| Duration::from_millis(*millis) == time) {
        Some(millis) => format!("Duration::from_millis({millis})"),
        None => format!("Duration::new({}, {})", time.as_secs(), time.subsec_nanos()),
    }
}
