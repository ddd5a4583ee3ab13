//! What a path does to datagrams: questions and answers in a flow to `check/1` (PROTOCOL.md, section Checks).
//!
//! - [`Question`], [`Answer`]: their bytes
//! - [`Answerer`]: proxy2's side
//! - [`Tally`]: what proxy1 learns of it

mod answerer;
mod tally;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::sealed::handshake::terms::UnixMicros;

pub use answerer::Answerer;
pub use tally::Tally;

/// Specification: bytes of the shortest question, and of the shortest answer.
pub const LEAST: usize = 64;
/// Specification: how long proxy2 may be asked to wait with an answer. A flow that is idle for longer than 90 s may be over.
pub const MOST_WAIT: Duration = Duration::from_secs(90);

/// What `proxy1 check` sends where nothing has answered: data of a classic stream that is not open, which a classic proxy2 has to
/// answer with [`CLASSIC_ANSWER`]. It dials nothing and keeps nothing of it.
pub const CLASSIC_QUESTION: &[u8] = b"D9 paso check";
/// What a classic proxy2 answers it with.
pub const CLASSIC_ANSWER: &[u8] = b"X9";

const QUESTION: u8 = 1;
const ANSWER: u8 = 2;

/// How large an answer is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerSize {
    /// As large as its question.
    Same,
    /// As small as it can be: [`LEAST`].
    Least,
}

/// A question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Its number in its flow, from 0.
    pub number: u32,
    /// Bytes of the datagram, [`LEAST`] or more.
    pub size: u16,
    /// How large the answer is to be.
    pub answer: AnswerSize,
    /// How long proxy2 is to wait before it answers, at most [`MOST_WAIT`].
    pub wait: Duration,
}

impl Question {
    /// The datagram.
    pub fn to_bytes(self) -> Vec<u8> {
        let mut bytes = vec![0; usize::from(self.size).max(LEAST)];
        bytes[0] = QUESTION;
        bytes[1] = u8::from(self.answer == AnswerSize::Least);
        bytes[4..8].copy_from_slice(&self.number.to_be_bytes());
        let wait = u32::try_from(self.wait.min(MOST_WAIT).as_millis()).unwrap_or(u32::MAX);
        bytes[8..12].copy_from_slice(&wait.to_be_bytes());
        bytes
    }

    /// Reads a datagram; `None`: it is no question.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (head, _) = bytes.split_first_chunk::<LEAST>()?;
        let wait = Duration::from_millis(u32::from_be_bytes(field(head, 8)).into());
        let question = Self {
            number: u32::from_be_bytes(field(head, 4)),
            size: u16::try_from(bytes.len()).ok()?,
            answer: if head[1] == 1 { AnswerSize::Least } else { AnswerSize::Same },
            wait,
        };
        (head[0] == QUESTION && wait <= MOST_WAIT).then_some(question)
    }
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Bytes of the question.
    pub size: u16,
    /// Its number.
    pub number: u32,
    /// How many answers of this flow were sent before.
    pub serial: u32,
    /// How many questions had come when this one came.
    pub received: u32,
    /// How many of those had come behind one of a higher number.
    pub late: u32,
    /// From the question to the answer.
    pub waited: Duration,
    /// proxy2's clock when it answered.
    pub clock: UnixMicros,
    /// Where proxy2 sees the asker.
    pub seen: SocketAddr,
}

impl Answer {
    /// The datagram, of so many bytes, [`LEAST`] or more.
    fn to_bytes(self, size: usize) -> Vec<u8> {
        let mut bytes = vec![0; size.max(LEAST)];
        bytes[0] = ANSWER;
        bytes[2..4].copy_from_slice(&self.size.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.number.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.serial.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.received.to_be_bytes());
        bytes[16..20].copy_from_slice(&self.late.to_be_bytes());
        let waited = u32::try_from(self.waited.as_micros()).unwrap_or(u32::MAX);
        bytes[20..24].copy_from_slice(&waited.to_be_bytes());
        bytes[24..32].copy_from_slice(&self.clock.0.to_be_bytes());
        let ip = match self.seen.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        bytes[32..48].copy_from_slice(&ip.octets());
        bytes[48..50].copy_from_slice(&self.seen.port().to_be_bytes());
        bytes
    }

    /// Reads a datagram; `None`: it is no answer.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (head, _) = bytes.split_first_chunk::<LEAST>()?;
        let number = |at| u32::from_be_bytes(field(head, at));
        let ip = IpAddr::from(field::<16>(head, 32)).to_canonical();
        let answer = Self {
            size: u16::from_be_bytes(field(head, 2)),
            number: number(4),
            serial: number(8),
            received: number(12),
            late: number(16),
            waited: Duration::from_micros(number(20).into()),
            clock: UnixMicros(u64::from_be_bytes(field(head, 24))),
            seen: SocketAddr::new(ip, u16::from_be_bytes(field(head, 48))),
        };
        (head[0] == ANSWER).then_some(answer)
    }
}

/// The bytes of a field at a place that every datagram has.
fn field<const N: usize>(head: &[u8; LEAST], at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&head[at..at + N]);
    bytes
}
