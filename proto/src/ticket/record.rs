//! What proxy2 keeps about each ticket it gave out: one line of text a ticket. The file is the shell's.
//!
//! A line is `NAME STANDING CLIENT MADE PRESHARED`: the client's public key, not its private one, so whoever steals the
//! file cannot join. The words before the pre-shared key stand at the same places whether a ticket is valid or revoked,
//! so that a line can be overwritten where it is.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use zeroize::Zeroizing;

use super::envelope::{Envelope, Length};
use super::{Ticket, TicketError};
use crate::sealed::crypto::keys::{KEY_LEN, PresharedKey, PublicKey};
use crate::sealed::crypto::mac;

/// The longest name of a ticket in bytes.
pub const MAX_NAME_LEN: usize = 64;

pub(super) const CLIENT_KEY: Envelope = Envelope { prefix: "pasoclient", version: '1' };
pub(super) const PRESHARED_KEY: Envelope = Envelope { prefix: "pasopsk", version: '1' };
/// Both words take the room of the longer one.
const VALID: &str = "valid  ";
const REVOKED: &str = "revoked";
/// Stands for a time that is not known.
const UNKNOWN: &str = "-";

/// The name an operator gave a ticket: 1 to 64 letters, digits, `-`, `_`, `.`; not a leading `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TicketName(String);

/// Seconds since the beginning of 1970, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixSeconds(pub u64);

/// One ticket of a proxy2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketRecord {
    /// Its name, unique in a proxy2.
    pub name: TicketName,
    /// The public key of who holds it.
    pub client: PublicKey,
    /// When it was made, if that is known.
    pub made: Option<UnixSeconds>,
    /// Whether it is good.
    pub standing: Standing,
}

/// Whether a ticket is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is.
    Valid {
        /// The pre-shared key in it, if it has one: both ends need it.
        preshared: Option<PresharedKey>,
    },
    /// It was. Its secrets are gone; who comes with it is told so.
    Revoked,
}

/// Why a line is not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RecordError {
    /// Too few words, or too many.
    #[error(
        "a line is NAME, valid or revoked, the client's public key, when it was made, and a pre-shared key"
    )]
    Form,
    /// The first word is not a name.
    #[error("a name is 1 to {MAX_NAME_LEN} letters, digits, '-', '_', '.', and does not begin with '-'")]
    Name,
    /// The second word is neither `valid` nor `revoked`.
    #[error("a ticket is \"valid\" or \"revoked\"")]
    Standing,
    /// The fourth word is not a time.
    #[error("the time when a ticket was made is a number of seconds, or \"{UNKNOWN}\"")]
    Made,
    /// A key cannot be read.
    #[error("{0}")]
    Ticket(#[from] TicketError),
}

impl TicketRecord {
    /// What is kept of a ticket.
    pub fn new(name: TicketName, ticket: &Ticket, made: Option<UnixSeconds>) -> Self {
        let standing = Standing::Valid { preshared: ticket.preshared().cloned() };
        Self { name, client: ticket.client(), made, standing }
    }

    /// Whether it is good.
    pub const fn is_valid(&self) -> bool {
        matches!(self.standing, Standing::Valid { .. })
    }

    /// The same ticket, revoked, without its secret.
    pub fn revoked(self) -> Self {
        Self { standing: Standing::Revoked, ..self }
    }

    /// The record as one line, with its end.
    pub fn to_line(&self) -> Zeroizing<String> {
        let (standing, preshared) = match &self.standing {
            Standing::Valid { preshared } => (VALID, preshared.as_ref()),
            Standing::Revoked => (REVOKED, None),
        };
        let client = CLIENT_KEY.wrap(self.client.as_bytes());
        let made = self.made.map_or_else(|| UNKNOWN.to_owned(), |made| made.0.to_string());
        let preshared = preshared.map(|key| PRESHARED_KEY.wrap(key.bytes()));
        let (gap, preshared) = preshared.as_ref().map_or(("", ""), |text| (" ", text.as_str()));
        let parts = [self.name.as_str(), " ", standing, " ", &client, " ", &made, gap, preshared, "\n"];
        Zeroizing::new(parts.concat())
    }
}

impl FromStr for TicketRecord {
    type Err = RecordError;

    /// Reads one line, of today's form or of the first, which had whole tickets in it.
    fn from_str(line: &str) -> Result<Self, RecordError> {
        let mut words = line.split_ascii_whitespace();
        let mut next = || words.next();
        let (Some(name), Some(standing), Some(text)) = (next(), next(), next()) else {
            return Err(RecordError::Form);
        };
        let (made, preshared, None) = (next(), next(), next()) else { return Err(RecordError::Form) };
        let name = name.parse()?;
        let is_valid = is_valid(standing)?;
        if is_valid && made.is_none() {
            return Ok(Self::new(name, &text.parse()?, None));
        }
        let client = PublicKey::from_bytes(*key_of(&CLIENT_KEY, text)?);
        let made = made.map_or(Ok(None), parse_made)?;
        let standing = if is_valid {
            let preshared = preshared.map(|text| key_of(&PRESHARED_KEY, text)).transpose()?;
            Standing::Valid { preshared: preshared.map(|key| PresharedKey::from_bytes(&key)) }
        } else {
            // A key that is still there was on its way out.
            Standing::Revoked
        };
        Ok(Self { name, client, made, standing })
    }
}

/// The ticket in a line of the first form, which held the client's private key too.
pub fn whole_ticket(line: &str) -> Option<Ticket> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let (Some(standing), Some(text), None) = (words.next(), words.next(), words.next()) else { return None };
    is_valid(standing).is_ok_and(|valid| valid).then(|| text.parse().ok())?
}

/// Tells lists of tickets apart by the names in them, whose they are and which of them are valid; not secret.
pub fn digest(records: &[TicketRecord]) -> [u8; 32] {
    let mut text = String::new();
    for record in records {
        let standing = if record.is_valid() { VALID } else { REVOKED };
        let client = CLIENT_KEY.wrap(record.client.as_bytes());
        text.extend([record.name.as_str(), " ", standing, " ", &client, "\n"]);
    }
    mac::hash(&[mac::LABEL_TICKETS, text.as_bytes()])
}

/// Tells texts of rules apart, as [`digest`] does lists of tickets.
pub fn digest_of_rules(text: &str) -> [u8; 32] {
    mac::hash(&[mac::LABEL_RULES, text.as_bytes()])
}

fn is_valid(standing: &str) -> Result<bool, RecordError> {
    match standing {
        _ if standing == VALID.trim_end() => Ok(true),
        REVOKED => Ok(false),
        _ => Err(RecordError::Standing),
    }
}

fn key_of(envelope: &Envelope, text: &str) -> Result<Zeroizing<[u8; KEY_LEN]>, RecordError> {
    let bytes = envelope.unwrap(text, |_| Some(Length::Is(KEY_LEN)))?;
    let mut key = Zeroizing::new([0; KEY_LEN]);
    key.copy_from_slice(&bytes);
    Ok(key)
}

fn parse_made(text: &str) -> Result<Option<UnixSeconds>, RecordError> {
    if text == UNKNOWN {
        return Ok(None);
    }
    text.parse().map(|seconds| Some(UnixSeconds(seconds))).map_err(|_| RecordError::Made)
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
