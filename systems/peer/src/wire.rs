//! What nodes say to each other on a stream, and programs to their node: frames, each a header in JSON and perhaps bytes.
//!
//! A frame is two lengths of four bytes each, big-endian, then the header, then the bytes. Both parts end at
//! [`MAX_HEADER`] and [`MAX_BODY`], so that whoever reads one needs no more memory than that.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::overlay::{Hex, Message, Run};

/// The version of all of this.
pub(crate) const VERSION: u32 = 1;
/// The longest header, in bytes: a list of 200 runs, or a post of which each character is written as six.
pub(crate) const MAX_HEADER: usize = 64 << 10;
/// The most bytes behind it.
pub(crate) const MAX_BODY: usize = 96 << 10;
/// How many bytes of a file one frame has.
pub(crate) const CHUNK: usize = 32 << 10;
/// The most programs that a node says it runs, and the longest name of one.
pub(crate) const MAX_PROGRAMS: usize = 64;
pub(crate) const MAX_PROGRAM: usize = 64;
/// How long the other end may take for what it is to say at once: it is there, or it was.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Why nothing more is read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The stream ended between two frames, in order.
    #[error("it has ended")]
    Ended,
    /// The stream broke.
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    /// What came is no frame.
    #[error("it does not speak as a peer does: {0}")]
    Form(String),
    /// Nothing came.
    #[error("it does not answer")]
    Late,
}

/// The first frame of who opens a stream to a node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub(crate) version: u32,
    pub(crate) card: Card,
    pub(crate) purpose: Purpose,
}

/// What a stream is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Purpose {
    /// To be neighbours.
    Link,
    /// To know each other.
    Card,
    /// To run this; its standard input is the body.
    Job { program: String, args: Vec<String> },
    /// To know which files there are.
    Files,
    /// To have this file.
    Get { path: String },
}

/// What a node says of itself. The exit vouches for its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Card {
    pub(crate) run: Run,
    /// Its public key.
    pub(crate) key: Hex<32>,
    /// How many jobs it runs at once.
    pub(crate) capacity: u32,
    /// Which.
    pub(crate) programs: BTreeSet<String>,
}

impl Card {
    /// Whether it can be one.
    pub(crate) fn is_sound(&self) -> bool {
        self.run.is_sound()
            && self.programs.len() <= MAX_PROGRAMS
            && self.programs.iter().all(|program| is_program_name(program))
    }
}

/// Whether a program may be called so: nothing that a screen shows in another way.
pub(crate) fn is_program_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    (1..=MAX_PROGRAM).contains(&name.len()) && name.bytes().all(is_allowed)
}

/// What a node answers: to the first frame, and then what the stream is for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// It is welcome.
    Yes { card: Card },
    /// It is not, or what it wants cannot be.
    No { why: String },
    /// The node is at work; so many jobs it has.
    Busy { jobs: u32 },
    /// It has enough to do.
    Full { jobs: u32 },
    /// It does not run that for the asker.
    NotRun { why: String },
    /// A job's result. The body is what it wrote to standard output, and then to standard error.
    Result { outcome: Outcome, jobs: u32 },
    /// A file that there is.
    File { path: String, size: u64 },
    /// Some of the bytes that were asked for are the body.
    Bytes,
    /// That was all.
    End,
}

/// How a job ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Its exit code; none: it was ended, or could not begin.
    pub(crate) code: Option<u8>,
    /// Why it has none.
    pub(crate) why: Option<String>,
    /// How many bytes of the body are standard output.
    pub(crate) stdout: usize,
    /// It wrote more than is kept.
    pub(crate) is_cut: bool,
}

/// What neighbours say.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Word {
    Overlay(Message),
    /// It is there, and has so many jobs.
    Busy {
        jobs: u32,
    },
}

