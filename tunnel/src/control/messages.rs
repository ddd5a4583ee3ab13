//! What the lines of a control stream say. This is the one place that knows their JSON.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::local::access::Access;
use crate::local::grant::Grant;

/// The number of a request, which its answer repeats.
pub(crate) type RequestNumber = u32;
/// The number of a registration, which the end that registers has given it.
pub(crate) type RegistrationId = u32;

/// A line of the end that asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Request {
    /// Its number.
    pub(crate) n: RequestNumber,
    /// What is asked for.
    #[serde(flatten)]
    pub(crate) what: Asked,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
pub(crate) enum Asked {
    /// Take clients at an address or a Unix socket.
    Listen {
        /// For which registration.
        id: RegistrationId,
        /// `ADDR:PORT`, `ADDR:PORT/udp` or `unix/PATH`.
        at: String,
    },
    /// Stop that.
    Unlisten {
        /// Which registration.
        id: RegistrationId,
    },
    /// Take clients under a name.
    Publish {
        /// For which registration.
        id: RegistrationId,
        /// The name.
        name: String,
        /// Whether it takes datagrams.
        #[serde(default, skip_serializing_if = "is_false")]
        udp: bool,
    },
    /// Stop that.
    Unpublish {
        /// Which registration.
        id: RegistrationId,
    },
    /// Tell the names of this form.
    Find {
        /// The form.
        glob: String,
    },
    /// Tell of each name of this form that appears or goes from now on.
    Watch {
        /// The form.
        glob: String,
    },
    /// Stop that.
    Unwatch {
        /// The number of the request to watch.
        watch: RequestNumber,
    },
    /// Tell the name of the ticket, and its rules.
    WhoAmI,
    /// Tell why a stream to this destination is forbidden.
    Why {
        /// The text of the destination.
        destination: String,
    },
    /// Something that this version does not know.
    #[serde(other, skip_serializing)]
    Unknown,
}

/// A line of the end that answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Reply {
    /// Something has happened.
    Event(Event),
    /// The answer to a request, or a part of it.
    Answer(Answer),
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// Its number; none if the line was none of a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) n: Option<RequestNumber>,
    /// The answer.
    #[serde(flatten)]
    pub(crate) body: Body,
}

/// What an answer says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Body {
    /// It cannot be.
    Error(Refused),
    /// Names that were found.
    Names {
        /// Each once, in order.
        names: Vec<FoundName>,
        /// There are more, in the next answer to the same request.
        #[serde(default, skip_serializing_if = "is_false")]
        more: bool,
    },
    /// Who asks.
    Identity {
        /// The name of the ticket.
        ticket: String,
        /// Its rules.
        rules: Vec<String>,
        /// There are more, in the next answer to the same request.
        #[serde(default, skip_serializing_if = "is_false")]
        more: bool,
    },
    /// Where clients are taken.
    Bound {
        /// The address with its port, or the path, as in the request.
        at: String,
    },
    /// Why something is forbidden.
    Because {
        /// A sentence for the user.
        sentence: String,
    },
    /// It is done.
    Done {},
}

/// What cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
#[error("{sentence}")]
pub(crate) struct Refused {
    /// In a word.
    pub(crate) error: RefusedCode,
    /// For the user: what was wrong and what to do.
    pub(crate) sentence: String,
}

/// Why something cannot be, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RefusedCode {
    /// The rules of the ticket do not allow it.
    Forbidden,
    /// The address or the number is taken.
    Taken,
    /// The ticket, or proxy2, has as many as it may have.
    Limit,
    /// The system, or a name service, says no.
    Failed,
    /// The request cannot be understood.
    Malformed,
    /// This proxy2 cannot do that.
    Unsupported,
    /// There is no such registration, or watch.
    Absent,
    /// Another process of the same ticket has it now.
    Moved,
    /// Another word.
    #[serde(other)]
    Other,
}

/// Something that has happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(crate) enum Event {
    /// A registration is gone.
    Lost {
        /// Which.
        id: RegistrationId,
        /// Why.
        #[serde(flatten)]
        why: Refused,
    },
    /// A name has one more publisher.
    Appeared {
        /// The number of the request to watch.
        watch: RequestNumber,
        /// The name.
        #[serde(flatten)]
        found: FoundName,
    },
    /// A name has one publisher less.
    Gone {
        /// The number of the request to watch.
        watch: RequestNumber,
        /// The name, and what it has left.
        #[serde(flatten)]
        found: FoundName,
    },
    /// There were more events than were read: nothing more is watched under this number.
    Overrun {
        /// The number of the request to watch.
        watch: RequestNumber,
    },
    /// Something that this version does not know.
    #[serde(other, skip_serializing)]
    Unknown,
}

/// A name, and who publishes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FoundName {
    /// The name.
    pub(crate) name: String,
    /// Whether it takes datagrams.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) udp: bool,
    /// How many publish it.
    pub(crate) publishers: usize,
    /// Their tickets, each once; proxy2 itself has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tickets: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// A line that is none of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// The number of the request, if it has one.
    pub(crate) n: Option<RequestNumber>,
    /// What is wrong with it.
    pub(crate) why: String,
}

impl Request {
    /// Reads a line.
    ///
    /// # Errors
    /// [`Malformed`].
    pub(crate) fn from_line(line: &[u8]) -> Result<Self, Malformed> {
        /// What is read even of a line of which nothing else is.
        #[derive(Deserialize)]
        struct Numbered {
            n: RequestNumber,
        }
        serde_json::from_slice(line).map_err(|error| Malformed {
            n: serde_json::from_slice(line).ok().map(|Numbered { n }| n),
            why: error.to_string(),
        })
    }
}

impl Reply {
    /// Reads a line; `None`: it is none of a reply.
    pub(crate) fn from_line(line: &[u8]) -> Option<Self> {
        /// What long lists come in. Read as one of all replies, it would be copied for each kind that it might be.
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Names {
            n: RequestNumber,
            names: Vec<FoundName>,
            #[serde(default)]
            more: bool,
        }
        match serde_json::from_slice(line) {
            Ok(Names { n, names, more }) => {
                Some(Self::Answer(Answer { n: Some(n), body: Body::Names { names, more } }))
            }
            Err(_) => serde_json::from_slice(line).ok(),
        }
    }
}

impl Refused {
    /// That something cannot be, and why.
    pub(crate) fn new(error: RefusedCode, sentence: impl Into<String>) -> Self {
        Self { error, sentence: sentence.into() }
    }

    /// That the rules do not allow it.
    pub(crate) fn forbidden(grant: &Grant, access: &Access) -> Self {
        Self::new(RefusedCode::Forbidden, grant.explain(access))
    }
}

/// Writes a message as a line, with its end.
pub(crate) fn write_line(message: &impl Serialize, line: &mut Vec<u8>) {
    serde_json::to_writer(&mut *line, message).expect("these types can all be written");
    line.push(b'\n');
}

#[cfg(test)]
mod tests;
