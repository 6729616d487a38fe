//! Standard output: the loop hands over, a thread writes, and the loop is told what was written.

use std::io::{self, IoSlice, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::{Bell, RETRY};

/// How many bytes may be handed over and not yet be written.
const WINDOW: usize = 64 * 1024;

/// What the loop and the thread share.
#[derive(Default)]
pub(super) struct Output {
    state: Mutex<State>,
    /// There is more to write, or no more will come; and the other way round, something was written, or nothing can be.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// What the thread is to write next.
    waiting: Vec<u8>,
    /// How many bytes were written since the loop was told.
    written: usize,
    /// No more will come.
    closed: bool,
    /// Nothing can be written any more: the first error, until the loop was told.
    broken: Option<io::Error>,
    ended: bool,
}

impl Output {
    /// The loop's side: hands over what the thread does not have of `buffers`, and returns how much of them was written
    /// since it was asked last. `handed` bytes at the beginning of `buffers` were handed over before.
    pub(super) fn write(&self, buffers: &[IoSlice<'_>], handed: &mut usize) -> io::Result<usize> {
        let mut state = self.lock();
        if state.ended {
            return Err(state.broken.take().unwrap_or_else(|| io::ErrorKind::BrokenPipe.into()));
        }
        let offered = buffers.iter().map(|buffer| buffer.len()).sum::<usize>();
        let written = state.written.min(offered);
        let mut skipped = *handed;
        let mut room = WINDOW - (*handed - written);
        for buffer in buffers {
            let fresh = &buffer[skipped.min(buffer.len())..];
            skipped -= skipped.min(buffer.len());
            let fresh = &fresh[..fresh.len().min(room)];
            state.waiting.extend_from_slice(fresh);
            room -= fresh.len();
            *handed += fresh.len();
        }
        if !state.waiting.is_empty() {
            self.changed.notify_all();
        }
        if written == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        state.written -= written;
        *handed -= written;
        Ok(written)
    }

    /// Waits until something was written or nothing can be; returns whether it was.
    pub(super) fn wait(&self, within: Duration) -> bool {
        let idle = |state: &mut State| state.written == 0 && !state.ended;
        let waited = self.changed.wait_timeout_while(self.lock(), within, idle);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// No more will come. What the thread has not begun to write is written yet, or discarded.
    pub(super) fn close(&self, discards: bool) {
        let mut state = self.lock();
        state.closed = true;
        if discards {
            state.waiting.clear();
        }
        self.changed.notify_all();
    }

    /// The thread's side: writes until no more will come, or until nobody reads.
    pub(super) fn serve(&self, bell: &Bell) {
        let mut piece = Vec::new();
        while self.next_piece(&mut piece) {
            let result = write_piece(&piece);
            let mut state = self.lock();
            match result {
                Ok(()) => state.written += piece.len(),
                Err(error) => {
                    state.broken = Some(error);
                    state.ended = true;
                }
            }
            let ended = state.ended;
            drop(state);
            self.changed.notify_all();
            bell.writable();
            if ended {
                return;
            }
        }
    }

    /// Waits for something to write. Returns whether there is.
    fn next_piece(&self, piece: &mut Vec<u8>) -> bool {
        let mut state = self.lock();
        while state.waiting.is_empty() && !state.closed {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        piece.clear();
        std::mem::swap(piece, &mut state.waiting);
        !piece.is_empty()
    }

    /// Nothing panics while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By way of the standard library, so that it keeps its order with what the program prints.
fn write_piece(piece: &[u8]) -> io::Result<()> {
    let mut left = piece;
    loop {
        let mut stdout = io::stdout().lock();
        let result =
            if left.is_empty() { stdout.flush().map(|()| None) } else { stdout.write(left).map(Some) };
        drop(stdout);
        match result {
            Ok(None) => return Ok(()),
            Ok(Some(0)) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(Some(count)) => left = &left[count..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(RETRY),
            Err(error) => return Err(error),
        }
    }
}
