//! What is asked and answered at a control socket: one line of JSON each. `docs/control.md` describes it.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use tunnel::view::SessionView;

/// The version of these lines. Fields may be added without another one.
pub(crate) const VERSION: u32 = 1;

/// The longest line that is asked with, in bytes with its end.
#[cfg(unix)]
pub(crate) const LONGEST_REQUEST: u64 = 4_096;

/// A line that asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Request {
    /// The version of the line; missing: the first.
    #[serde(default = "first")]
    pub(crate) v: u32,
    /// What is asked for.
    #[serde(flatten)]
    pub(crate) command: Command,
}

const fn first() -> u32 {
    VERSION
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cmd", rename_all = "kebab-case")]
pub(crate) enum Command {
    /// What the proxy shows of itself.
    Status {
        /// Its streams too.
        #[serde(default)]
        streams: bool,
    },
    /// Reset a stream or all streams of a link.
    Close {
        /// `L3/5`, `L3`.
        id: String,
    },
    /// Read tickets, names and the configuration file again, as after SIGHUP.
    Reload,
    /// Accept nothing new, and end when the last stream has.
    Drain {
        /// Or after so many seconds.
        #[serde(default)]
        seconds: Option<u64>,
    },
    /// Which program this is.
    Version,
    /// Start the installed program again, which takes over.
    Restart,
    /// What could be taken over.
    TakeOver,
    /// Pass the sockets that were offered on this connection; what follows is no line any more.
    Take,
}

/// What a proxy2 hands over to one that wants to take over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Offer {
    /// The version of all that follows.
    pub(crate) wire: u32,
    /// The addresses of its UDP sockets.
    pub(crate) udp: Vec<SocketAddr>,
    /// How many sockets it passes, its own listeners among them.
    pub(crate) sockets: usize,
    /// The process that has taken over already.
    pub(crate) successor: Option<u32>,
    /// Why it does not hand over now.
    pub(crate) why_not: Option<String>,
}

/// A line that answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// The version of the line.
    pub(crate) v: u32,
    /// What came of it.
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// What the proxy shows.
    Status(Box<SessionView>),
    /// Done, in words for people.
    Done(String),
    /// The version of the program.
    Version(String),
    /// What it hands over.
    Offer(Offer),
    /// Not done, and why.
    Error(String),
}

impl From<Command> for Request {
    fn from(command: Command) -> Self {
        Self { v: VERSION, command }
    }
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Self {
        Self { v: VERSION, outcome }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_as_the_page_says() {
        let read = |text: &str| serde_json::from_str::<Request>(text).map(|request| request.command).ok();
        assert_eq!(read(r#"{"cmd":"status","streams":true}"#), Some(Command::Status { streams: true }));
        assert_eq!(read(r#"{"v":1,"cmd":"status"}"#), Some(Command::Status { streams: false }));
        assert_eq!(read(r#"{"cmd":"close","id":"L3/5"}"#), Some(Command::Close { id: "L3/5".into() }));
        assert_eq!(read(r#"{"cmd":"drain","seconds":30}"#), Some(Command::Drain { seconds: Some(30) }));
        assert_eq!(read(r#"{"cmd":"drain"}"#), Some(Command::Drain { seconds: None }));
        assert_eq!(read(r#"{"cmd":"reload"}"#), Some(Command::Reload));
        assert_eq!(read(r#"{"cmd":"restart"}"#), Some(Command::Restart));
        assert_eq!(read(r#"{"cmd":"take-over"}"#), Some(Command::TakeOver));
        assert_eq!(read(r#"{"cmd":"take"}"#), Some(Command::Take));
        for wrong in ["", "{}", "[]", r#"{"cmd":"close"}"#, r#"{"cmd":"explode"}"#] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_answered_is_read_again() {
        let outcomes = [
            Outcome::Status(Box::default()),
            Outcome::Done("closed".into()),
            Outcome::Version("1".into()),
            Outcome::Offer(Offer { udp: vec!["[::1]:5".parse().unwrap()], ..Offer::default() }),
            Outcome::Error("no".into()),
        ];
        for outcome in outcomes {
            let answer = Answer::from(outcome);
            let text = serde_json::to_string(&answer).unwrap_or_default();
            assert_eq!(serde_json::from_str::<Answer>(&text).ok(), Some(answer), "{text}");
        }
    }
}
