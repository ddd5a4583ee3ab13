//! Data that came before the answer.

/// Bytes held until the stream is open, in the order they came.
#[derive(Debug, Default)]
pub(super) struct Early(Vec<u8>);

impl Early {
    /// Keeps a payload, all of it or nothing: `false` if more than `limit` bytes would be held.
    pub(super) fn hold(&mut self, payload: &[u8], limit: usize) -> bool {
        let fits = payload.len() <= limit.saturating_sub(self.0.len());
        if fits {
            self.0.extend_from_slice(payload);
        }
        fits
    }

    /// How many bytes there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}
