//! The server's answers, as they arrive: no I/O.

use crate::wire::operation::Operation;
use crate::wire::outcome::Outcome;

/// The most bytes of an answer: a list of 4,096 users with names of 255 bytes is 1.2 MiB.
pub const MAX_ANSWER: usize = 2 << 20;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What came of the operation.
    pub outcome: Outcome,
    /// What follows a success, a row for each user, file or holder.
    pub rows: Vec<Vec<String>>,
}

/// How many texts a row has; `None`: nothing follows.
const fn columns(operation: Operation) -> Option<usize> {
    match operation {
        Operation::ListUsers => Some(3),
        Operation::ListContent => Some(1),
        Operation::Holders => Some(7),
        Operation::Register
        | Operation::Unregister
        | Operation::Connect
        | Operation::Disconnect
        | Operation::Publish
        | Operation::Delete
        | Operation::GetFile
        | Operation::GetMultifile
        | Operation::Attend
        | Operation::Offer => None,
    }
}

/// The answer, once all of it is there: servers of the course may leave the connection open behind it. What is no answer never
/// becomes one.
pub fn read(operation: Operation, bytes: &[u8]) -> Option<Answer> {
    let (status, body) = bytes.split_first()?;
    let outcome = Outcome::of_status(*status, operation);
    let (Outcome::Done, Some(columns)) = (outcome, columns(operation)) else {
        return Some(Answer { outcome, rows: Vec::new() });
    };
    let mut texts = body.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    let whole = body.iter().filter(|byte| **byte == 0).count();
    let count: usize = texts.next().filter(|_| whole > 0)?.parse().ok()?;
    if whole < count.checked_mul(columns)?.checked_add(1)? {
        return None;
    }
    let rows = (0..count).map(|_| texts.by_ref().take(columns).map(Into::into).collect()).collect();
    Some(Answer { outcome, rows })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_once_it_is_whole() {
        let bytes = b"\x002\0alice\x00127.0.0.1\x006000\0bob\x00::1\x006001\0";
        for end in 0..bytes.len() {
            assert_eq!(read(Operation::ListUsers, &bytes[..end]), None, "{end}");
        }
        let answer = read(Operation::ListUsers, bytes).unwrap();
        assert_eq!(answer.rows, [["alice", "127.0.0.1", "6000"], ["bob", "::1", "6001"]]);
        let none = read(Operation::ListContent, b"\x000\0").unwrap();
        assert_eq!(none, Answer { outcome: Outcome::Done, rows: vec![] });
        assert_eq!(read(Operation::ListUsers, b"\x01").unwrap().outcome, Outcome::NoUser);
        assert_eq!(read(Operation::Register, b"\0").unwrap().outcome, Outcome::Done);
    }

    #[test]
    fn rubbish_is_none_and_huge_counts_cost_nothing() {
        for body in ["x\0", "-1\0", "18446744073709551615\0", "99999999999999999999\0", "4000000000\0a\0"] {
            assert_eq!(read(Operation::ListUsers, &[b"\0", body.as_bytes()].concat()), None, "{body}");
        }
    }
}
