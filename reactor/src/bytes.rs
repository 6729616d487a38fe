//! Bytes that many connections share.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

/// An immutable run of bytes that is cheap to clone: every clone points at the same memory.
///
/// [`Transport::write_shared`](crate::Transport::write_shared) queues one without copying it, so a line for a
/// thousand members is stored once.
///
/// ```
/// # use ropewalk_reactor::Bytes;
/// let line = Bytes::from(b"hello, world\r\n".to_vec());
/// assert_eq!(&*line.slice(0..5), b"hello");
/// ```
#[derive(Clone, Default)]
pub struct Bytes {
    storage: Storage,
    /// Invariant: lies within the storage.
    range: Range<usize>,
}

#[derive(Clone)]
enum Storage {
    Static(&'static [u8]),
    Shared(Arc<[u8]>),
}

impl Default for Storage {
    fn default() -> Self {
        Self::Static(&[])
    }
}

impl Bytes {
    /// Bytes that live as long as the program; nothing is allocated.
    pub const fn from_static(bytes: &'static [u8]) -> Self {
        Self { storage: Storage::Static(bytes), range: 0..bytes.len() }
    }

    /// The part of these bytes in `range`, sharing the same memory.
    ///
    /// # Panics
    /// If `range` does not lie within these bytes, as indexing a slice does.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        assert!(
            range.start <= range.end && range.end <= self.len(),
            "range {range:?} lies outside {} bytes",
            self.len()
        );
        Self {
            storage: self.storage.clone(),
            range: self.range.start + range.start..self.range.start + range.end,
        }
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.storage {
            Storage::Static(bytes) => &bytes[self.range.clone()],
            Storage::Shared(bytes) => &bytes[self.range.clone()],
        }
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<Arc<[u8]>> for Bytes {
    /// Copies nothing: whoever has the other pointers at this memory can use it again when all these bytes are gone.
    fn from(bytes: Arc<[u8]>) -> Self {
        let range = 0..bytes.len();
        Self { storage: Storage::Shared(bytes), range }
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Arc::<[u8]>::from(bytes).into()
    }
}

impl From<String> for Bytes {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<&[u8]> for Bytes {
    /// Copies the bytes once, into memory that the clones will share.
    fn from(bytes: &[u8]) -> Self {
        Arc::<[u8]>::from(bytes).into()
    }
}

impl<const LENGTH: usize> From<&[u8; LENGTH]> for Bytes {
    /// Copies the bytes once, as from a slice.
    fn from(bytes: &[u8; LENGTH]) -> Self {
        bytes.as_slice().into()
    }
}

impl From<&str> for Bytes {
    /// Copies the text once, as from a slice.
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Bytes {}

impl fmt::Debug for Bytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "b\"{}\"", self.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_of_slices_share_the_memory() {
        let whole = Bytes::from(b"hello, world".to_vec());
        let world = whole.slice(7..12);
        assert_eq!(&*world, b"world");
        assert_eq!(&*world.slice(1..3), b"or");
        assert_eq!(world.as_ptr(), whole[7..].as_ptr());
        assert_eq!(format!("{:?}", Bytes::from_static(b"a\r\n")), r#"b"a\r\n""#);
    }

    #[test]
    fn an_arc_is_shared_and_not_copied() {
        let mut memory: Arc<[u8]> = b"hello".as_slice().into();
        let bytes = Bytes::from(Arc::clone(&memory));
        assert_eq!(bytes.as_ptr(), memory.as_ptr());
        assert_eq!(Arc::get_mut(&mut memory), None);
        drop(bytes);
        assert!(Arc::get_mut(&mut memory).is_some());
    }

    #[test]
    #[should_panic(expected = "range 3..6 lies outside 5 bytes")]
    fn a_slice_outside_is_a_clear_panic() {
        let _ = Bytes::from_static(b"hello").slice(3..6);
    }
}
