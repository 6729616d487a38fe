//! SIGINT and SIGTERM as events.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use mio::{Interest, Registry};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook_mio::v1_0::Signals;

use crate::driver::Signal;

/// The signals that are watched.
const WATCHED: [i32; 2] = [SIGINT, SIGTERM];

/// Whether no driver of the process watches signals. Read by signal handlers.
static UNWATCHED: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| Arc::new(AtomicBool::new(true)));

/// Guards every change of [`UNWATCHED`].
static WATCHERS: Mutex<Watchers> = Mutex::new(Watchers { count: 0, default_is_kept: false });

/// Who watches signals in this process.
struct Watchers {
    count: usize,
    /// Whether the handlers exist that do what the signals do by default.
    default_is_kept: bool,
}

/// One driver's watch. While there is one in the process, the signals do not end it.
///
/// Handlers once installed stay for as long as the process lives; what makes Ctrl-C end it again after the
/// last watch is a handler of ours that does so then. Hence a process that was started with one of the
/// signals ignored can be ended by it afterwards, and other handlers of the same signals see it die while no
/// driver watches.
pub(super) struct SignalWatch {
    signals: Signals,
}

impl SignalWatch {
    /// Watches from now on, and reports in the poll of `registry` under `token`.
    pub(super) fn new(registry: &Registry, token: mio::Token) -> io::Result<Self> {
        let mut watchers = lock();
        if !watchers.default_is_kept {
            // An error at the second signal leaves the first one's handler: it does what the signal did
            // before, and another one of the same flag will not hurt.
            for signal in WATCHED {
                flag::register_conditional_default(signal, Arc::clone(&UNWATCHED))?;
            }
            watchers.default_is_kept = true;
        }
        let mut signals = Signals::new(WATCHED)?;
        registry.register(&mut signals, token, Interest::READABLE)?;
        watchers.count += 1;
        // Last, so that a signal meanwhile has its default action and is not lost.
        UNWATCHED.store(false, Ordering::SeqCst);
        Ok(Self { signals })
    }

    /// The signals that have arrived since the last call; a signal that arrived several times may count once.
    pub(super) fn arrived(&mut self) -> impl Iterator<Item = Signal> {
        self.signals.pending().filter_map(|signal| match signal {
            SIGINT => Some(Signal::Interrupt),
            SIGTERM => Some(Signal::Terminate),
            _ => None,
        })
    }
}

impl Drop for SignalWatch {
    fn drop(&mut self) {
        let mut watchers = lock();
        watchers.count -= 1;
        if watchers.count == 0 {
            // While `signals` still has its handlers: between the two, a signal would do nothing at all.
            UNWATCHED.store(true, Ordering::SeqCst);
        }
    }
}

/// Nothing panics between two changes that belong together.
fn lock() -> MutexGuard<'static, Watchers> {
    WATCHERS.lock().unwrap_or_else(PoisonError::into_inner)
}
