//! Patterns of the names of services.

use std::fmt;
use std::str::FromStr;

use proto::destination::MAX_NAME_LEN;

use super::error::RuleFault;

/// A pattern of names: `*` is any number of characters, `?` is one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameGlob(String);

impl NameGlob {
    /// The pattern.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a name, in lower case, has this form.
    pub fn matches(&self, name: &str) -> bool {
        let (pattern, name) = (self.0.as_bytes(), name.as_bytes());
        let (mut at, mut seen) = (0, 0);
        // Where to go on when what follows a star does not match: behind the star, with one character more for it.
        let mut again = None;
        while seen < name.len() {
            match pattern.get(at) {
                Some(b'*') => {
                    again = Some((at + 1, seen));
                    at += 1;
                }
                Some(byte) if *byte == b'?' || name.get(seen) == Some(byte) => {
                    at += 1;
                    seen += 1;
                }
                _ => {
                    let Some((behind, from)) = again else { return false };
                    again = Some((behind, from + 1));
                    (at, seen) = (behind, from + 1);
                }
            }
        }
        pattern.iter().skip(at).all(|byte| *byte == b'*')
    }

    /// What each name of this form begins with.
    pub(crate) fn literal_prefix(&self) -> &str {
        self.0.split(['*', '?']).next().unwrap_or_default()
    }

    /// Whether only one name has this form.
    pub(super) fn is_one(&self) -> bool {
        !self.0.contains(['*', '?'])
    }
}

impl FromStr for NameGlob {
    type Err = RuleFault;

    fn from_str(text: &str) -> Result<Self, RuleFault> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.*?".contains(&byte);
        if text.is_empty() || text.len() > MAX_NAME_LEN || !text.bytes().all(allowed) {
            return Err(RuleFault::Glob(text.into()));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for NameGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
