//! What proxy2 keeps about each ticket it gave out: one line of text a ticket. The file is the shell's.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use zeroize::Zeroizing;

use super::envelope::Envelope;
use super::{Ticket, TicketError};
use crate::sealed::keys::{KEY_LEN, PublicKey};

/// The longest name of a ticket in bytes.
pub const MAX_NAME_LEN: usize = 64;

/// A revoked ticket's line holds the public key alone.
const CLIENT_KEY: Envelope = Envelope { prefix: "pasoclient", version: '1' };
const VALID: &str = "valid";
const REVOKED: &str = "revoked";

/// The name an operator gave a ticket: 1 to 64 letters, digits, `-`, `_`, `.`; not a leading `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TicketName(String);

/// One ticket of a proxy2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketRecord {
    /// Its name, unique in a proxy2.
    pub name: TicketName,
    /// Whether it is good, and what is kept of it.
    pub standing: Standing,
}

/// Whether a ticket is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is, and can be shown again.
    Valid(Ticket),
    /// It was. Its secrets are gone; who comes with it is told so.
    Revoked(PublicKey),
}

/// Why a line is not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RecordError {
    /// Not three words.
    #[error("a line is NAME, valid or revoked, and a text")]
    Form,
    /// The first word is not a name.
    #[error("a name is 1 to {MAX_NAME_LEN} letters, digits, '-', '_', '.', and does not begin with '-'")]
    Name,
    /// The second word is neither `valid` nor `revoked`.
    #[error("a ticket is \"valid\" or \"revoked\"")]
    Standing,
    /// The third word cannot be read.
    #[error("{0}")]
    Ticket(#[from] TicketError),
}

impl TicketRecord {
    /// The public key of who holds the ticket.
    pub fn client(&self) -> PublicKey {
        match &self.standing {
            Standing::Valid(ticket) => ticket.client(),
            Standing::Revoked(client) => *client,
        }
    }

    /// The same ticket, revoked, without its secrets.
    pub fn revoked(self) -> Self {
        let client = self.client();
        Self { name: self.name, standing: Standing::Revoked(client) }
    }

    /// The record as one line, with its end.
    pub fn to_line(&self) -> Zeroizing<String> {
        let (standing, text) = match &self.standing {
            Standing::Valid(ticket) => (VALID, ticket.to_text()),
            Standing::Revoked(client) => (REVOKED, CLIENT_KEY.wrap(client.as_bytes())),
        };
        let parts = [self.name.as_str(), " ", standing, " ", &text, "\n"];
        Zeroizing::new(parts.concat())
    }
}

impl FromStr for TicketRecord {
    type Err = RecordError;

    /// Reads one line.
    fn from_str(line: &str) -> Result<Self, RecordError> {
        let mut words = line.split_ascii_whitespace();
        let (Some(name), Some(standing), Some(text), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(RecordError::Form);
        };
        let name = name.parse()?;
        let standing = match standing {
            VALID => Standing::Valid(text.parse()?),
            REVOKED => {
                let bytes = CLIENT_KEY.unwrap(text, |_| Some(KEY_LEN))?;
                let key = bytes.first_chunk().ok_or(RecordError::Form)?;
                Standing::Revoked(PublicKey::from_bytes(*key))
            }
            _ => return Err(RecordError::Standing),
        };
        Ok(Self { name, standing })
    }
}

impl TicketName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TicketName {
    type Err = RecordError;

    fn from_str(text: &str) -> Result<Self, RecordError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let fits = (1..=MAX_NAME_LEN).contains(&text.len()) && !text.starts_with('-');
        if fits && text.bytes().all(allowed) { Ok(Self(text.to_owned())) } else { Err(RecordError::Name) }
    }
}

impl fmt::Display for TicketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
