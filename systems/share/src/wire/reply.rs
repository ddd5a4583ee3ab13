//! The server's answers.

use super::operation::Operation;
use super::outcome::Outcome;

/// How the first byte of an answer says what came of an operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum StatusForm {
    /// One byte, 0 for a success: what the assignment says.
    #[default]
    Byte,
    /// A digit and a zero byte: what clients need that read all answers as texts.
    Text,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// What came of the operation.
    pub outcome: Outcome,
    /// What follows a success.
    pub body: Body,
}

/// What follows a success.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Body {
    /// Nothing.
    #[default]
    Nothing,
    /// Texts.
    Texts(Vec<String>),
    /// Their number as a text, and rows of texts.
    Rows(Vec<Vec<String>>),
    /// Their number as one byte, and rows of texts: what a public solution answers to `GET_MULTIFILE`. More than 255 do not fit and
    /// are left out.
    FewRows(Vec<Vec<String>>),
}

impl From<Outcome> for Reply {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, body: Body::Nothing }
    }
}

impl Reply {
    /// A success, with this.
    pub const fn with(body: Body) -> Self {
        Self { outcome: Outcome::Done, body }
    }

    /// Its bytes.
    pub fn to_bytes(&self, operation: Operation, form: StatusForm) -> Vec<u8> {
        let status = self.outcome.status(operation);
        let mut bytes = match form {
            StatusForm::Byte => vec![status],
            StatusForm::Text => vec![b'0' + status, 0],
        };
        if self.outcome == Outcome::Done {
            self.body.append_to(&mut bytes);
        }
        bytes
    }
}

impl Body {
    fn append_to(&self, bytes: &mut Vec<u8>) {
        let rows: &[Vec<String>] = match self {
            Self::Nothing => return,
            Self::Texts(texts) => return texts.iter().for_each(|text| append(bytes, text)),
            Self::Rows(rows) => {
                append(bytes, &rows.len().to_string());
                rows
            }
            Self::FewRows(rows) => {
                let few = u8::try_from(rows.len()).unwrap_or(u8::MAX);
                bytes.push(few);
                rows.get(..usize::from(few)).unwrap_or_default()
            }
        };
        rows.iter().flatten().for_each(|text| append(bytes, text));
    }
}

fn append(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_the_bytes_of_the_course() {
        let bytes = |reply: Reply, operation| reply.to_bytes(operation, StatusForm::Byte);
        assert_eq!(bytes(Outcome::InUse.into(), Operation::Register), [1]);
        let row = || vec!["bob".to_owned(), "127.0.0.1".into(), "6000".into()];
        let users = Reply::with(Body::Rows(vec![row()]));
        assert_eq!(bytes(users.clone(), Operation::ListUsers), b"\x001\0bob\x00127.0.0.1\x006000\0");
        assert_eq!(
            users.to_bytes(Operation::ListUsers, StatusForm::Text),
            b"0\x001\0bob\x00127.0.0.1\x006000\0"
        );
        let few = bytes(Reply::with(Body::FewRows(vec![row(); 300])), Operation::GetMultifile);
        assert_eq!(few.get(..6), Some(b"\0\xffbob\0".as_slice()));
        assert_eq!(few.iter().filter(|byte| **byte == 0).count(), 1 + 255 * 3);
    }
}
