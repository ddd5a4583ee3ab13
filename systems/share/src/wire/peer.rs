//! What one client asks another for. The first two are the course's: such connections carry one request. Of ours a connection
//! carries any number, one after the other.

use super::MAX_FIELD;
use super::operation::Operation;
use crate::hash::FileId;

/// The status bytes of a peer.
pub mod status {
    /// What was asked for follows.
    pub const DONE: u8 = 0;
    /// It has no such file.
    pub const NO_FILE: u8 = 1;
    /// Anything else.
    pub const FAILED: u8 = 2;
}

/// A request to a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerRequest {
    /// `GET_FILE`: the file that was published at this path. Answer: status, size as a text, bytes.
    File {
        /// As it was published.
        path: String,
    },
    /// `GET_MULTIFILE`: one of several equal parts of it, the last of which has what is left. Answer: status, bytes.
    Part {
        /// As it was published.
        path: String,
        /// From 0.
        part: u64,
        /// How many there are; not 0.
        parts: u64,
    },
    /// `GET_HASHES`, ours: the hashes of the blocks of a file. Answer: status, length as a text, bytes.
    Hashes {
        /// Of which file.
        id: FileId,
    },
    /// `GET_BLOCK`, ours. Answer: status, length as a text, bytes.
    Block {
        /// Of which file.
        id: FileId,
        /// From 0.
        block: u32,
    },
}

impl PeerRequest {
    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let words: Vec<String> = match self {
            Self::File { path } => vec!["GET_FILE".into(), path.clone()],
            Self::Part { path, part, parts } => {
                vec!["GET_MULTIFILE".into(), path.clone(), part.to_string(), parts.to_string()]
            }
            Self::Hashes { id } => vec!["GET_HASHES".into(), id.to_string()],
            Self::Block { id, block } => vec!["GET_BLOCK".into(), id.to_string(), block.to_string()],
        };
        words.into_iter().flat_map(|word| word.into_bytes().into_iter().chain([0])).collect()
    }

    /// Whether another may follow on the connection.
    pub const fn is_ours(&self) -> bool {
        matches!(self, Self::Hashes { .. } | Self::Block { .. })
    }
}

/// The bytes are no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no request of a peer")]
pub struct PeerRequestError;

/// What has arrived so far of a request to a peer.
#[derive(Debug, Default)]
pub struct PeerRequestReader {
    words: Vec<String>,
    begun: Vec<u8>,
}

impl PeerRequestReader {
    /// Takes bytes as they arrive: how many of them belong to the request, and the request once it is whole.
    ///
    /// # Errors
    /// They are none.
    pub fn handle_bytes(&mut self, bytes: &[u8]) -> Result<(usize, Option<PeerRequest>), PeerRequestError> {
        for (at, byte) in bytes.iter().enumerate() {
            if *byte != 0 {
                let room = if self.words.is_empty() { Operation::MAX_NAME } else { MAX_FIELD };
                if self.begun.len() == room {
                    return Err(PeerRequestError);
                }
                self.begun.push(*byte);
                continue;
            }
            let word = String::from_utf8(std::mem::take(&mut self.begun)).map_err(|_| PeerRequestError)?;
            self.words.push(word);
            if let Some(request) = self.whole()? {
                self.words.clear();
                return Ok((at + 1, Some(request)));
            }
        }
        Ok((bytes.len(), None))
    }

    fn whole(&self) -> Result<Option<PeerRequest>, PeerRequestError> {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        let request = match words.as_slice() {
            // Some clients of the course write a blank.
            ["GET_FILE" | "GET FILE", path] => PeerRequest::File { path: (*path).into() },
            ["GET_MULTIFILE", path, part, parts] => {
                let (part, parts) = (number(part)?, number(parts)?);
                if part >= parts {
                    return Err(PeerRequestError);
                }
                PeerRequest::Part { path: (*path).into(), part, parts }
            }
            ["GET_HASHES", id] => PeerRequest::Hashes { id: id.parse().map_err(|_| PeerRequestError)? },
            ["GET_BLOCK", id, block] => PeerRequest::Block {
                id: id.parse().map_err(|_| PeerRequestError)?,
                block: block.parse().map_err(|_| PeerRequestError)?,
            },
            ["GET_FILE" | "GET FILE" | "GET_HASHES"]
            | ["GET_MULTIFILE", ..]
            | ["GET_BLOCK"]
            | ["GET_BLOCK", _] => return Ok(None),
            _ => return Err(PeerRequestError),
        };
        Ok(Some(request))
    }
}

fn number(text: &str) -> Result<u64, PeerRequestError> {
    text.parse().map_err(|_| PeerRequestError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_back_one_after_the_other() {
        let id = FileId::of_hashes(&[]);
        let requests = [
            PeerRequest::Hashes { id },
            PeerRequest::Block { id, block: 7 },
            PeerRequest::File { path: "/a b".into() },
            PeerRequest::Part { path: "x".into(), part: 1, parts: 2 },
        ];
        let bytes: Vec<u8> = requests.iter().flat_map(PeerRequest::to_bytes).collect();
        let (mut reader, mut rest) = (PeerRequestReader::default(), bytes.as_slice());
        for request in requests {
            let (used, read) = reader.handle_bytes(rest).unwrap();
            assert_eq!(read, Some(request));
            rest = &rest[used..];
        }
        assert!(rest.is_empty());
    }

    #[test]
    fn rubbish_is_refused_before_it_grows() {
        let read = |bytes: &[u8]| PeerRequestReader::default().handle_bytes(bytes);
        assert_eq!(read(b"GET_MULTIFILE\0x\x002\x002\0"), Err(PeerRequestError));
        assert_eq!(read(b"GET_MULTIFILE\0x\x000\x000\0"), Err(PeerRequestError));
        assert_eq!(read(b"GET_BLOCK\0nonsense\x001\0"), Err(PeerRequestError));
        assert_eq!(read(&[b'x'; 300]), Err(PeerRequestError));
        assert_eq!(read(&[b"GET_FILE\0".as_slice(), &[b'x'; 256]].concat()), Err(PeerRequestError));
        assert!(matches!(read(b"GET FILE\0x\0"), Ok((_, Some(PeerRequest::File { .. })))));
    }
}
