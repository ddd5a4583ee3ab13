//! Lines there and back over a stream, until one end has enough.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::time::Duration;

use common::lines::{Line, Splitter};
use paso::visible;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::commands::{Command, Verb};
use crate::{BEAT, BEATS_EVERY};

/// The longest line of a server that is shown, in bytes.
const LONGEST: usize = 16 << 10;
/// When nothing has come from the server for so long, its user is told: three beats were not answered.
const SILENT: Duration = Duration::from_secs(3 * BEATS_EVERY.as_secs());
/// How long the server may take for its last words, when a signal asks for the end.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What the user does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A line.
    Line(String),
    /// Something that cannot be sent; why, for the user.
    Fault(String),
}

/// How a session has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Who wanted that.
    pub by: By,
    /// How many lines were answered by an error.
    pub errors: u64,
}

/// Who has ended a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The user: with `quit`, by the end of the input, or by a signal.
    Us,
    /// The server.
    Server,
    /// Whoever has read the output reads it no more.
    Output,
}

/// What of the server's lines is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// All.
    All,
    /// Neither its greeting, which ends where it answers the first beat, nor its good bye.
    Answers,
}

/// What answers begin with that say what was wrong.
const ERROR: &str = "error: ";
/// The last line of a server to who has asked for the end.
const GOOD_BYE: &str = "* good bye";

/// Sends the lines of `input` and gives `output` those that come, as they may be shown. The end of the input, and `stop`, end the session as
/// `quit` does.
///
/// # Errors
/// The stream is reset, or nothing has come for `patience`.
pub async fn converse(
    stream: impl AsyncRead + AsyncWrite + Send,
    input: mpsc::Receiver<Input>,
    (output, shows): (mpsc::Sender<String>, Shown),
    patience: Duration,
    stop: impl Future<Output = ()> + Send,
) -> io::Result<Ended> {
    let (from, to) = split(stream);
    let talk = Talk {
        input: Some(input),
        sending: format!("{BEAT}\n").into_bytes(),
        arrived: Splitter::new(LONGEST),
        shown: VecDeque::new(),
        shows,
        is_greeted: false,
        errors: 0,
        has_quit: false,
        heard: Instant::now(),
        is_silent: false,
        stop_by: None,
    };
    talk.run(from, to, output, patience, stop).await
}

struct Talk {
    /// None when it has ended.
    input: Option<mpsc::Receiver<Input>>,
    /// Bytes on their way to the server.
    sending: Vec<u8>,
    arrived: Splitter,
    /// Lines on their way to the user.
    shown: VecDeque<String>,
    shows: Shown,
    /// The server has answered a beat.
    is_greeted: bool,
    errors: u64,
    has_quit: bool,
    heard: Instant,
    /// The user was told that the server is silent.
    is_silent: bool,
    /// When a signal is obeyed in any case.
    stop_by: Option<Instant>,
}

impl Talk {
    async fn run(
        mut self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
        output: mpsc::Sender<String>,
        patience: Duration,
        stop: impl Future<Output = ()>,
    ) -> io::Result<Ended> {
        let mut stop = std::pin::pin!(stop);
        let mut beat = interval(BEATS_EVERY);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut buffer = [0; 4_096];
        let (mut has_ended, mut has_shut) = (false, false);
        loop {
            if has_ended && self.shown.is_empty() {
                // In order on both sides, whoever was first.
                let _ = to.shutdown().await;
                return Ok(self.ended());
            }
            if self.input.is_none() && self.sending.is_empty() && !has_shut {
                has_shut = true;
                // If it is gone, reading says so.
                let _ = to.shutdown().await;
            }
            let next_look = self.next_look(patience);
            tokio::select! {
                permit = output.reserve(), if !self.shown.is_empty() => match permit {
                    Ok(permit) => permit.send(self.shown.pop_front().unwrap_or_default()),
                    Err(_) => return Ok(Ended { by: By::Output, errors: self.errors }),
                },
                read = from.read(&mut buffer), if self.shown.is_empty() && !has_ended => {
                    let count = read.map_err(|error| named(&error))?;
                    has_ended = count == 0;
                    self.arrive(buffer.get(..count).unwrap_or_default());
                }
                written = to.write(&self.sending), if !self.sending.is_empty() => match written {
                    Ok(count) => drop(self.sending.drain(..count)),
                    // What the server has said before it went is still to be read.
                    Err(_) => self.stop_sending(),
                },
                line = next(&mut self.input), if self.sending.is_empty() => self.send(line),
                _ = beat.tick(), if !has_shut && !has_ended => self.beat(),
                () = &mut stop, if self.stop_by.is_none() => {
                    self.input = None;
                    self.has_quit = true;
                    self.stop_by = Some(Instant::now() + LAST_WORDS);
                }
                () = sleep_until(next_look), if !has_ended => self.look(patience)?,
            }
            if self.stop_by.is_some_and(|by| by <= Instant::now()) {
                return Ok(self.ended());
            }
        }
    }

