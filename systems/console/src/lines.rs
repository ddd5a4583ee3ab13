//! Lines of bounded length, out of whatever bytes come.

/// A line of a client, or of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A text, without its end.
    Text(String),
    /// Bytes that are no text.
    NotText,
    /// More bytes than a line may have. What follows up to its end is passed over.
    TooLong,
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
        (self.bytes.len() > self.most).then(|| {
            self.bytes.clear();
            self.skips = true;
            Line::TooLong
        })
    }

    fn read(&self, mut line: Vec<u8>) -> Line {
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if line.len() > self.most {
            return Line::TooLong;
        }
        String::from_utf8(line).map_or(Line::NotText, Line::Text)
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
            assert!(splitter.bytes.len() <= 8);
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
        let expected = [Line::TooLong, text("who")];
        assert_eq!(lines(&[b"123456789\nwho\n"]), expected);
        assert_eq!(lines(&[b"123456789", b"123456789123456789", b"x\nwho\n"]), expected);
        assert_eq!(lines(&[b"12345678\n"]), [text("12345678")]);
        assert_eq!(lines(&[b"123456789", b"123"]), [Line::TooLong], "and no end ever comes");
    }
}
