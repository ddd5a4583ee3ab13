//! Link credit: what may be sent on streams of which the peer has said nothing yet.

/// Link credit that the peer gave this side: first bytes of new streams, in bytes since the link began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkCredit {
    limit: u64,
    taken: u64,
    /// The most that one stream should take.
    stream: u64,
}

impl LinkCredit {
    /// Left to the next eight streams, [`Self::PART`] each, once larger ones took the rest, in bytes.
    const KEPT: u64 = 16 * 1024;
    /// Such a part: a request.
    const PART: u64 = 2 * 1024;
    /// A stream that has this much to send is bulk, and takes what there is.
    pub(crate) const BULK: u64 = 16 * 1024;
    /// The part of what is left, as its divisor, that another takes: nobody knows yet how much it will send.
    const OTHERS: u64 = 8;

    /// All of `limit` bytes, of which one stream should take no more than `stream`.
    pub(crate) const fn new(limit: u64, stream: u64) -> Self {
        Self { limit, taken: 0, stream }
    }

    /// The peer lets this side take up to `limit` bytes since the link began.
    pub(crate) fn raise(&mut self, limit: u64) {
        self.limit = self.limit.max(limit);
    }

    /// Takes the first credit of one stream, which has `waiting` bytes to send.
    pub(crate) fn take(&mut self, waiting: u64) -> u64 {
        let left = self.limit - self.taken;
        let first = if left <= Self::KEPT {
            left.min(Self::PART)
        } else {
            let wanted = if waiting >= Self::BULK { left } else { waiting.max(left / Self::OTHERS) };
            wanted.min(self.stream).min(left - Self::KEPT).max(Self::PART)
        };
        self.taken += first;
        first
    }

    /// A stream that took so much was never announced.
    pub(crate) const fn give_back(&mut self, first: u64) {
        self.taken -= first;
    }

    /// Takes more for a stream that has `taken` some and is bulk.
    pub(crate) fn take_more(&mut self, taken: u64) -> u64 {
        let left = (self.limit - self.taken).saturating_sub(Self::KEPT);
        let more = left.min(self.stream.saturating_sub(taken));
        self.taken += more;
        more
    }
}