    fn ended(&self) -> Ended {
        Ended { by: if self.has_quit { By::Us } else { By::Server }, errors: self.errors }
    }

    /// Bytes have come, or the end.
    fn arrive(&mut self, bytes: &[u8]) {
        self.heard = Instant::now();
        if std::mem::take(&mut self.is_silent) {
            self.shown.push_back("* the server is heard again".into());
        }
        self.arrived.push(bytes);
        while let Some(line) = self.arrived.next_line() {
            self.show(line);
        }
        if bytes.is_empty()
            && let Some(line) = self.arrived.last_line()
        {
            self.show(line);
        }
    }

    fn show(&mut self, line: Line) {
        match line {
            Line::Text(text) if text == BEAT => self.is_greeted = true,
            Line::Text(text) if self.shows == Shown::Answers && (!self.is_greeted || text == GOOD_BYE) => {
                // Who finds no room is not greeted.
                if text.starts_with(ERROR) {
                    self.errors += 1;
                    self.shown.push_back(visible(&text).into_owned());
                }
            }
            Line::Text(text) => {
                self.errors += u64::from(text.starts_with(ERROR));
                // It is a stranger's, for all we know.
                self.shown.push_back(visible(&text).into_owned());
            }
            Line::NotText => self.shown.push_back("* the server has sent something that is no text".into()),
            Line::TooLong(_) => self.shown.push_back("* the server has sent a line that is too long".into()),
        }
    }

    /// The user has said something, or nothing more comes.
    fn send(&mut self, line: Option<Input>) {
        match line {
            Some(Input::Line(line)) => {
                let word = line.split_whitespace().next().unwrap_or_default();
                self.has_quit |= Command::named(word).is_some_and(|command| command.verb == Verb::Quit);
                self.sending = line.into_bytes();
                self.sending.push(b'\n');
            }
            Some(Input::Fault(why)) => {
                self.errors += 1;
                self.shown.push_back(format!("error: {why}"));
            }
            None => {
                self.input = None;
                self.has_quit = true;
            }
        }
    }

    fn stop_sending(&mut self) {
        self.sending.clear();
        self.input = None;
    }

    /// What waits to be sent says as much.
    fn beat(&mut self) {
        if self.sending.is_empty() && self.input.is_some() {
            self.sending = format!("{BEAT}\n").into_bytes();
        }
    }

    fn next_look(&self, patience: Duration) -> Instant {
        let look = self.heard + if self.is_silent { patience } else { SILENT.min(patience) };
        self.stop_by.map_or(look, |by| by.min(look))
    }

    /// Whether the server is silent.
    fn look(&mut self, patience: Duration) -> io::Result<()> {
        // Who reads the output has stopped, so nothing is read here either.
        if !self.shown.is_empty() {
            self.heard = Instant::now();
        }
        let silent = self.heard.elapsed();
        if silent >= patience {
            let why = format!("the server has not been heard for {} s", silent.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, why));
        }
        if silent >= SILENT && !std::mem::replace(&mut self.is_silent, true) {
            let line = format!("* the server has not been heard for {} s; waiting on", silent.as_secs());
            self.shown.push_back(line);
        }
        Ok(())
    }
}

async fn next(input: &mut Option<mpsc::Receiver<Input>>) -> Option<Input> {
    match input {
        Some(input) => input.recv().await,
        None => std::future::pending().await,
    }
}

/// What a reset means here.
fn named(error: &io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::ConnectionReset {
        return io::Error::new(
            error.kind(),
            "the session was cut off: the server is gone, or proxy2 was restarted",
        );
    }
    io::Error::new(error.kind(), error.to_string())
}

#[cfg(test)]
mod tests;
