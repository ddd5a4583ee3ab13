//! Lines of bounded length over a stream.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Specification: the most bytes of a line, with its end.
pub(crate) const MAX_LINE: usize = 16 << 10;

/// Bytes that are asked for at a time.
const READ: usize = 4 << 10;

/// Takes a stream apart into lines.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    from: R,
    bytes: Vec<u8>,
    /// Bytes at the beginning that were handed out.
    taken: usize,
    /// Bytes that were searched for the end of a line.
    searched: usize,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// The lines of `from`.
    pub(crate) const fn new(from: R) -> Self {
        Self { from, bytes: Vec::new(), taken: 0, searched: 0 }
    }

    /// The next line, without its end; `None`: the stream has ended, perhaps within a line, which is then lost. Cancel safe.
    ///
    /// # Errors
    /// Those of reading; `InvalidData`: the line is longer than [`MAX_LINE`].
    pub(crate) async fn next(&mut self) -> io::Result<Option<&[u8]>> {
        loop {
            let rest = self.bytes.get(self.searched..).unwrap_or_default();
            if let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
                let (start, end) = (self.taken, self.searched + at);
                (self.taken, self.searched) = (end + 1, end + 1);
                return Ok(self.bytes.get(start..end));
            }
            self.bytes.drain(..self.taken);
            (self.taken, self.searched) = (0, self.bytes.len());
            if self.bytes.len() >= MAX_LINE {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("a line has more than {MAX_LINE} bytes"),
                ));
            }
            self.bytes.reserve(READ);
            if self.from.read_buf(&mut self.bytes).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Reads until the end, for nothing.
    ///
    /// # Errors
    /// Those of reading.
    pub(crate) async fn discard(&mut self) -> io::Result<()> {
        self.bytes = vec![0; READ];
        while self.from.read(&mut self.bytes).await? > 0 {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn a_stream_is_taken_apart_however_it_is_cut() {
        let text = b"one\n\ntwo and more\r\nlast\nlost";
        for size in 1..text.len() {
            let (mut to, from) = tokio::io::duplex(64);
            let sent = async {
                for piece in text.chunks(size) {
                    to.write_all(piece).await.unwrap();
                }
                drop(to);
            };
            let mut lines = Lines::new(from);
            let mut read = Vec::new();
            let all = async {
                while let Some(line) = lines.next().await.unwrap() {
                    read.push(String::from_utf8(line.to_vec()).unwrap());
                }
            };
            tokio::join!(sent, all);
            assert_eq!(read, ["one", "", "two and more\r", "last"], "{size}");
        }
    }

    #[tokio::test]
    async fn a_line_without_an_end_is_cut_off() {
        let longest = [vec![b'x'; MAX_LINE - 1], b"\n".to_vec()].concat();
        assert_eq!(Lines::new(longest.as_slice()).next().await.unwrap().map(<[u8]>::len), Some(MAX_LINE - 1));
        let mut endless = Lines::new(tokio::io::repeat(b'x'));
        assert_eq!(endless.next().await.unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert!(endless.bytes.capacity() <= 4 * MAX_LINE, "{}", endless.bytes.capacity());
    }
}
