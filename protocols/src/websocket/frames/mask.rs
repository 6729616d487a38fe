//! Masking (RFC 6455, section 5.3).

/// How many bytes are masked before they are copied on. They stay in the nearest cache, so memory is passed once.
const BLOCK: usize = 512;

/// A masking key, and how far it was applied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Mask {
    /// The key, beginning with the byte for the next byte of the payload.
    key: [u8; 4],
}

impl Mask {
    pub(crate) const fn new(key: [u8; 4]) -> Self {
        Self { key }
    }

    pub(crate) const fn key(self) -> [u8; 4] {
        self.key
    }

    /// Appends `payload` to `output`, masked or unmasked, which is the same; the next call goes on behind it.
    pub(crate) fn append(&mut self, payload: &[u8], output: &mut Vec<u8>) {
        let mut scratch = [0; BLOCK];
        for block in payload.chunks(BLOCK) {
            let masked = &mut scratch[..block.len()];
            self.apply(block, masked);
            output.extend_from_slice(masked);
        }
    }

    /// The next call goes on behind so many bytes more.
    pub(crate) fn skip(&mut self, length: usize) {
        self.key.rotate_left(length % 4);
    }

    /// Masks `from` into `to`, which is as long, eight bytes at a time.
    fn apply(&mut self, from: &[u8], to: &mut [u8]) {
        let [a, b, c, d] = self.key;
        let key = [a, b, c, d, a, b, c, d];
        let word = u64::from_ne_bytes(key);
        let (mut from, mut to) = (from.chunks_exact(8), to.chunks_exact_mut(8));
        for (from, to) in from.by_ref().zip(to.by_ref()) {
            let bytes = from.try_into().expect("chunks of eight bytes have eight bytes");
            to.copy_from_slice(&(u64::from_ne_bytes(bytes) ^ word).to_ne_bytes());
        }
        for ((from, to), key) in from.remainder().iter().zip(to.into_remainder()).zip(key) {
            *to = from ^ key;
        }
        self.key.rotate_left(from.remainder().len() % 4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

    fn masked(payload: &[u8]) -> Vec<u8> {
        payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key).collect()
    }

    #[test]
    fn it_is_that_of_the_standard() {
        let mut output = b"before ".to_vec();
        Mask::new(KEY).append(b"\x7f\x9f\x4d\x51\x58", &mut output);
        assert_eq!(output, b"before Hello");
    }

    #[test]
    fn pieces_of_all_lengths_give_what_the_whole_gives() {
        let payload: Vec<u8> = (0..3_000_usize).map(|place| (place * 7 / 3) as u8).collect();
        for length in (0..40).chain([511, 512, 513, 1_025]) {
            let (mut mask, mut output) = (Mask::new(KEY), Vec::new());
            mask.append(&payload[..length], &mut output);
            mask.append(&payload[length..length + 1], &mut output);
            mask.append(&payload[length + 1..], &mut output);
            assert!(output == masked(&payload), "cut at {length}");
        }
    }
}
