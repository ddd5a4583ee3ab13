//! Numbers of 1, 2, 4 or 8 bytes, as in RFC 9000 section 16, and the writer that frames are emitted with.

/// The largest number a varint can hold: 2^62 - 1.
pub const MAX: u64 = (1 << 62) - 1;

/// How many bytes `value` takes: 1, 2, 4 or 8.
pub const fn size(value: u64) -> usize {
    match value {
        0..=0x3f => 1,
        0x40..=0x3fff => 2,
        0x4000..=0x3fff_ffff => 4,
        _ => 8,
    }
}

/// Takes one number off the front of `input`; `None` where it is cut short.
pub fn take(input: &mut &[u8]) -> Option<u64> {
    // Each size by itself: a loop over the bytes costs several times as much, and each frame has some numbers.
    let (value, rest) = match input.first()? >> 6 {
        0 => input.split_first_chunk().map(|(&[byte], rest)| (u64::from(byte), rest)),
        1 => input
            .split_first_chunk()
            .map(|(&bytes, rest)| (u64::from(u16::from_be_bytes(bytes)) & 0x3fff, rest)),
        2 => input
            .split_first_chunk()
            .map(|(&bytes, rest)| (u64::from(u32::from_be_bytes(bytes)) & 0x3fff_ffff, rest)),
        _ => input.split_first_chunk().map(|(&bytes, rest)| (u64::from_be_bytes(bytes) & MAX, rest)),
    }?;
    *input = rest;
    Some(value)
}

/// Writes frames into a fixed room. Whoever writes checks [`Writer::room`] first.
#[derive(Debug)]
pub struct Writer<'a> {
    room: &'a mut [u8],
    length: usize,
}

impl<'a> Writer<'a> {
    /// A writer at the front of `room`.
    pub const fn new(room: &'a mut [u8]) -> Self {
        Self { room, length: 0 }
    }

    /// Bytes that still fit.
    pub const fn room(&self) -> usize {
        self.room.len() - self.length
    }

    /// Bytes written so far.
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing has been written.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Appends one byte.
    pub fn byte(&mut self, byte: u8) {
        self.room[self.length] = byte;
        self.length += 1;
    }

    /// Appends bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.space(bytes.len()).copy_from_slice(bytes);
    }

    /// Appends `length` bytes for the caller to fill.
    pub fn space(&mut self, length: usize) -> &mut [u8] {
        let space = &mut self.room[self.length..self.length + length];
        self.length += length;
        space
    }

    /// Appends a number of at most [`MAX`].
    pub fn varint(&mut self, value: u64) {
        debug_assert!(value <= MAX, "a varint holds 62 bits");
        let [a, b, c, d, e, f, g, h] = value.to_be_bytes();
        match value {
            0..=0x3f => self.byte(h),
            0x40..=0x3fff => self.array([g | 0x40, h]),
            0x4000..=0x3fff_ffff => self.array([e | 0x80, f, g, h]),
            _ => self.array([a | 0xc0, b, c, d, e, f, g, h]),
        }
    }

    /// As many bytes as the compiler knows: no call for them.
    fn array<const N: usize>(&mut self, bytes: [u8; N]) {
        self.space(N).copy_from_slice(&bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 9000, appendix A.1.
    #[test]
    fn examples_of_the_rfc() {
        for (bytes, value) in [
            (&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c][..], 151_288_809_941_952_652),
            (&[0x9d, 0x7f, 0x3e, 0x7d][..], 494_878_333),
            (&[0x7b, 0xbd][..], 15_293),
            (&[0x25][..], 37),
        ] {
            assert_eq!(take(&mut &*bytes), Some(value));
            let mut room = [0; 8];
            let mut writer = Writer::new(&mut room);
            writer.varint(value);
            let length = writer.len();
            assert_eq!(&room[..length], bytes);
        }
    }

    #[test]
    fn a_cut_number_is_none() {
        assert_eq!(take(&mut &[][..]), None);
        assert_eq!(take(&mut &[0xc2, 0x19][..]), None);
    }

    #[test]
    fn sizes_match_what_is_written() {
        for value in [0, 63, 64, 16_383, 16_384, (1 << 30) - 1, 1 << 30, MAX] {
            let mut room = [0; 8];
            let mut writer = Writer::new(&mut room);
            writer.varint(value);
            assert_eq!(writer.len(), size(value));
        }
    }
}
