//! The proxy2 that operators look at and steer: asked by the lines of its control socket (`docs/control.md`), which is only for
//! programs of the same user on the same machine. The console lets those in whose tickets its options name.

#[cfg_attr(unix, path = "proxy/socket_unix.rs")]
#[cfg_attr(not(unix), path = "proxy/socket_other.rs")]
mod socket;
mod view;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use self::view::View;
use crate::commands::{Command, Verb};

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// What it carries: its links, or the streams of one.
    Status(Option<u64>),
    /// Reset a stream, or those of a link: `L3/5`, `L3`.
    Close(String),
    /// Read its files again.
    Reload,
    /// Accept nothing new, and end; after so many seconds at the latest.
    Drain(Option<u64>),
}

/// Where the proxy2 is asked.
#[derive(Clone, Debug)]
pub struct Proxy {
    at: PathBuf,
}

impl Request {
    /// What a command with these words asks for. `None`: they are not what its usage says.
    pub(crate) fn of_command(command: &Command, rest: &str) -> Option<Self> {
        match command.verb {
            Verb::Status if rest.is_empty() => Some(Self::Status(None)),
            Verb::Status => Some(Self::Status(Some(link_number(rest)?))),
            Verb::Close => {
                let (link, stream) = rest.split_once('/').map_or((rest, None), |(a, b)| (a, Some(b)));
                let is_id = link_number(link).is_some() && stream.is_none_or(|id| id.parse::<u64>().is_ok());
                is_id.then(|| Self::Close(rest.to_uppercase()))
            }
            Verb::Reload => Some(Self::Reload),
            Verb::Drain if rest.is_empty() => Some(Self::Drain(None)),
            Verb::Drain => Some(Self::Drain(Some(rest.parse().ok()?))),
            Verb::Help
            | Verb::WhoAmI
            | Verb::Who
            | Verb::Say
            | Verb::Tell
            | Verb::Time
            | Verb::Authors
            | Verb::Stats
            | Verb::Version
            | Verb::Shell
            | Verb::Quit
            | Verb::Kick => None,
        }
    }

    /// The line with which it is asked.
    fn line(&self) -> Vec<u8> {
        let asked = match self {
            Self::Status(link) => Asked::Status { streams: link.is_some() },
            Self::Close(id) => Asked::Close { id },
            Self::Reload => Asked::Reload,
            Self::Drain(seconds) => Asked::Drain { seconds: *seconds },
        };
        let mut line = serde_json::to_vec(&asked).expect("texts and numbers can all be written");
        line.push(b'\n');
        line
    }

    /// The link whose streams are asked for.
    const fn link(&self) -> Option<u64> {
        if let Self::Status(link) = self { *link } else { None }
    }

    /// What the answer means, in lines.
    ///
    /// # Errors
    /// It is no answer, or proxy2 says no.
    fn read(&self, line: &[u8]) -> Result<String, String> {
        let said: Said =
            serde_json::from_slice(line).map_err(|_| String::from("proxy2's answer is not understood"))?;
        match said {
            Said { error: Some(why), .. } => Err(paso::visible(&why).into_owned()),
            Said { done: Some(done), .. } => Ok(format!("{}\n", paso::visible(&done))),
            Said { status: Some(view), .. } => match self.link() {
                Some(link) => view.streams(link),
                None => Ok(view.links()),
            },
            Said { .. } => Err("proxy2's answer is not understood".into()),
        }
    }
}

/// `L3` is 3.
fn link_number(text: &str) -> Option<u64> {
    text.strip_prefix(['L', 'l'])?.parse().ok()
}

/// A line that asks.
#[derive(Serialize)]
#[serde(tag = "cmd", rename_all = "lowercase")]
enum Asked<'a> {
    Status {
        streams: bool,
    },
    Close {
        id: &'a str,
    },
    Reload,
    Drain {
        #[serde(skip_serializing_if = "Option::is_none")]
        seconds: Option<u64>,
    },
}

/// A line that answers. One of these is there.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Said {
    status: Option<View>,
    done: Option<String>,
    error: Option<String>,
}

impl Proxy {
    /// The one that answers at this Unix socket, or the only proxy2 whose socket is in this folder.
    pub const fn new(at: PathBuf) -> Self {
        Self { at }
    }

    /// Asks it; its answer, in lines.
    ///
    /// # Errors
    /// It cannot be asked, or says no: in a sentence.
    pub async fn ask(&self, request: &Request) -> Result<String, String> {
        let line = socket::exchange(&self.at, &request.line()).await?;
        request.read(&line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(line: &str) -> Option<Request> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        Request::of_command(Command::named(word)?, rest)
    }

    #[test]
    fn commands_become_the_lines_of_the_page() {
        for (line, json) in [
            ("status", r#"{"cmd":"status","streams":false}"#),
            ("status L3", r#"{"cmd":"status","streams":true}"#),
            ("close l3/5", r#"{"cmd":"close","id":"L3/5"}"#),
            ("reload", r#"{"cmd":"reload"}"#),
            ("drain", r#"{"cmd":"drain"}"#),
            ("drain 60", r#"{"cmd":"drain","seconds":60}"#),
        ] {
            let text = String::from_utf8(request(line).unwrap().line()).unwrap();
            assert_eq!(text, format!("{json}\n"), "{line}");
        }
        for wrong in ["status 3", "close 3", "close L", "close L3/x", "close \"L3\"", "drain soon", "who"] {
            assert_eq!(request(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_it_says_is_read_and_shown_without_control_characters() {
        let read = |text: &str| Request::Reload.read(text.as_bytes());
        assert_eq!(read(r#"{"v":1,"done":"read again"}"#), Ok("read again\n".into()));
        assert_eq!(read(r#"{"v":1,"error":"no \u001b[2J"}"#), Err("no ?[2J".into()));
        for wrong in ["", "[]", "{}", "{\"v\":1}", "\u{1b}"] {
            assert!(read(wrong).is_err_and(|why| why.contains("not understood")), "{wrong}");
        }
    }
}
