//! How a link or a stream is called by people.

use std::fmt;
use std::str::FromStr;

/// A link, or a stream of one: `L3`, `L3/5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemId {
    /// The number of the link.
    pub link: u64,
    /// The id of the stream; `None`: the link itself.
    pub stream: Option<u64>,
}

/// What no link or stream is called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is neither a link (L3) nor a stream (L3/5)")]
pub struct NotAnItemId(String);

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { link, stream } = self;
        match stream {
            Some(stream) => f.pad(&format!("L{link}/{stream}")),
            None => f.pad(&format!("L{link}")),
        }
    }
}

impl FromStr for ItemId {
    type Err = NotAnItemId;

    fn from_str(text: &str) -> Result<Self, NotAnItemId> {
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse().ok()).flatten()
        };
        let parse = || {
            let text = text.strip_prefix(['L', 'l'])?;
            let (link, stream) = match text.split_once('/') {
                Some((link, stream)) => (link, Some(number(stream)?)),
                None => (text, None),
            };
            Some(Self { link: number(link)?, stream })
        };
        parse().ok_or_else(|| NotAnItemId(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for id in [ItemId { link: 3, stream: None }, ItemId { link: 12, stream: Some(5) }] {
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        assert_eq!("l3/5".parse(), Ok(ItemId { link: 3, stream: Some(5) }));
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in ["", "L", "3", "L3/", "L/5", "L3/5/7", "L+3", "L-1", "L99999999999999999999"] {
            assert!(text.parse::<ItemId>().is_err(), "{text}");
        }
    }
}
