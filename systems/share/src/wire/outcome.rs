//! What came of an operation: its byte and its sentence, one table for both sides.

use super::operation::Operation;

/// What came of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It is done.
    Done,
    /// The user who asks is not registered.
    NoUser,
    /// The name is taken.
    InUse,
    /// The user who asks is not connected.
    NotConnected,
    /// The user is connected already.
    AlreadyConnected,
    /// The user has published this file already.
    AlreadyPublished,
    /// The user has not published this file.
    NotPublished,
    /// The user who is asked about is not registered.
    NoRemoteUser,
    /// Nobody who is connected has the file.
    NoFile,
    /// Anything else.
    Failed,
}

use Operation as Op;
use Outcome as Out;

/// The outcomes of an operation; each stands where its byte says. The last is what all others become.
const fn outcomes(operation: Operation) -> &'static [Outcome] {
    match operation {
        Op::Register => &[Out::Done, Out::InUse, Out::Failed],
        Op::Unregister => &[Out::Done, Out::NoUser, Out::Failed],
        Op::Connect | Op::Attend => &[Out::Done, Out::NoUser, Out::AlreadyConnected, Out::Failed],
        Op::Disconnect | Op::ListUsers => &[Out::Done, Out::NoUser, Out::NotConnected, Out::Failed],
        Op::Publish | Op::Offer => {
            &[Out::Done, Out::NoUser, Out::NotConnected, Out::AlreadyPublished, Out::Failed]
        }
        Op::Delete => &[Out::Done, Out::NoUser, Out::NotConnected, Out::NotPublished, Out::Failed],
        Op::ListContent => &[Out::Done, Out::NoUser, Out::NotConnected, Out::NoRemoteUser, Out::Failed],
        Op::GetFile | Op::GetMultifile => &[Out::Done, Out::NoFile, Out::Failed],
        Op::Holders => &[Out::Done, Out::NoUser, Out::NotConnected, Out::NoFile, Out::Failed],
    }
}

impl Outcome {
    /// The byte that says so.
    pub fn status(self, operation: Operation) -> u8 {
        let outcomes = outcomes(operation);
        let at = outcomes.iter().position(|outcome| *outcome == self).unwrap_or(outcomes.len() - 1);
        u8::try_from(at).expect("there are ten outcomes")
    }

    /// What the byte says.
    pub fn of_status(status: u8, operation: Operation) -> Self {
        outcomes(operation).get(usize::from(status)).copied().unwrap_or(Self::Failed)
    }

    /// The sentence of the course for its user, without the prompt.
    pub fn sentence(self, operation: Operation) -> String {
        let name = operation.course_name();
        match (operation, self) {
            (_, Self::Done) => format!("{name} OK"),
            (Op::Register, Self::InUse) => "USERNAME IN USE".into(),
            (Op::Unregister, Self::NoUser) => "USER DOES NOT EXIST".into(),
            (Op::Connect | Op::Attend, Self::AlreadyConnected) => "USER ALREADY CONNECTED".into(),
            (_, outcome) => match outcome.reason() {
                Some(reason) => format!("{name} FAIL, {reason}"),
                None => format!("{name} FAIL"),
            },
        }
    }

    const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Done | Self::InUse | Self::AlreadyConnected | Self::Failed => None,
            Self::NoUser => Some("USER DOES NOT EXIST"),
            Self::NotConnected => Some("USER NOT CONNECTED"),
            Self::AlreadyPublished => Some("CONTENT ALREADY PUBLISHED"),
            Self::NotPublished => Some("CONTENT NOT PUBLISHED"),
            Self::NoRemoteUser => Some("REMOTE USER DOES NOT EXIST"),
            Self::NoFile => Some("FILE NOT EXIST"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_is_read_back_and_what_is_unknown_is_a_failure() {
        for operation in Operation::ALL {
            for (status, outcome) in (0_u8..).zip(outcomes(operation)) {
                assert_eq!(outcome.status(operation), status);
                assert_eq!(Outcome::of_status(status, operation), *outcome);
            }
            assert_eq!(Outcome::of_status(200, operation), Outcome::Failed);
        }
        assert_eq!(
            Outcome::NoRemoteUser.status(Op::Register),
            2,
            "what an operation has no byte for is a failure"
        );
    }

    #[test]
    fn the_sentences_are_those_of_the_course() {
        for (operation, outcome, sentence) in [
            (Op::Register, Out::Done, "REGISTER OK"),
            (Op::Register, Out::InUse, "USERNAME IN USE"),
            (Op::Unregister, Out::NoUser, "USER DOES NOT EXIST"),
            (Op::Connect, Out::NoUser, "CONNECT FAIL, USER DOES NOT EXIST"),
            (Op::Attend, Out::AlreadyConnected, "USER ALREADY CONNECTED"),
            (Op::Offer, Out::AlreadyPublished, "PUBLISH FAIL, CONTENT ALREADY PUBLISHED"),
            (Op::ListContent, Out::NoRemoteUser, "LIST_CONTENT FAIL, REMOTE USER DOES NOT EXIST"),
            (Op::GetFile, Out::NoFile, "GET_FILE FAIL, FILE NOT EXIST"),
            (Op::Delete, Out::Failed, "DELETE FAIL"),
        ] {
            assert_eq!(outcome.sentence(operation), sentence);
        }
    }
}
