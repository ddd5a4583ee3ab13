//! What programs of the same user say to their node at its socket, and what it answers.

use serde::{Deserialize, Serialize};

use crate::overlay::{Counts, Name};
use crate::wire::Outcome;

/// What a program wants.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    /// Say this to all.
    Say { text: String },
    /// Tell what was heard last, so much of it, and perhaps what is heard from now on.
    Hear { last: usize, follow: bool },
    /// Who is there?
    List,
    /// Run this so often, by whoever has time; the body is standard input.
    Run { program: String, args: Vec<String>, times: u32 },
    /// Which files has this node?
    Files { of: Name },
    /// A file of this node.
    Get { of: Name, path: String },
    /// Let this node in, or not any more.
    Allow { name: Name, is_allowed: bool },
    /// End.
    Stop,
}

/// What the node answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    /// It cannot be; the last answer.
    Failed {
        why: String,
    },
    /// It is done; the last answer.
    Done,
    Heard(Heard),
    /// This many were heard and not taken in time.
    Missed {
        count: u64,
    },
    /// Somebody who is there: a frame for each, for all together may be more than one holds.
    Member(MemberInfo),
    /// Those were all; the last answer.
    Members {
        me: Name,
        counts: Counts,
    },
    /// A job is done, the body is what it wrote; or it is not, and why.
    Job {
        worker: Option<Name>,
        outcome: Outcome,
    },
    File {
        path: String,
        size: u64,
    },
    /// The body is some of a file.
    Bytes,
}

/// Something that a node was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub(crate) enum Heard {
    /// Somebody says something.
    Said {
        from: Name,
        said: u64,
        text: String,
    },
    /// Posts that nobody keeps any more.
    Lost {
        from: Name,
        count: u64,
    },
    Came {
        name: Name,
    },
    Went {
        name: Name,
    },
}

/// What a node knows of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MemberInfo {
    pub(crate) name: Name,
    /// Whether there is a link to it.
    pub(crate) is_linked: bool,
    /// How many jobs it runs at once; none: it has not said yet.
    pub(crate) capacity: Option<u32>,
    /// How many jobs of the asking node it has now.
    pub(crate) jobs: u32,
    pub(crate) programs: Vec<String>,
}
