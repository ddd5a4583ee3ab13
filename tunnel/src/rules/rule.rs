//! One rule.

use std::fmt;
use std::str::FromStr;

use proto::target::{Host, Target};

use super::asked::plain;
use super::error::{RuleError, RuleFault};
use super::glob::NameGlob;
use super::place::{HostPattern, Place};
use super::ports::Protocol;
use crate::visible::is_visible;

/// One thing that a ticket may do.
///
/// Its text is `dial:PLACE`, `listen:PLACE`, `publish:NAMES` or `use:NAMES`; equal rules have equal texts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Have the exit connect there.
    Dial(Place),
    /// Have the other end listen there.
    Listen(Place),
    /// Publish services of such names.
    Publish(NameGlob),
    /// Use services of such names.
    Use(NameGlob),
}

impl Rule {
    /// That a TCP target may be dialled, by the name or address it has there.
    pub fn dial(target: &Target) -> Self {
        let host = match target.host() {
            Host::Ip(ip) => HostPattern::Net((*ip).into()),
            // A name that is valid stays so without the dot of the root.
            Host::Name(name) => {
                HostPattern::Name(plain(name.as_str()).parse().unwrap_or_else(|_| name.clone()))
            }
        };
        Self::Dial(Place::Ports { host, ports: target.port().into(), protocol: Protocol::Tcp })
    }
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        read(text).map_err(|fault| RuleError { rule: text.into(), fault })
    }
}

fn read(text: &str) -> Result<Rule, RuleFault> {
    // What an operator is told to allow is what is then allowed.
    if text.contains(char::is_whitespace) || !is_visible(text) {
        return Err(RuleFault::Blank);
    }
    let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
    match kind {
        "dial" => Place::read(rest).map(Rule::Dial),
        "listen" => match Place::read(rest)? {
            Place::Target | Place::Ports { host: HostPattern::Target | HostPattern::Below(_), .. } => {
                Err(RuleFault::ListenHost(rest.into()))
            }
            place @ (Place::Ports { .. } | Place::Unix(_)) => Ok(Rule::Listen(place)),
        },
        "publish" => rest.parse().map(Rule::Publish),
        "use" => rest.parse().map(Rule::Use),
        _ => Err(RuleFault::Kind(kind.into())),
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dial(place) => write!(f, "dial:{place}"),
            Self::Listen(place) => write!(f, "listen:{place}"),
            Self::Publish(glob) => write!(f, "publish:{glob}"),
            Self::Use(glob) => write!(f, "use:{glob}"),
        }
    }
}
