//! Large messages are collected in memory that can be shared, so that whoever sends one on does not copy it.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::sync::Arc;

use ropewalk_reactor::Bytes;

use super::frames::mask::Mask;

/// To copy a shorter message is cheaper than to share it.
const LENGTH_MIN: usize = 16 * 1024;

/// For longer ones no memory is kept.
const LENGTH_MAX: usize = 128 * 1024;

/// So many pieces of memory are kept for a thread.
const COUNT_MAX: usize = 32;

thread_local! {
    /// Those that are kept, also while others share them; what was used last is the last.
    static KEPT: RefCell<Vec<Arc<[u8]>>> = const { RefCell::new(Vec::new()) };
    /// The message that a callback hears just now.
    static DELIVERED: Cell<Bytes> = const { Cell::new(Bytes::from_static(&[])) };
}

/// Whether a message of this length is worth it.
pub(super) fn is_worthwhile(length: usize) -> bool {
    (LENGTH_MIN..=LENGTH_MAX).contains(&length)
}

/// A message that is coming, in memory that nobody shares yet: no more than twice of what has come.
pub(super) struct Buffer {
    memory: Arc<[u8]>,
    length: usize,
}

impl Buffer {
    /// A copy of `bytes`, with room for so many more.
    pub(super) fn new(bytes: &[u8], more: usize) -> Self {
        let mut buffer = Self { memory: take(bytes.len() + more), length: 0 };
        buffer.append(bytes, None);
        buffer
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.memory[..self.length]
    }

    pub(super) fn has_room(&self, more: usize) -> bool {
        more <= self.memory.len() - self.length
    }

    /// Appends what there [is room](Self::has_room) for, unmasked.
    pub(super) fn append(&mut self, payload: &[u8], mask: Option<&mut Mask>) {
        let memory = Arc::get_mut(&mut self.memory).expect("nobody shares a message that is coming");
        let room = &mut memory[self.length..];
        match mask {
            Some(mask) => {
                mask.apply(payload, room);
            }
            None => room[..payload.len()].copy_from_slice(payload),
        }
        self.length += payload.len();
    }

    /// Calls `callback` with the message, which meanwhile is found to be [delivered].
    pub(super) fn deliver<R>(&self, callback: impl FnOnce(&[u8]) -> R) -> R {
        struct Delivered;

        impl Drop for Delivered {
            fn drop(&mut self) {
                DELIVERED.take();
            }
        }

        DELIVERED.set(Bytes::from(Arc::clone(&self.memory)).slice(0..self.length));
        let _until_the_end = Delivered;
        callback(self.bytes())
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        keep(Arc::clone(&self.memory));
    }
}

/// The memory of `payload`, if it lies within the message that is just being delivered and is worth sharing: where it waits it
/// holds the whole message, and counts with its own length.
pub(super) fn delivered(payload: &[u8]) -> Option<Bytes> {
    if payload.len() < LENGTH_MIN {
        return None;
    }
    // At the end of the thread there is none any more.
    let message = DELIVERED.try_with(Cell::take).ok()?;
    let start = (payload.as_ptr() as usize).checked_sub(message.as_ptr() as usize);
    let range = start.map(|start| start..start.saturating_add(payload.len()));
    let is_most = |range: &Range<usize>| range.end <= message.len() && message.len() <= 2 * range.len();
    let shared = range.filter(is_most).map(|range| message.slice(range));
    DELIVERED.set(message);
    shared
}

/// Memory for so many bytes that nobody shares: what was used last, as the processor's caches may hold it.
fn take(length: usize) -> Arc<[u8]> {
    let suits = |memory: &mut Arc<[u8]>| {
        (length..=2 * length).contains(&memory.len()) && Arc::get_mut(memory).is_some()
    };
    let kept = KEPT.with_borrow_mut(|kept| {
        let place = kept.iter_mut().rposition(suits)?;
        Some(kept.remove(place))
    });
    kept.unwrap_or_else(|| vec![0; length.next_power_of_two()].into())
}

/// Keeps memory for when nobody shares it any more. If there is enough, what was kept first is not kept any longer.
fn keep(memory: Arc<[u8]>) {
    // At the end of the thread nothing is kept any more.
    let _ = KEPT.try_with(|kept| {
        let mut kept = kept.borrow_mut();
        if kept.len() == COUNT_MAX {
            kept.remove(0);
        }
        kept.push(memory);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(length: usize) -> Buffer {
        Buffer::new(&vec![b'x'; length], 0)
    }

    #[test]
    fn a_large_part_of_what_is_delivered_is_shared() {
        let (message, other) = (message(50_000), message(50_000));
        message.deliver(|bytes| {
            let part = &bytes[10_000..40_000];
            assert_eq!(delivered(part).unwrap().as_ptr(), part.as_ptr());
            assert_eq!(delivered(bytes).unwrap().len(), 50_000, "as often as one likes");
            assert!(delivered(other.bytes()).is_none());
        });
        assert!(delivered(message.bytes()).is_none());
    }

    #[test]
    fn a_small_part_is_copied() {
        message(LENGTH_MIN).deliver(|bytes| {
            assert!(delivered(bytes).is_some());
            assert!(delivered(&bytes[1..]).is_none(), "that costs less");
        });
        message(LENGTH_MAX).deliver(|bytes| {
            assert!(delivered(&bytes[..LENGTH_MAX / 2]).is_some());
            assert!(delivered(&bytes[..LENGTH_MAX / 2 - 1]).is_none(), "it would hold far more than itself");
        });
    }

    #[test]
    fn a_panic_ends_the_delivery() {
        let message = message(50_000);
        let panicked = std::panic::catch_unwind(|| message.deliver(|_| panic!("the test wants this")));
        assert!(panicked.is_err());
        assert!(delivered(message.bytes()).is_none());
    }

    #[test]
    fn memory_is_used_again_once_nobody_shares_it() {
        let first = message(40_000);
        let place = first.bytes().as_ptr();
        let shared = first.deliver(|bytes| delivered(bytes).unwrap());
        drop(first);
        assert_ne!(message(40_000).bytes().as_ptr(), place, "somebody has it");
        assert!(shared.iter().all(|byte| *byte == b'x'));
        KEPT.take();
        let second = message(40_000);
        let place = second.bytes().as_ptr();
        drop(second);
        assert_ne!(message(30_000).bytes().as_ptr(), place, "it is more than twice as large");
        assert_eq!(message(65_536).bytes().as_ptr(), place);
    }

    #[test]
    fn no_more_is_kept_than_the_limit() {
        drop((0..2 * COUNT_MAX).map(|_| message(20_000)).collect::<Vec<_>>());
        assert_eq!(KEPT.with_borrow(Vec::len), COUNT_MAX);
    }
}
