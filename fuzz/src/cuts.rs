//! Ways of cutting an input.

/// The input whole, byte by byte, and in pieces of some other size: a decoder must make the same of all three.
pub fn cuts(input: &[u8], size: u8) -> [Vec<&[u8]>; 3] {
    let size = usize::from(size).max(2);
    [vec![input], input.chunks(1).collect(), input.chunks(size).collect()]
}
