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
        // What a copy may have taken along: quotes, brackets, the full stop of a sentence, the mark of an editor. No sign is part of a ticket,
        // and its checksum says whether anything is missing.
        let text = text.trim_matches(|c: char| !c.is_alphanumeric());
        let mut characters = text.chars().filter(|c| !is_blank(*c)).enumerate();
        for expected in self.prefix.chars() {
            match characters.next() {
                Some((_, found)) if found.to_ascii_lowercase() == expected => {}
                Some(_) => return Err(self.not_the_beginning_of(text)),
                None if text.is_empty() => return Err(TicketError::Empty),
                None => return Err(TicketError::NotATicket),
            }
        }
        match characters.next() {
            Some((_, version)) if version == self.version => {}
            Some((_, version)) if version.is_ascii_digit() => return Err(TicketError::Version(version)),
            _ => return Err(self.not_the_beginning_of(text)),
        }
        let mut digits = Zeroizing::new(Vec::with_capacity(text.len()));
        for (place, character) in characters {
            let Some(digit) = base32::digit(character) else {
                return Err(if self.begins_again(&digits, character) {
                    TicketError::Two
                } else {
                    TicketError::Character { place: place + 1, character }
                });
            };
            digits.push(digit);
        }
        Ok(digits)
    }

    /// Whether a text of this kind stands first in `text`, whole or not.
    pub(super) fn begins(&self, text: &str) -> bool {
        text.split(|c: char| !c.is_alphanumeric())
            .find(|word| !word.is_empty())
            .is_some_and(|word| self.is_in(word))
    }

    fn is_in(&self, word: &str) -> bool {
        let (prefix, rest) = word.split_at_checked(self.prefix.len()).unwrap_or_default();
        prefix.eq_ignore_ascii_case(self.prefix) && rest.starts_with(self.version)
    }

    /// What is wrong with a text that begins otherwise.
    fn not_the_beginning_of(&self, text: &str) -> TicketError {
        let is_behind = text.split(|c: char| !c.is_alphanumeric()).any(|word| self.is_in(word));
        if is_behind { TicketError::Behind } else { TicketError::NotATicket }
    }

    /// Whether another such text begins right before `version`.
    fn begins_again(&self, digits: &[u8], version: char) -> bool {
        let prefix = self.prefix.chars().map(base32::digit);
        let end = digits.len().checked_sub(self.prefix.len()).and_then(|at| digits.get(at..));
        version == self.version && end.is_some_and(|end| end.iter().copied().map(Some).eq(prefix))
    }

    fn checksum(&self, bytes: &[u8]) -> [u8; CHECKSUM_LEN] {
        let hash = mac::hash(&[mac::LABEL_CHECKSUM, self.prefix.as_bytes(), bytes]);
        *hash.first_chunk().expect("a hash is longer than a checksum")
    }
}

/// Whether nobody sees that it is there: a blank, or what editors and web pages put between letters for line breaks.
fn is_blank(character: char) -> bool {
    let is_unseen = matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
    is_unseen || character.is_whitespace()
}
