//! Standard input: a thread reads, one piece ahead of the loop.

use std::io::{self, Read};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::{Bell, RETRY};

/// How many bytes one read takes at the most.
const PIECE: usize = 64 * 1024;

/// What the loop and the thread share.
#[derive(Default)]
pub(super) struct Input {
    state: Mutex<State>,
    /// The piece was taken, or nobody wants any more.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    piece: Vec<u8>,
    /// How much of the piece the loop has.
    taken: usize,
    /// What comes after the piece: the end of input or an error. `None` while it goes on.
    end: Option<io::Result<()>>,
    /// Nobody wants any more.
    closed: bool,
}

impl Input {
    /// The loop's side: what there is of the piece.
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.lock();
        let waiting = &state.piece[state.taken..];
        if waiting.is_empty() {
            return match &mut state.end {
                None => Err(io::ErrorKind::WouldBlock.into()),
                Some(end) => std::mem::replace(end, Ok(())).map(|()| 0),
            };
        }
        let count = waiting.len().min(buffer.len());
        buffer[..count].copy_from_slice(&waiting[..count]);
        state.taken += count;
        if state.taken == state.piece.len() {
            self.changed.notify_one();
        }
        Ok(count)
    }

    /// The loop wants no more. The thread learns of it when what it waits for has come.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// The thread's side: reads until the end of input.
    pub(super) fn serve(&self, bell: &Bell) {
        let mut piece = vec![0; PIECE];
        loop {
            let read = read_piece(&mut piece);
            let mut state = self.lock();
            while state.taken < state.piece.len() && !state.closed {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.closed {
                return;
            }
            match read {
                Ok(count) if count > 0 => {
                    state.piece.clear();
                    state.piece.extend_from_slice(&piece[..count]);
                    state.taken = 0;
                }
                end => state.end = Some(end.map(drop)),
            }
            let ended = state.end.is_some();
            drop(state);
            bell.readable();
            if ended {
                return;
            }
        }
    }

    /// Nothing panics while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By way of the standard library, so that what the program has read ahead of this is not lost.
fn read_piece(piece: &mut [u8]) -> io::Result<usize> {
    loop {
        match io::stdin().lock().read(piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(RETRY),
            read => return read,
        }
    }
}
