//! The outer form of a data packet: 13 bytes in clear, sealed frames, a tag.
//!
//! All numbers of the sealed link are in network byte order (most significant byte first).

/// What the first byte of a datagram says. None is `C`, `D` or `X`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A handshake initiation, proxy1 to proxy2.
    Initiation = 1,
    /// A handshake response, proxy2 to proxy1.
    Response = 2,
    /// Proxy2 is busy and asks proxy1 to prove its address.
    Cookie = 3,
    /// Sealed frames.
    Data = 4,
}

impl Kind {
    /// The kind of a datagram, by its first byte alone.
    pub fn of(datagram: &[u8]) -> Option<Self> {
        match datagram.first()? {
            1 => Some(Self::Initiation),
            2 => Some(Self::Response),
            3 => Some(Self::Cookie),
            4 => Some(Self::Data),
            _ => None,
        }
    }

    /// The byte that stands for it.
    pub const fn byte(self) -> u8 {
        self as u8
    }
}

/// Bytes before the sealed frames: kind 1, receiver index 4, counter 8.
pub const HEADER_LEN: usize = 13;
/// Bytes after them: the tag.
pub const TAG_LEN: usize = 16;
/// What sealing adds to the frames of a packet.
pub const OVERHEAD: usize = HEADER_LEN + TAG_LEN;

/// A datagram by its outer form: all that can be known of it without keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outer {
    /// A handshake initiation, if its [view](crate::sealed::handshake::messages) can read it.
    Initiation,
    /// A handshake response, likewise.
    Response,
    /// A cookie reply, likewise.
    Cookie,
    /// A data packet: its header, and behind that at least a tag.
    Data(Header),
}

impl Outer {
    /// Reads the outer form; `None` if no packet looks like that. All that sorts datagrams does it by this.
    pub fn parse(datagram: &[u8]) -> Option<Self> {
        match Kind::of(datagram)? {
            Kind::Initiation => Some(Self::Initiation),
            Kind::Response => Some(Self::Response),
            Kind::Cookie => Some(Self::Cookie),
            Kind::Data => {
                let (header, rest) = datagram.split_first_chunk::<HEADER_LEN>()?;
                (rest.len() >= TAG_LEN).then(|| Self::Data(Header::from_bytes(header)))
            }
        }
    }
}

/// The clear part of a data packet. It is authenticated, but only once the packet has been opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The index that the receiver chose for the session in its handshake.
    pub receiver: u32,
    /// The number of the packet on its link in its direction; never used twice, also not under other keys.
    pub counter: u64,
}

impl Header {
    /// Reads the header of a datagram that may be a data packet; `None` if it cannot be one.
    pub fn parse(datagram: &[u8]) -> Option<Self> {
        match Outer::parse(datagram)? {
            Outer::Data(header) => Some(header),
            Outer::Initiation | Outer::Response | Outer::Cookie => None,
        }
    }

    const fn from_bytes(bytes: &[u8; HEADER_LEN]) -> Self {
        let [_, r0, r1, r2, r3, counter @ ..] = *bytes;
        Self { receiver: u32::from_be_bytes([r0, r1, r2, r3]), counter: u64::from_be_bytes(counter) }
    }

    /// The bytes of the header.
    pub fn to_bytes(self) -> [u8; HEADER_LEN] {
        let mut bytes = [Kind::Data.byte(); HEADER_LEN];
        bytes[1..5].copy_from_slice(&self.receiver.to_be_bytes());
        bytes[5..].copy_from_slice(&self.counter.to_be_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_kind_is_a_kind_of_the_classic_link() {
        for byte in 0..=u8::MAX {
            let kind = Kind::of(&[byte]);
            assert_eq!(kind.is_some(), (1..=4).contains(&byte), "{byte}");
            assert!(kind.is_none_or(|kind| kind.byte() == byte && !b"CDX".contains(&byte)));
        }
        assert_eq!(Kind::of(&[]), None);
    }

    #[test]
    fn header_reads_what_it_wrote() {
        let header = Header { receiver: 0x0102_0304, counter: 0x0506_0708_090a_0b0c };
        let mut packet = header.to_bytes().to_vec();
        assert_eq!(packet, [4, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        packet.extend([0; TAG_LEN]);
        assert_eq!(Header::parse(&packet), Some(header));
        for len in 0..packet.len() {
            assert_eq!(Header::parse(&packet[..len]), None, "cut to {len}");
        }
        packet[0] = 1;
        assert_eq!((Header::parse(&packet), Outer::parse(&packet)), (None, Some(Outer::Initiation)));
    }
}
