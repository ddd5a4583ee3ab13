//! Tickets: one line of text that lets a proxy1 join a proxy2; and the texts of what proxy2 keeps about them.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::sealed::crypto::keys::{KEY_LEN, PresharedKey, PrivateKey, PublicKey};
use crate::sealed::crypto::random::Random;

mod base32;
mod envelope;
mod error;
pub mod place;
pub mod record;

use envelope::{Envelope, Length};
pub use error::TicketError;
use place::{Place, Places};

/// Specification: a ticket is `paso`, its version, and base32.
const TICKET: Envelope = Envelope { prefix: "paso", version: '1' };
/// proxy2's key file has the same form under another name, so that neither is taken for the other.
const SERVER_KEY: Envelope = Envelope { prefix: "pasokey", version: '1' };

/// Specification: the ticket holds a pre-shared key.
const FLAG_PRESHARED: u8 = 1;
/// Specification: the ticket says where proxy2 is.
const FLAG_PLACES: u8 = 2;
/// Most bytes of a ticket before its checksum: flags, length of the places, three keys, the places.
const MAX_LEN: usize = 1 + 1 + 3 * KEY_LEN + place::MAX_TEXT_LEN;

/// What lets a proxy1 join one proxy2: whom to trust, who to be, and perhaps where to go. A secret: erased on drop, never printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket {
    server_key: PublicKey,
    private: PrivateKey,
    preshared: Option<PresharedKey>,
    places: Places,
}

impl Ticket {
    /// A new identity for a client of the proxy2 with that public key, without places.
    pub fn generate(server_key: PublicKey, preshared: bool, random: &mut Random) -> Self {
        let private = PrivateKey::generate(random);
        let preshared = preshared.then(|| PresharedKey::generate(random));
        Self::new(server_key, private, preshared)
    }

    /// A ticket of its parts, without places.
    pub fn new(server_key: PublicKey, private: PrivateKey, preshared: Option<PresharedKey>) -> Self {
        Self { server_key, private, preshared, places: Places::default() }
    }

    /// The same ticket, with these places instead of those that it had.
    pub fn at(self, places: Places) -> Self {
        Self { places, ..self }
    }

    /// proxy2's public key.
    pub fn server_key(&self) -> &PublicKey {
        &self.server_key
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

    /// Where proxy2 is, in the order in which that is to be tried; none if the ticket does not say.
    pub fn places(&self) -> &[Place] {
        self.places.as_slice()
    }

    /// The ticket as one line of text without a line end.
    pub fn to_text(&self) -> Zeroizing<String> {
        let places = self.places.to_string();
        // Room from the start: a Vec that grows leaves copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_LEN));
        let preshared = if self.preshared.is_some() { FLAG_PRESHARED } else { 0 };
        bytes.push(preshared | if places.is_empty() { 0 } else { FLAG_PLACES });
        if !places.is_empty() {
            bytes.push(u8::try_from(places.len()).expect("`Places` has no more than fit"));
        }
        bytes.extend_from_slice(self.server_key.as_bytes());
        bytes.extend_from_slice(self.private.bytes());
        if let Some(preshared) = &self.preshared {
            bytes.extend_from_slice(preshared.bytes());
        }
        bytes.extend_from_slice(places.as_bytes());
        TICKET.wrap(&bytes)
    }
}

impl FromStr for Ticket {
    type Err = TicketError;

    /// Reads a ticket. Quotes and other signs around it do not matter, nor do blanks, line ends and characters that nobody sees, in it
    /// too, nor does upper or lower case.
    fn from_str(text: &str) -> Result<Self, TicketError> {
        let bytes = TICKET.unwrap(text, length).map_err(|error| {
            let is_key = [&SERVER_KEY, &record::CLIENT_KEY, &record::PRESHARED_KEY]
                .iter()
                .any(|kind| kind.begins(text));
            if is_key { TicketError::Key } else { error }
        })?;
        parse(&bytes).ok_or(TicketError::Unknown)
    }
}

/// How many bytes a ticket has before its checksum, as its first bytes tell.
fn length(bytes: &[u8]) -> Option<Length> {
    let Some((flags, rest)) = bytes.split_first() else { return Some(Length::ToldBy(1)) };
    if flags & !(FLAG_PRESHARED | FLAG_PLACES) != 0 {
        return None;
    }
    let preshared = if flags & FLAG_PRESHARED == 0 { 0 } else { KEY_LEN };
    let places = match rest.first() {
        _ if flags & FLAG_PLACES == 0 => 0,
        Some(len) => 1 + usize::from(*len),
        None => return Some(Length::ToldBy(2)),
    };
    Some(Length::Is(1 + 2 * KEY_LEN + preshared + places))
}

/// Reads a ticket of as many bytes as [`length`] tells.
fn parse(bytes: &[u8]) -> Option<Ticket> {
    let (flags, mut rest) = bytes.split_first()?;
    let has_places = flags & FLAG_PLACES != 0;
    if has_places {
        (_, rest) = rest.split_first()?;
    }
    let (server_key, rest) = rest.split_first_chunk()?;
    let (private, mut rest) = rest.split_first_chunk()?;
    let mut preshared = None;
    if flags & FLAG_PRESHARED != 0 {
        let (key, behind) = rest.split_first_chunk()?;
        (preshared, rest) = (Some(PresharedKey::from_bytes(key)), behind);
    }
    let ticket = Ticket::new(PublicKey::from_bytes(*server_key), PrivateKey::from_bytes(private), preshared);
    if has_places { Some(ticket.at(str::from_utf8(rest).ok()?.parse().ok()?)) } else { Some(ticket) }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("server_key", &self.server_key).finish_non_exhaustive()
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
    let bytes = SERVER_KEY.unwrap(text, |_| Some(Length::Is(KEY_LEN)))?;
    bytes.first_chunk().map(PrivateKey::from_bytes).ok_or(TicketError::Unknown)
}

#[cfg(test)]
mod tests;
