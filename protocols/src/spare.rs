//! Buffers for reuse: only a message that is coming has one, so an idle connection holds none and a busy one allocates none.

use std::cell::Cell;

/// So many buffers are kept for a thread.
const COUNT_MAX: usize = 16;

/// None is kept that is larger.
const CAPACITY_MAX: usize = 128 * 1024;

thread_local! {
    static SPARE: Cell<Vec<Vec<u8>>> = const { Cell::new(Vec::new()) };
}

/// What waits for more may be in a buffer of this size, or twice its own; no larger one is used again for it. Else many who
/// send little and wait would hold much.
const SMALL: usize = 1024;

/// An empty buffer, new if none is kept: for what is done with it at once.
pub(crate) fn take() -> Vec<u8> {
    change(Vec::pop).flatten().unwrap_or_default()
}

/// Gives `buffer` room for `more` bytes, if the memory for that is kept.
pub(crate) fn make_room(buffer: &mut Vec<u8>, more: usize) {
    let length = buffer.len().saturating_add(more);
    if length <= buffer.capacity() {
        return;
    }
    if let Some(mut roomier) = change(|kept| take_fitting(kept, length)).flatten() {
        roomier.extend_from_slice(buffer);
        give_back(std::mem::replace(buffer, roomier));
    }
}

/// Takes out the largest buffer that suits `length` bytes.
fn take_fitting(kept: &mut Vec<Vec<u8>>, length: usize) -> Option<Vec<u8>> {
    let suiting = length..=length.saturating_mul(2).max(SMALL);
    let fitting = kept.iter().enumerate().filter(|(_, buffer)| suiting.contains(&buffer.capacity()));
    let (place, _) = fitting.max_by_key(|(_, buffer)| buffer.capacity())?;
    Some(kept.remove(place))
}

/// Keeps the memory of a buffer for another. If there are enough, the one that was kept first is not kept any longer.
pub(crate) fn give_back(mut buffer: Vec<u8>) {
    if (1..=CAPACITY_MAX).contains(&buffer.capacity()) {
        buffer.clear();
        change(|kept| {
            if kept.len() == COUNT_MAX {
                kept.remove(0);
            }
            kept.push(buffer);
        });
    }
}

/// At the end of the thread nothing is kept any more.
fn change<R>(change: impl FnOnce(&mut Vec<Vec<u8>>) -> R) -> Option<R> {
    let changed = SPARE.try_with(|spare| {
        let mut kept = spare.take();
        let result = change(&mut kept);
        spare.set(kept);
        result
    });
    changed.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(capacities: impl IntoIterator<Item = usize>) {
        capacities.into_iter().for_each(|capacity| give_back(Vec::with_capacity(capacity)));
    }

    #[test]
    fn buffers_are_used_again_within_bounds() {
        let mut buffer = Vec::with_capacity(1000);
        buffer.push(1);
        let place = buffer.as_ptr();
        give_back(buffer);
        let again = take();
        assert_eq!((again.as_ptr(), again.len()), (place, 0));
        keep([2000; COUNT_MAX]);
        keep([1000; COUNT_MAX]);
        keep([0, CAPACITY_MAX + 1]);
        let capacities: Vec<_> = std::iter::repeat_with(|| take().capacity()).take(20).collect();
        assert_eq!(capacities, [[1000].repeat(COUNT_MAX), vec![0; 20 - COUNT_MAX]].concat());
    }

    #[test]
    fn room_is_made_with_what_suits() {
        keep([500, 1024, 1025, 3000, 6000, 9000]);
        let mut buffer = b"some".to_vec();
        for (more, capacity) in [(0, 4), (6, 1024), (1020, 1024), (2000, 3000), (4000, 6000), (10_000, 6000)]
        {
            make_room(&mut buffer, more);
            assert_eq!((buffer.as_slice(), buffer.capacity()), (&b"some"[..], capacity), "{more} bytes more");
        }
    }
}
