//! What is wrong with a text, with an example of a right one.

use proto::destination::DestinationError;
use proto::target::TargetError;

use super::MAX_RANGE;
use crate::address::AddressError;

/// A forward is not written as it should be. The message names the option, the part that is wrong, and gives an example.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{option} {text}: {problem}; for example: {option} {}", example(option))]
pub struct SpellingError {
    option: &'static str,
    text: String,
    problem: Problem,
}

impl SpellingError {
    pub(super) fn new(option: &'static str, text: &str, problem: Problem) -> Self {
        Self { option, text: text.into(), problem }
    }
}

fn example(option: &str) -> &'static str {
    match option {
        "-R" => "8080:localhost:3000",
        "-D" => "1080",
        "-W" => "host.example:22",
        "--publish" => "files=localhost:8000",
        _ => "8080:web.example:80",
    }
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    /// A host or a port.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// What the other end is to dial.
    #[error("'{part}': {error}")]
    Target { part: String, error: TargetError },
    /// A name of a service, or a path.
    #[error("'{part}': {error}")]
    Destination { part: String, error: DestinationError },
    /// More or fewer parts than any form has.
    #[error(
        "it has {0} parts between colons, and none of the forms has (an IPv6 address stands in brackets)"
    )]
    Parts(usize),
    /// A host without a port.
    #[error("'{0}' is a host without a port")]
    NoPort(String),
    /// Ports that are no range.
    #[error("'{0}' is not a range of ports: FROM-TO, both from 1 to 65535, at most {MAX_RANGE} ports")]
    Range(String),
    /// Two ranges of different lengths.
    #[error("ports lead to ports one by one, and {0} cannot lead to {1}: make the ranges equally long")]
    Lengths(usize, usize),
    /// A range in a place that has one address.
    #[error(
        "a range of ports leads to a range of ports and to nothing else, and where one forward is meant there is one port"
    )]
    RangeToOne,
    /// Something behind a comma.
    #[error("'{0}' is no option: there are proxy-protocol=v1 and proxy-protocol=v2")]
    UnknownOption(String),
    /// The PROXY protocol where it cannot be.
    #[error("the header of the PROXY protocol goes before the streams of a listener to a given target only")]
    NoHeader,
    /// Datagrams where they cannot be.
    #[error("/udp cannot be here: {0}")]
    Udp(&'static str),
    /// A target where the clients choose it.
    #[error("the clients say where they want to go: write only where to listen, or use -L")]
    TargetOfDynamic,
    /// A name where this end dials.
    #[error(
        "'@{0}' is a published name, and what is carried here goes to HOST:PORT or a socket of this side"
    )]
    ServiceHere(String),
    /// Not `NAME=TARGET`.
    #[error("there is no '=': a name is published as NAME=HOST:PORT, NAME=PORT or NAME=/SOCKET")]
    NoEquals,
}
