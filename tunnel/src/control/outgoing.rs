//! What waits to be written to a control stream.

use serde::Serialize;

use super::messages::write_line;

/// Lines that have not been written yet.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    bytes: Vec<u8>,
    written: usize,
}

impl Outgoing {
    /// Bytes with which nothing is added that can wait.
    const FULL: usize = 64 << 10;

    /// Whether it takes what can wait.
    pub(super) fn has_room(&self) -> bool {
        self.rest().len() < Self::FULL
    }

    /// What is to be written.
    pub(super) fn rest(&self) -> &[u8] {
        self.bytes.get(self.written..).unwrap_or_default()
    }

    /// So many bytes of it were.
    pub(super) fn advance(&mut self, count: usize) {
        self.written += count;
        if self.written >= self.bytes.len() {
            (self.bytes, self.written) = (Vec::new(), 0);
        } else if self.written >= Self::FULL {
            self.bytes.drain(..self.written);
            self.written = 0;
        }
    }

    /// Writes a message, however much waits.
    pub(super) fn add(&mut self, message: &impl Serialize) {
        write_line(message, &mut self.bytes);
    }
}
