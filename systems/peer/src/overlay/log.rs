//! What one node keeps of one run: the newest posts, in order, for those who lack them.

use std::collections::VecDeque;

use super::Limits;
use super::post::Post;

/// The newest posts of a run without gaps, and how far it is known.
#[derive(Debug)]
pub(super) struct Log {
    posts: VecDeque<Post>,
    bytes: usize,
    /// The number of the newest post that was taken, or passed over as lost.
    last: u64,
}

impl Log {
    /// One of which nothing is known but that all up to `last` are passed over.
    pub(super) const fn after(last: u64) -> Self {
        Self { posts: VecDeque::new(), bytes: 0, last }
    }

    pub(super) const fn last(&self) -> u64 {
        self.last
    }

    /// All up to here are passed over; those before them are of no use to others, who take none out of order.
    pub(super) fn skip_to(&mut self, last: u64) {
        *self = Self::after(last);
    }

    /// Takes the next one. The oldest make room.
    pub(super) fn push(&mut self, post: Post, limits: &Limits) {
        debug_assert_eq!(post.number, self.last + 1, "posts are taken in order");
        self.last = post.number;
        self.bytes += post.text.len();
        self.posts.push_back(post);
        while self.posts.len() > limits.posts || self.bytes > limits.bytes {
            let Some(oldest) = self.posts.pop_front() else { break };
            self.bytes -= oldest.text.len();
        }
    }

    /// The first post behind `number`, and whether some between the two are kept no more.
    pub(super) fn next_after(&self, number: u64) -> Option<(&Post, bool)> {
        let oldest = self.posts.front()?.number;
        if number >= self.last {
            return None;
        }
        if number + 1 < oldest {
            return self.posts.front().map(|post| (post, true));
        }
        let at = usize::try_from(number + 1 - oldest).ok()?;
        self.posts.get(at).map(|post| (post, false))
    }
}
