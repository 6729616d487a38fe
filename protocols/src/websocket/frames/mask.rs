//! Masking (RFC 6455, section 5.3).

/// How many bytes are masked at a time: the nearest cache holds them while room is made and filled.
const BLOCK: usize = 4096;

/// A masking key, and how far it was applied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Mask {
    /// The key, with the byte for the next byte of the payload as the lowest.
    key: u32,
}

impl Mask {
    pub(crate) const fn new(key: [u8; 4]) -> Self {
        Self { key: u32::from_le_bytes(key) }
    }

    pub(crate) const fn key(self) -> [u8; 4] {
        self.key.to_le_bytes()
    }

    /// Appends `payload` to `output`, masked or unmasked, which is the same; the next call goes on behind it.
    pub(crate) fn append(&mut self, payload: &[u8], output: &mut Vec<u8>) {
        output.reserve(payload.len());
        for block in payload.chunks(BLOCK) {
            let start = output.len();
            output.resize(start + block.len(), 0);
            self.apply(block, &mut output[start..]);
        }
    }

    /// The next call goes on behind so many bytes more.
    pub(crate) fn skip(&mut self, length: usize) {
        self.key = self.key.rotate_right((length % 4) as u32 * 8);
    }

    /// Masks `from`, eight bytes at a time, into the beginning of `to`, which is returned.
    pub(crate) fn apply<'a>(&mut self, from: &[u8], to: &'a mut [u8]) -> &'a [u8] {
        let masked = &mut to[..from.len()];
        let key = u64::from(self.key) << 32 | u64::from(self.key);
        let (mut from, mut to) = (from.chunks_exact(8), masked.chunks_exact_mut(8));
        for (from, to) in from.by_ref().zip(to.by_ref()) {
            let bytes = from.try_into().expect("chunks of eight bytes have eight bytes");
            to.copy_from_slice(&(u64::from_le_bytes(bytes) ^ key).to_le_bytes());
        }
        for ((from, to), key) in from.remainder().iter().zip(to.into_remainder()).zip(key.to_le_bytes()) {
            *to = from ^ key;
        }
        self.skip(from.remainder().len());
        masked
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
        let payload: Vec<u8> = (0..10_000_usize).map(|place| (place * 7 / 3) as u8).collect();
        for length in (0..40).chain([4_095, 4_096, 4_097, 8_195]) {
            let (mut mask, mut output) = (Mask::new(KEY), Vec::new());
            mask.append(&payload[..length], &mut output);
            mask.append(&payload[length..length + 1], &mut output);
            mask.append(&payload[length + 1..], &mut output);
            assert!(output == masked(&payload), "cut at {length}");
        }
    }
}
