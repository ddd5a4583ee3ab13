//! The form that tickets and key files share: a name, a version, base32 of bytes and their checksum.

use zeroize::Zeroizing;

use super::base32;
use super::error::TicketError;
use crate::sealed::crypto::mac;

/// Bytes of checksum: one mistyped text in four thousand million passes.
const CHECKSUM_LEN: usize = 4;

/// What the first bytes tell about how many there must be.
pub(super) enum Length {
    /// So many.
    Is(usize),
    /// It is told by the first so many, more than there are.
    ToldBy(usize),
}

/// One kind of text.
pub(super) struct Envelope {
    /// What it begins with, in lower case.
    pub(super) prefix: &'static str,
    /// The character after it. Digits of base32 do not do: `pasokey…` must not be a version of `paso`.
    pub(super) version: char,
}

impl Envelope {
    /// The text around `bytes`.
    pub(super) fn wrap(&self, bytes: &[u8]) -> Zeroizing<String> {
        let whole = Zeroizing::new([bytes, &self.checksum(bytes)].concat());
        let len = self.prefix.len() + 1 + base32::text_len(whole.len());
        // Room from the start: a String that grows leaves copies behind. One more for a line end.
        let mut text = Zeroizing::new(String::with_capacity(len + 1));
        text.push_str(self.prefix);
        text.push(self.version);
        base32::encode(&whole, &mut text);
        text
    }

    /// The bytes in `text`. `length_of` tells from those that are there how many there must be; it is `None` if they say
    /// what this version does not know.
    pub(super) fn unwrap(
        &self,
        text: &str,
        length_of: impl FnOnce(&[u8]) -> Option<Length>,
    ) -> Result<Zeroizing<Vec<u8>>, TicketError> {
        let digits = self.digits(text)?;
        let head = self.prefix.len() + 1;
        let cut = |needs| TicketError::Cut { has: head + digits.len(), needs: head + needs };
        let (bytes, whole) = base32::decode(&digits);
        let len = match length_of(&bytes).ok_or(TicketError::Unknown)? {
            Length::Is(len) => len,
            Length::ToldBy(first) => return Err(cut(base32::text_len(first))),
        };
        let needs = base32::text_len(len + CHECKSUM_LEN);
        if digits.len() < needs {
            return Err(cut(needs));
        }
        if digits.len() > needs {
            return Err(TicketError::TooLong(digits.len() - needs));
        }
        if whole { self.verified(bytes, len) } else { Err(TicketError::Checksum) }
    }

    fn verified(&self, mut bytes: Zeroizing<Vec<u8>>, len: usize) -> Result<Zeroizing<Vec<u8>>, TicketError> {
        let (content, checksum) = bytes.split_at_checked(len).ok_or(TicketError::Checksum)?;
        if checksum != self.checksum(content) {
            return Err(TicketError::Checksum);
        }
        bytes.truncate(len);
        Ok(bytes)
    }

    /// The values of the characters after the version, blanks left out.
    fn digits(&self, text: &str) -> Result<Zeroizing<Vec<u8>>, TicketError> {
        // What a copy may have taken along: the mark of an editor, and quotes.
        let around = |c: char| c.is_whitespace() || "\u{feff}'\"`‘’“”".contains(c);
        let mut characters = text.trim_matches(around).chars().filter(|c| !c.is_whitespace()).enumerate();
        for expected in self.prefix.chars() {
            let found = characters.next().map(|(_, c)| c.to_ascii_lowercase());
            if found != Some(expected) {
                return Err(TicketError::NotATicket);
            }
        }
        match characters.next() {
            Some((_, version)) if version == self.version => {}
            Some((_, version)) if version.is_ascii_digit() => return Err(TicketError::Version(version)),
            _ => return Err(TicketError::NotATicket),
        }
        let mut digits = Zeroizing::new(Vec::with_capacity(text.len()));
        for (place, character) in characters {
            digits.push(base32::digit(character).ok_or(TicketError::Character(place + 1))?);
        }
        Ok(digits)
    }

    fn checksum(&self, bytes: &[u8]) -> [u8; CHECKSUM_LEN] {
        let hash = mac::hash(&[mac::LABEL_CHECKSUM, self.prefix.as_bytes(), bytes]);
        *hash.first_chunk().expect("a hash is longer than a checksum")
    }
}
