//! What a node says to all others, and who it is.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The longest name of a node, in bytes: with `peer.` before it, it is the name of a service.
pub const MAX_NAME: usize = 59;
/// The longest text of a post, in bytes.
pub const MAX_TEXT: usize = 4096;
/// The last number that a post may have, and the latest start of a run, in milliseconds since 1970: far beyond what anybody comes
/// to, and far from where adding would overflow.
pub const MAX_NUMBER: u64 = 1 << 48;

/// The name of a node: that of the ticket that it has joined with, so that the exit vouches for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(Arc<str>);

/// Why a text is no name of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a node's name is 1 to {MAX_NAME} small letters, digits, '-', '_' and '.', and does not begin with '-'"
)]
pub struct NameError;

/// One run of a node: a restarted one begins anew, with numbers of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Run {
    /// Whose.
    pub name: Name,
    /// When it began, in milliseconds since 1970, by its own clock; later than all before it.
    pub began: u64,
}

/// A text for all, with its author's signature. Whoever passes it on can neither change it nor make one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// Who says it.
    pub run: Run,
    /// From 1, without gaps.
    pub number: u64,
    /// When it was said, in milliseconds since 1970, by its author's clock.
    pub said: u64,
    /// What is said.
    pub text: String,
    /// Over all of the above.
    pub signature: Signature,
}

/// Bytes; in texts as hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hex<const N: usize>(pub [u8; N]);

/// An Ed25519 signature.
pub type Signature = Hex<64>;

impl Name {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let is_allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
        let is_name =
            (1..=MAX_NAME).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(is_allowed);
        if is_name { Ok(Self(text.into())) } else { Err(NameError) }
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0.as_ref().into()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Run {
    /// Whether its numbers can be those of a run.
    pub const fn is_sound(&self) -> bool {
        self.began <= MAX_NUMBER
    }
}

impl Post {
    /// Whether it can be one.
    pub fn is_sound(&self) -> bool {
        self.run.is_sound()
            && (1..=MAX_NUMBER).contains(&self.number)
            && self.said <= MAX_NUMBER
            && (1..=MAX_TEXT).contains(&self.text.len())
    }

    /// What the author signs: of each field its length too, so that no two posts have the same bytes.
    pub fn signed_bytes(&self) -> Vec<u8> {
        let name = self.run.name.as_str().as_bytes();
        let mut bytes = b"paso peer post 1\0".to_vec();
        bytes.extend((name.len() as u64).to_be_bytes());
        bytes.extend(name);
        for number in [self.run.began, self.number, self.said] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend(self.text.as_bytes());
        bytes
    }
}

/// Hexadecimal digits.
fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes that hexadecimal digits stand for; `None`: it is no text of `N` of them.
fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        *byte = digit(0)? << 4 | digit(1)?;
    }
    Some(bytes)
}

impl<const N: usize> TryFrom<String> for Hex<N> {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        from_hex(&text).map(Self).ok_or("it has not as many hexadecimal digits as it should")
    }
}

impl<const N: usize> From<Hex<N>> for String {
    fn from(hex: Hex<N>) -> Self {
        to_hex(&hex.0)
    }
}

impl<const N: usize> fmt::Debug for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{N} bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_small() {
        for text in ["ann", "a.b-c_2", &"x".repeat(MAX_NAME)] {
            assert_eq!(text.parse::<Name>().unwrap().as_str(), text);
        }
        for text in ["", "-ann", "Ann", "a b", "a/b", "é", "../x", &"x".repeat(MAX_NAME + 1)] {
            assert!(text.parse::<Name>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn hexadecimal_is_read_as_written_and_nothing_else_is() {
        let bytes: [u8; 64] = std::array::from_fn(|at| u8::try_from(at * 4).unwrap());
        assert_eq!(from_hex::<64>(&to_hex(&bytes)), Some(bytes));
        for text in ["", "0", "zz", "+1", "é"] {
            assert_eq!(from_hex::<1>(text), None, "{text}");
        }
    }
}
