//! Buffers for reuse: only a message that is coming has one, so an idle connection holds none and a busy one allocates none.

use std::cell::Cell;

/// So many buffers are kept for a thread.
const COUNT_MAX: usize = 16;

/// None is kept that is larger.
const CAPACITY_MAX: usize = 128 * 1024;

thread_local! {
    static SPARE: Cell<Vec<Vec<u8>>> = const { Cell::new(Vec::new()) };
}

/// An empty buffer, new if none is kept.
pub(crate) fn take() -> Vec<u8> {
    take_if(|_| true)
}

/// The same, which is new also if the one that would be used again has a capacity that does not `suit`.
pub(crate) fn take_if(suits: impl FnOnce(usize) -> bool) -> Vec<u8> {
    let kept = change(|kept| kept.last().is_some_and(|last| suits(last.capacity())).then(|| kept.pop()));
    kept.flatten().flatten().unwrap_or_default()
}

/// Keeps the memory of a buffer for another.
pub(crate) fn give_back(mut buffer: Vec<u8>) {
    if (1..=CAPACITY_MAX).contains(&buffer.capacity()) {
        buffer.clear();
        change(|kept| {
            if kept.len() < COUNT_MAX {
                kept.push(buffer);
            }
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

    #[test]
    fn buffers_are_used_again_within_bounds() {
        let mut buffer = Vec::with_capacity(1000);
        buffer.push(1);
        let place = buffer.as_ptr();
        give_back(buffer);
        let again = take();
        assert_eq!((again.as_ptr(), again.len()), (place, 0));
        (0..20).for_each(|_| give_back(Vec::with_capacity(1000)));
        (0..20).for_each(|_| give_back(Vec::with_capacity(CAPACITY_MAX + 1)));
        let capacities: Vec<_> = std::iter::repeat_with(|| take().capacity()).take(20).collect();
        assert_eq!(capacities, [[1000].repeat(COUNT_MAX), vec![0; 20 - COUNT_MAX]].concat());
    }
}
