//! Lists of names, as an owner writes them.

use std::fmt;
use std::str::FromStr;

use crate::overlay::{Name, NameError};

/// A name, or the beginning of names with `*` behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    Exactly(Name),
    Begins(String),
}

impl Pattern {
    pub(crate) fn matches(&self, name: &Name) -> bool {
        match self {
            Self::Exactly(exactly) => exactly == name,
            Self::Begins(beginning) => name.as_str().starts_with(beginning),
        }
    }
}

impl FromStr for Pattern {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.strip_suffix('*') {
            Some("") => Ok(Self::Begins(String::new())),
            Some(beginning) => beginning.parse::<Name>().map(|name| Self::Begins(name.into())),
            None => text.parse().map(Self::Exactly),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(name) => name.fmt(f),
            Self::Begins(beginning) => write!(f, "{beginning}*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_names_or_beginnings() {
        let matches =
            |pattern: &str, name: &str| pattern.parse::<Pattern>().unwrap().matches(&name.parse().unwrap());
        assert!(matches("*", "ann") && matches("an*", "ann") && matches("ann", "ann"));
        assert!(!matches("an", "ann") && !matches("bo*", "ann"));
        for text in ["", "Ann", "a b", "a*b", "**"] {
            assert!(text.parse::<Pattern>().is_err(), "{text}");
        }
    }
}
