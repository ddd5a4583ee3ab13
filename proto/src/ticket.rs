//! Tickets: one line of text that lets a proxy1 join a proxy2; and the texts of what proxy2 keeps about them.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::sealed::keys::{KEY_LEN, PresharedKey, PrivateKey, PublicKey};
use crate::sealed::random::Random;

mod base32;
mod envelope;
pub mod record;

use envelope::Envelope;

/// Specification: a ticket is `paso`, its version, and base32.
const TICKET: Envelope = Envelope { prefix: "paso", version: '1' };
/// proxy2's key file has the same form under another name, so that neither is taken for the other.
const SERVER_KEY: Envelope = Envelope { prefix: "pasokey", version: '1' };

/// Specification: the ticket holds a pre-shared key.
const FLAG_PRESHARED: u8 = 1;
/// Flags, proxy2's public key, the client's private key.
const PLAIN_LEN: usize = 1 + KEY_LEN + KEY_LEN;
/// The same and a pre-shared key.
const PRESHARED_LEN: usize = PLAIN_LEN + KEY_LEN;

/// What lets a proxy1 join one proxy2: whom to trust, who to be. A secret: erased on drop, never printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket {
    acceptor: PublicKey,
    private: PrivateKey,
    preshared: Option<PresharedKey>,
}

/// Why a text is not a ticket (or a key file).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TicketError {
    /// It does not begin as one.
    #[error("this is not a ticket: a ticket begins with \"paso1\"")]
    NotATicket,
    /// It begins as one of another version.
    #[error("this ticket has version {0:?}, and this program reads version '1'")]
    Version(char),
    /// It has a character that no ticket has; the number counts from 1, blanks left out.
    #[error("the ticket is mistyped: character {0} cannot stand in a ticket")]
    Character(usize),
    /// It has fewer characters than a ticket has.
    #[error("the ticket is cut: it has {has} characters of {needs}")]
    Cut {
        /// Characters that are there, blanks left out.
        has: usize,
        /// Characters that a ticket of this kind has.
        needs: usize,
    },
    /// It has more characters than a ticket has.
    #[error("the ticket has {0} characters too many at its end")]
    TooLong(usize),
    /// Its checksum is wrong.
    #[error("the ticket is mistyped: its checksum is wrong")]
    Checksum,
    /// It is intact, and says something that this version does not know.
    #[error("the ticket holds something that this program does not know; it is perhaps newer")]
    Unknown,
}

impl Ticket {
    /// A new identity for a client of the proxy2 with that public key.
    pub fn generate(acceptor: PublicKey, preshared: bool, random: &mut Random) -> Self {
        let private = PrivateKey::generate(random);
        let preshared = preshared.then(|| PresharedKey::generate(random));
        Self { acceptor, private, preshared }
    }

    /// A ticket of its parts.
    pub fn new(acceptor: PublicKey, private: PrivateKey, preshared: Option<PresharedKey>) -> Self {
        Self { acceptor, private, preshared }
    }

    /// proxy2's public key.
    pub fn acceptor(&self) -> &PublicKey {
        &self.acceptor
    }

    /// The client's private key.
    pub fn private(&self) -> &PrivateKey {
        &self.private
    }

    /// The client's public key: what proxy2 knows the ticket by.
    pub fn client(&self) -> PublicKey {
        self.private.public()
    }

    /// The second secret, if the ticket has one.
    pub fn preshared(&self) -> Option<&PresharedKey> {
        self.preshared.as_ref()
    }

    /// The ticket as one line of text without a line end.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(PRESHARED_LEN));
        bytes.push(if self.preshared.is_some() { FLAG_PRESHARED } else { 0 });
        bytes.extend_from_slice(self.acceptor.as_bytes());
        bytes.extend_from_slice(self.private.bytes());
        if let Some(preshared) = &self.preshared {
            bytes.extend_from_slice(preshared.bytes());
        }
        TICKET.wrap(&bytes)
    }
}

impl FromStr for Ticket {
    type Err = TicketError;

    /// Reads a ticket. A byte-order mark before it does not matter, nor do blanks and line ends around it and in it, nor does upper
    /// or lower case.
    fn from_str(text: &str) -> Result<Self, TicketError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let bytes = TICKET.unwrap(text, |first| match first {
            0 => Some(PLAIN_LEN),
            FLAG_PRESHARED => Some(PRESHARED_LEN),
            _ => None,
        })?;
        let (_, rest) = bytes.split_first().ok_or(TicketError::Unknown)?;
        let (acceptor, rest) = rest.split_first_chunk().ok_or(TicketError::Unknown)?;
        let (private, rest) = rest.split_first_chunk().ok_or(TicketError::Unknown)?;
        Ok(Self {
            acceptor: PublicKey::from_bytes(*acceptor),
            private: PrivateKey::from_bytes(private),
            preshared: rest.first_chunk().map(PresharedKey::from_bytes),
        })
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("acceptor", &self.acceptor).finish_non_exhaustive()
    }
}

/// The text of proxy2's key file: one line, with its end.
pub fn server_key_to_text(key: &PrivateKey) -> Zeroizing<String> {
    let mut text = SERVER_KEY.wrap(key.bytes());
    text.push('\n');
    text
}

/// Reads the text of proxy2's key file.
///
/// # Errors
/// As for a ticket.
pub fn server_key_from_text(text: &str) -> Result<PrivateKey, TicketError> {
    let bytes = SERVER_KEY.unwrap(text, |_| Some(KEY_LEN))?;
    bytes.first_chunk().map(PrivateKey::from_bytes).ok_or(TicketError::Unknown)
}

#[cfg(test)]
mod tests;
