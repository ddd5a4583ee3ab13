//! Lines of bounded length, out of whatever bytes come.

use std::io::{self, Read};
use std::thread;

use tokio::sync::mpsc;

/// The longest command line that is read from a terminal, a pipe or a file, in bytes: as much as a terminal gives at a time.
pub const LONGEST: usize = 4_096;

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A text, without its end.
    Text(String),
    /// Bytes that are no text.
    NotText,
    /// More bytes than the most that a line may have. What follows up to its end is passed over.
    TooLong(usize),
}

impl Line {
    /// Its text.
    ///
    /// # Errors
    /// It is none, or too long: a sentence for who wrote it, who is told which line it is.
    pub fn text(self, number: u64) -> Result<String, String> {
        match self {
            Self::Text(text) => Ok(text),
            Self::NotText => Err(format!("line {number} is no text (UTF-8): it was passed over")),
            Self::TooLong(most) => {
                Err(format!("line {number} is longer than {most} bytes: it was passed over"))
            }
        }
    }
}

/// Cuts a stream of bytes into lines. It holds no more than a line may have, and what was pushed last.
#[derive(Debug)]
pub struct Splitter {
    bytes: Vec<u8>,
    most: usize,
    /// The line that goes on was too long.
    skips: bool,
}

impl Splitter {
    /// Lines of at most so many bytes.
    pub const fn new(most: usize) -> Self {
        Self { bytes: Vec::new(), most, skips: false }
    }

    /// Bytes have come. [`next`](Self::next_line) is to be called until there is none, before more are pushed.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next line.
    pub fn next_line(&mut self) -> Option<Line> {
        loop {
            let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') else {
                return self.without_end();
            };
            let mut line: Vec<u8> = self.bytes.drain(..=end).collect();
            if std::mem::take(&mut self.skips) {
                continue;
            }
            line.pop();
            return Some(self.read(line));
        }
    }

    /// What stands behind the last line end, when nothing comes any more.
    pub fn last_line(&mut self) -> Option<Line> {
        let line = std::mem::take(&mut self.bytes);
        (!self.skips && !line.is_empty()).then(|| self.read(line))
    }

    fn without_end(&mut self) -> Option<Line> {
        if self.skips {
            self.bytes.clear();
        }
        // The end of a line may come in two pieces.
        (without_return(&self.bytes).len() > self.most).then(|| {
            self.bytes.clear();
            self.skips = true;
            Line::TooLong(self.most)
        })
    }

    fn read(&self, mut line: Vec<u8>) -> Line {
        line.truncate(without_return(&line).len());
        if line.len() > self.most {
            return Line::TooLong(self.most);
        }
        String::from_utf8(line).map_or(Line::NotText, Line::Text)
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Lines that are read on a thread of their own: a terminal may be silent for a day.
#[derive(Debug)]
pub struct Lines {
    from: mpsc::Receiver<io::Result<Line>>,
    number: u64,
}

impl Lines {
    /// Starts to read lines of at most [`LONGEST`] bytes.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn read(from: impl Read + Send + 'static) -> io::Result<Self> {
        let (sender, lines) = mpsc::channel(1);
        let give = move |line| sender.blocking_send(line).is_ok();
        thread::Builder::new().name("lines".into()).spawn(move || each(from, give))?;
        Ok(Self { from: lines, number: 0 })
    }

    /// The text of the next line, or the sentence about one that has none; `None` at the end. Cancel safe.
    ///
    /// # Errors
    /// It cannot be read: nothing more comes.
    pub async fn next(&mut self) -> io::Result<Option<Result<String, String>>> {
        let Some(line) = self.from.recv().await.transpose()? else { return Ok(None) };
        self.number += 1;
        Ok(Some(line.text(self.number)))
    }
}

/// Reads lines as [`Lines`] does, on this thread, for as long as they are taken. Nothing more comes behind an error.
pub fn each(mut from: impl Read, mut take: impl FnMut(io::Result<Line>) -> bool) {
    let mut splitter = Splitter::new(LONGEST);
    let mut buffer = [0; 4_096];
    loop {
        let count = match from.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                take(Err(error));
                return;
            }
        };
        splitter.push(buffer.get(..count).unwrap_or_default());
        while let Some(line) = splitter.next_line() {
            if !take(Ok(line)) {
                return;
            }
        }
        if count == 0 {
            splitter.last_line().map(|line| take(Ok(line)));
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(line: &str) -> Line {
        Line::Text(line.into())
    }

    fn lines(pieces: &[&[u8]]) -> Vec<Line> {
        let mut splitter = Splitter::new(8);
        let mut lines = Vec::new();
        for piece in pieces {
            splitter.push(piece);
            lines.extend(std::iter::from_fn(|| splitter.next_line()));
            assert!(splitter.bytes.len() <= 9);
        }
        lines.extend(splitter.last_line());
        lines
    }

    #[test]
    fn lines_are_the_same_however_they_come() {
        let all = b"who\r\n\nsay a\n\xff\xfe\nlast";
        let expected = [text("who"), text(""), text("say a"), Line::NotText, text("last")];
        assert_eq!(lines(&[all]), expected);
        assert_eq!(lines(&all.chunks(1).collect::<Vec<_>>()), expected);
    }

    #[test]
    fn a_line_that_is_too_long_is_one_fault_and_the_next_is_read() {
        let expected = [Line::TooLong(8), text("who")];
        assert_eq!(lines(&[b"123456789\nwho\n"]), expected);
        assert_eq!(lines(&[b"123456789", b"123456789123456789", b"x\nwho\n"]), expected);
        for longest in [&b"12345678\n"[..], b"12345678\r\n"] {
            assert_eq!(lines(&[longest]), [text("12345678")]);
            assert_eq!(lines(&longest.chunks(1).collect::<Vec<_>>()), [text("12345678")]);
        }
        assert_eq!(lines(&[b"123456789", b"123"]), [Line::TooLong(8)], "and no end ever comes");
    }

    #[test]
    fn they_are_read_to_the_end_and_what_cannot_be_read_is_said() {
        let long = "x".repeat(LONGEST + 1);
        let all = format!("one\n{long}\ntwo");
        let broken = io::Error::other("it is broken");
        let mut read = Vec::new();
        each(all.as_bytes().chain(Broken(Some(broken))), |line| {
            read.push(line.map_err(|error| error.to_string()));
            true
        });
        // What had no end is no command of anybody.
        assert_eq!(read, [Ok(text("one")), Ok(Line::TooLong(LONGEST)), Err("it is broken".into())]);
        let mut first = Vec::new();
        each(all.as_bytes(), |line| {
            first.push(line.unwrap());
            false
        });
        assert_eq!(first, [text("one")]);
    }

    struct Broken(Option<io::Error>);

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            self.0.take().map_or(Ok(0), Err)
        }
    }
}
