//! What nodes say to each other, and what the overlay says to its node.

use serde::{Deserialize, Serialize};

use super::{MAX_TEXT, Name, OWN_BURST, OWN_PER_SECOND, Post, Run};

/// What neighbours say to each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Message {
    /// How far the sender is.
    Have {
        /// The number of the last post that it has of each of these runs.
        runs: Vec<(Run, u64)>,
        /// Whether these and those before are all; the first such ends the beginning of a link.
        is_all: bool,
    },
    /// A post that the receiver lacks.
    Post {
        /// The post.
        post: Post,
        /// The sender keeps none that the receiver lacks before it.
        is_oldest: bool,
    },
}

/// What a node is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Somebody says something.
    Said(Post),
    /// That many posts were said that no neighbour keeps any more.
    Lost {
        /// Whose they were.
        run: Run,
        /// How many.
        count: u64,
    },
}

/// Whom a node listens to, and how it knows them.
pub trait Keys {
    /// Whether posts of this author are taken.
    fn admits(&self, name: &Name) -> bool;
    /// Whether the author has signed it. `None`: the author's key is not known, or another one.
    fn is_genuine(&self, post: &Post) -> Option<()>;
}

/// What a neighbour did that no node does: the link is to be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A number or a text is beyond what there may be.
    #[error("it sent a post that cannot be one")]
    Unsound,
    /// A message is longer than it may be.
    #[error("it sent a list that is too long")]
    TooMany,
    /// It says something on a link that is not there.
    #[error("it has no link")]
    NoLink,
}

/// Why something is not said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SayError {
    /// There is no text.
    #[error("there is nothing to say: give a text")]
    Empty,
    /// It is too long.
    #[error("the text has {0} bytes, and {MAX_TEXT} are the most: say it in parts, or share it as a file")]
    TooLong(usize),
    /// It comes too fast.
    #[error(
        "too much is said at once: after {OWN_BURST} posts or 96 KiB, {OWN_PER_SECOND} posts or 64 KiB a second; say it again in a moment"
    )]
    TooFast,
}

/// What was not taken, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Posts that were delivered here.
    pub delivered: u64,
    /// Posts that were here already.
    pub duplicates: u64,
    /// Posts whose author's key is not known, or that it has not signed.
    pub unproven: u64,
    /// Posts that came faster than they may.
    pub too_fast: u64,
    /// Posts that came before those that stand before them.
    pub out_of_order: u64,
    /// Posts that nobody keeps any more.
    pub lost: u64,
    /// Posts of names or runs beyond those that are kept, or not admitted.
    pub ignored: u64,
}