/// Writes a frame.
pub(crate) async fn write<T: Serialize>(
    to: &mut (impl AsyncWrite + Unpin),
    header: &T,
    body: &[u8],
) -> io::Result<()> {
    let header = serde_json::to_vec(header)?;
    let length = |bytes: &[u8], most| match u32::try_from(bytes.len()) {
        Ok(length) if bytes.len() <= most => Ok(length.to_be_bytes()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "a frame would be too long")),
    };
    let mut frame = Vec::with_capacity(8 + header.len() + body.len());
    frame.extend(length(&header, MAX_HEADER)?);
    frame.extend(length(body, MAX_BODY)?);
    frame.extend(header);
    frame.extend(body);
    to.write_all(&frame).await
}

/// Reads a frame. Not cancel safe.
pub(crate) async fn read<T: DeserializeOwned>(
    from: &mut (impl AsyncRead + Unpin),
) -> Result<(T, Vec<u8>), ReadError> {
    let mut lengths = [0; 8];
    if from.read(&mut lengths[..1]).await? == 0 {
        return Err(ReadError::Ended);
    }
    from.read_exact(&mut lengths[1..]).await?;
    let [a, b, c, d, e, f, g, h] = lengths;
    let header = part(from, u32::from_be_bytes([a, b, c, d]), MAX_HEADER).await?;
    let body = part(from, u32::from_be_bytes([e, f, g, h]), MAX_BODY).await?;
    let header = serde_json::from_slice(&header).map_err(|error| ReadError::Form(error.to_string()))?;
    Ok((header, body))
}

/// The same, if it comes soon.
pub(crate) async fn read_soon<T: DeserializeOwned>(
    from: &mut (impl AsyncRead + Unpin),
    within: Duration,
) -> Result<(T, Vec<u8>), ReadError> {
    timeout(within, read(from)).await.unwrap_or(Err(ReadError::Late))
}

async fn part(from: &mut (impl AsyncRead + Unpin), length: u32, most: usize) -> Result<Vec<u8>, ReadError> {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > most {
        return Err(ReadError::Form(format!(
            "a frame has a part of {length} bytes, and {most} are the most"
        )));
    }
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes).await?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_are_read_as_written() {
        let mut bytes = Vec::new();
        write(&mut bytes, &Answer::Busy { jobs: 3 }, b"and bytes").await.unwrap();
        let mut from = &bytes[..];
        let (answer, body) = read::<Answer>(&mut from).await.unwrap();
        assert!(matches!(answer, Answer::Busy { jobs: 3 }) && body == b"and bytes");
        assert!(matches!(read::<Answer>(&mut from).await, Err(ReadError::Ended)));
        assert!(matches!(read::<Answer>(&mut &bytes[..9]).await, Err(ReadError::Io(_))), "cut off");
    }

    #[tokio::test]
    async fn what_is_no_frame_needs_no_memory() {
        for lengths in [[u32::MAX, 0], [0, u32::MAX], [70_000, 0]] {
            let bytes: Vec<u8> =
                lengths.iter().flat_map(|length| length.to_be_bytes()).chain([b'{'; 9]).collect();
            assert!(matches!(
                read::<Answer>(&mut &bytes[..]).await,
                Err(ReadError::Form(_) | ReadError::Io(_))
            ));
        }
        let mut bytes = Vec::new();
        write(&mut bytes, &"no answer", b"").await.unwrap();
        assert!(matches!(read::<Answer>(&mut &bytes[..]).await, Err(ReadError::Form(_))));
        let deep = "[".repeat(60_000);
        bytes.clear();
        bytes.extend(60_000_u32.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(deep.as_bytes());
        assert!(matches!(read::<Answer>(&mut &bytes[..]).await, Err(ReadError::Form(_))));
    }

    #[tokio::test]
    async fn the_longest_post_fits() {
        use crate::overlay::{MAX_TEXT, Post};
        let run = Run { name: "x".repeat(59).parse().unwrap(), began: 1 << 48 };
        let text = "\u{1}".repeat(MAX_TEXT);
        let post = Post { run, number: 1 << 48, said: 1 << 48, text, signature: Hex([255; 64]) };
        let word = Word::Overlay(Message::Post { post, is_oldest: false });
        write(&mut Vec::new(), &word, b"").await.unwrap();
    }
}
