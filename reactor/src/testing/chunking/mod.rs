//! The chunking law.

mod case;
mod report;
mod run;
mod watched;

use case::{Case, cases};
use run::run;

use super::Events;
use crate::Protocol;

/// Checks that a protocol does the same however its input is cut into reads, and returns what that is.
///
/// `make` makes a fresh protocol each time; what it hears, it records in the [`Events`] that it is given. The reference
/// is the whole `input` in one read (as far as one read goes: 64 KiB). It is compared with:
///
/// * the input byte by byte;
/// * for inputs of up to 48 bytes, every split in two parts and every split in three;
/// * 200 random splits in up to 33 parts, the same in every run.
///
/// The uncut input, the random splits in turn and, up to 48 bytes, splits in two and byte by byte are also run under
/// difficulties: with reading paused from outside while a part arrives; with reading paused within the callback at each
/// recorded event, and the end of input arriving after the last part or together with it; and with output blocked while a
/// part arrives and water marks of zero, so that each answer pauses the connection's reading. In any run, a protocol that
/// has paused reading is resumed at once, as often as it pauses.
///
/// Compared are the events, what was written, and how the connection stands, with the reason in words if it has ended:
/// once when all input has arrived, and once more after the end of input. What was written is left out of account when
/// the connection was aborted, because an abort may throw it away.
///
/// Time stands still. A check of 10 bytes takes about a millisecond in an optimized build and ten in a debug build, one of
/// 48 bytes five times as long; beyond that the time grows with the length, so some tens of kilobytes are a good maximum.
/// A protocol whose output has no end cannot be checked.
///
/// ```
/// use ropewalk_reactor::testing::{Events, check_chunking};
/// use ropewalk_reactor::{Protocol, Result, Transport};
///
/// /// Adds up decimal digits until the first full stop.
/// struct Sum(Events, u32);
///
/// impl Protocol for Sum {
///     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
///         for byte in data {
///             match byte {
///                 b'0'..=b'9' => self.1 += u32::from(byte - b'0'),
///                 b'.' => {
///                     self.0.record(format_args!("sum {}", self.1));
///                     transport.lose_connection();
///                     return Ok(());
///                 }
///                 _ => return Err("not a digit".into()),
///             }
///         }
///         Ok(())
///     }
/// }
///
/// let outcome = check_chunking(|events| Sum(events, 0), "1234.5");
/// assert_eq!(outcome.events, ["sum 10"]);
/// assert_eq!(outcome.connection, "the connection was closed cleanly");
/// check_chunking(|events| Sum(events, 0), "12x34.");
/// ```
///
/// # Panics
/// If an outcome differs from the reference: the message shows the shortest failing input and split that were found by
/// leaving out bytes and cuts, and what differs. Also if a callback panics on the uncut input, or if a run has no end.
#[track_caller]
pub fn check_chunking<P: Protocol + 'static>(make: impl Fn(Events) -> P, input: impl AsRef<[u8]>) -> Outcome {
    match check(&|events| Box::new(make(events)), input.as_ref()) {
        Ok(outcome) => outcome,
        Err(report) => panic!("{report}"),
    }
}

/// What could be observed of a protocol that was given some input, and then the end of it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// What the protocol has recorded, in order.
    pub events: Vec<String>,
    /// All that the peer was sent; nothing if the connection was aborted or broke.
    pub written: Vec<u8>,
    /// How the connection stands: the [`Reason`](crate::Reason) of its end in words, or `open` or the like.
    pub connection: String,
}

/// Makes a fresh protocol.
type Make<'a> = &'a dyn Fn(Events) -> Box<dyn Protocol>;

fn check(make: Make<'_>, input: &[u8]) -> Result<Outcome, String> {
    let reference = run(make, &Case::whole(input));
    if reference.panicked {
        return Err(report::panicked(input, &reference.after_end));
    }
    match cases(input).find(|case| run(make, case).difference(&reference).is_some()) {
        None => Ok(reference.after_end),
        Some(case) => Err(report::broken(make, &case.shortened(|case| fails(make, case)), input.len())),
    }
}

/// Whether a case breaks the law.
fn fails(make: Make<'_>, case: &Case) -> bool {
    run(make, case).difference(&run(make, &Case::whole(&case.input))).is_some()
}
