//! Receive buffers that travel from the demultiplexer to a link's task and come back.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use crate::udp::{BATCH_SIZE, DATAGRAM_BUFFER};

/// Buffers filled in one system call: about what a busy link needs for one round.
pub(super) const RECEIVE_BUFFERS: usize = if BATCH_SIZE < 8 { BATCH_SIZE } else { 8 };

/// Buffers that are free.
#[derive(Clone, Debug, Default)]
pub(super) struct Buffers {
    free: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Buffers {
    /// Free buffers kept: 4 MiB. More are only there after a burst.
    const KEPT: usize = 64;

    /// A buffer of [`DATAGRAM_BUFFER`] bytes.
    pub(super) fn take(&self) -> Buffer {
        let known = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Buffer { bytes: known.unwrap_or_else(|| vec![0; DATAGRAM_BUFFER]), home: Some(self.clone()) }
    }

    fn give(&self, bytes: Vec<u8>) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < Self::KEPT {
            free.push(bytes);
        }
    }
}

/// Bytes that were received.
#[derive(Debug)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    home: Option<Buffers>,
}

impl Buffer {
    /// A copy of `bytes` in a buffer of just that size.
    pub(super) fn copy(bytes: &[u8]) -> Self {
        Self::of(bytes.to_vec())
    }

    /// A buffer of these bytes.
    pub(super) const fn of(bytes: Vec<u8>) -> Self {
        Self { bytes, home: None }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(home) = self.home.take() {
            home.give(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_and_a_copy_does_not() {
        let buffers = Buffers::default();
        let free = |buffers: &Buffers| buffers.free.lock().unwrap().len();
        let buffer = buffers.take();
        assert_eq!(buffer.len(), DATAGRAM_BUFFER);
        drop(buffer);
        assert_eq!(free(&buffers), 1);
        drop(Buffer::copy(b"small"));
        let all: Vec<_> = (0..100).map(|_| buffers.take()).collect();
        assert_eq!(free(&buffers), 0);
        drop(all);
        assert_eq!(free(&buffers), Buffers::KEPT);
    }
}
