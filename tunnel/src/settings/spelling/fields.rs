//! The parts between the colons, and what stands behind them.

use super::MAX_RANGE;
use super::error::Problem;
use crate::address::{AddressError, parse_port};
use crate::settings::ProxyProtocol;

/// A text in its parts.
pub(super) struct Words<'a> {
    /// What stands between colons: one or more.
    pub(super) fields: Vec<Field<'a>>,
    /// It ends with `/udp`.
    pub(super) udp: bool,
    /// Its option.
    pub(super) proxy_protocol: Option<ProxyProtocol>,
}

/// What stands between two colons.
pub(super) enum Field<'a> {
    /// A host, an IPv6 address in its brackets, or a port or ports.
    Text(&'a str),
    /// The name behind an `@`.
    Service(&'a str),
    /// A path, with what was hidden by `\` as it is.
    Path(String),
}

/// Ports one after the other: 1 to [`MAX_RANGE`].
#[derive(Clone, Copy)]
pub(super) struct PortRange {
    first: u16,
    last: u16,
}

impl<'a> Words<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, Problem> {
        let (mut fields, mut rest) = (Vec::new(), Some(text));
        let mut options = None;
        while let Some(text) = rest {
            let (field, after) = Field::read(text)?;
            fields.push(field);
            rest = after.strip_prefix(':');
            options = after.strip_prefix(',');
        }
        let udp = match fields.last_mut() {
            Some(Field::Text(text) | Field::Service(text)) => match text.strip_suffix("/udp") {
                Some(before) => {
                    *text = before;
                    true
                }
                None => false,
            },
            // It may be the name of a socket.
            Some(Field::Path(_)) | None => false,
        };
        let proxy_protocol = options.map(proxy_protocol).transpose()?;
        if udp && proxy_protocol.is_some() {
            return Err(Problem::NoHeader);
        }
        Ok(Self { fields, udp, proxy_protocol })
    }
}

fn proxy_protocol(option: &str) -> Result<ProxyProtocol, Problem> {
    match option {
        "proxy-protocol=v1" => Ok(ProxyProtocol::V1),
        "proxy-protocol=v2" => Ok(ProxyProtocol::V2),
        other => Err(Problem::UnknownOption(other.into())),
    }
}

impl<'a> Field<'a> {
    /// The first field, and the text behind it: nothing, or from a `:` or `,` on.
    fn read(text: &'a str) -> Result<(Self, &'a str), Problem> {
        if text.starts_with('/') {
            return Ok(Self::read_path(text));
        }
        let inside = if text.starts_with('[') { text.find(']').unwrap_or(0) } else { 0 };
        let end = text[inside..].find([':', ',']).map_or(text.len(), |end| inside + end);
        let (field, after) = text.split_at(end);
        let is_bracketed = inside > 0 && inside + 1 == end;
        if field.contains(['[', ']']) && !is_bracketed {
            return Err(AddressError::Brackets(field.into()).into());
        }
        Ok((field.strip_prefix('@').map_or(Self::Text(field), Self::Service), after))
    }

    fn read_path(text: &'a str) -> (Self, &'a str) {
        let mut path = String::new();
        let mut chars = text.char_indices();
        while let Some((at, char)) = chars.next() {
            match char {
                ':' | ',' => return (Self::Path(path), &text[at..]),
                '\\' => path.extend(chars.next().map(|(_, hidden)| hidden)),
                char => path.push(char),
            }
        }
        (Self::Path(path), "")
    }
}

impl PortRange {
    /// Where to listen; a port alone may be 0, any free one.
    pub(super) fn any(text: &str) -> Result<Self, Problem> {
        match text {
            "0" => Ok(Self { first: 0, last: 0 }),
            text if text.contains('-') => Self::range(text),
            text => {
                let port = parse_port(text).map_err(|_| AddressError::Port(text.into()))?;
                Ok(Self { first: port, last: port })
            }
        }
    }

    /// What is dialled.
    pub(super) fn reachable(text: &str) -> Result<Self, Problem> {
        if text.contains('-') {
            return Self::range(text);
        }
        let port = parse_port(text)?;
        Ok(Self { first: port, last: port })
    }

    fn range(text: &str) -> Result<Self, Problem> {
        let wrong = || Problem::Range(text.into());
        let (first, last) = text.split_once('-').ok_or_else(wrong)?;
        let [Ok(first), Ok(last)] = [parse_port(first), parse_port(last)] else { return Err(wrong()) };
        let range = Self { first, last };
        if first <= last && range.len() <= MAX_RANGE { Ok(range) } else { Err(wrong()) }
    }

    pub(super) fn len(self) -> usize {
        usize::from(self.last.saturating_sub(self.first)) + 1
    }

    pub(super) const fn first(self) -> u16 {
        self.first
    }

    pub(super) fn ports(self) -> impl Iterator<Item = u16> {
        self.first..=self.last
    }

    /// Each by itself.
    pub(super) fn each(self) -> impl Iterator<Item = Self> {
        self.ports().map(|port| Self { first: port, last: port })
    }
}
