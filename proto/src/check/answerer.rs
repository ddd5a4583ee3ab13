//! proxy2's side: answers the questions of one flow, and not more than a bounded number of them.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use super::{Answer, AnswerSize, LEAST, Question};
use crate::sealed::handshake::terms::UnixMicros;
use crate::time::Time;
use crate::token_bucket::TokenBucket;

/// Answers the questions of one flow. It does no I/O: give it what comes ([`take`](Self::take)), send what it has
/// ([`poll_answer`](Self::poll_answer)), and come again at [`poll_timeout`](Self::poll_timeout).
#[derive(Debug, Default)]
pub struct Answerer {
    received: u32,
    late: u32,
    highest: Option<u32>,
    /// Questions that were let in for an answer.
    taken: u32,
    /// Answers that were sent.
    sent: u32,
    rate: TokenBucket,
    ready: VecDeque<Pending>,
    /// Those that are to be answered later, in no order: they are few.
    waiting: Vec<Pending>,
}

/// A question that was let in.
#[derive(Clone, Copy, Debug)]
struct Pending {
    question: Question,
    came: Time,
    due: Time,
    received: u32,
    late: u32,
}

impl Answerer {
    /// Implementation: bytes that an answer counts as, at the least, so that 2,000 fit into a second.
    const LEAST_COUNTED: u16 = 1_000;
    /// Implementation: what a byte takes of a second: 2 MB fit, 16 Mbit/s.
    const COST_OF_BYTE: Duration = Duration::from_nanos(500);
    /// Implementation: answers that may leave at once, as their time.
    const BURST: Duration = Duration::from_millis(250);
    /// Implementation: answers of a flow in all: a check asks for some 4,000.
    const MOST: u32 = 20_000;
    /// Implementation: answers that wait because they were asked to.
    const MOST_WAITING: usize = 8;

    /// One that has not been asked anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// A datagram of the flow has come. `may_leave` is asked last, for an answer that counts as so many bytes, 65,535 at the most: it
    /// has the bounds that the flow shares with others. Says whether it was a question.
    pub fn take(&mut self, now: Time, datagram: &[u8], may_leave: impl FnOnce(u16) -> bool) -> bool {
        let question = Question::parse(datagram);
        if let Some(question) = question {
            self.take_question(now, question, may_leave);
        }
        question.is_some()
    }

    fn take_question(&mut self, now: Time, question: Question, may_leave: impl FnOnce(u16) -> bool) {
        self.received = self.received.saturating_add(1);
        if self.highest.is_some_and(|highest| highest > question.number) {
            self.late = self.late.saturating_add(1);
        }
        self.highest = self.highest.max(Some(question.number));
        let bytes = question.size.max(Self::LEAST_COUNTED);
        let cost = Self::COST_OF_BYTE * u32::from(bytes);
        if self.taken >= Self::MOST || !self.rate.take(now, cost, Self::BURST) {
            return;
        }
        let waits = !question.wait.is_zero();
        if (waits && self.waiting.len() >= Self::MOST_WAITING) || !may_leave(bytes) {
            return;
        }
        self.taken += 1;
        let due = now + question.wait;
        let pending = Pending { question, came: now, due, received: self.received, late: self.late };
        if waits {
            self.waiting.push(pending);
        } else {
            self.ready.push_back(pending);
        }
    }

    /// The next answer that must leave. `unix`: the wall clock; `seen`: where the asker is now.
    pub fn poll_answer(&mut self, now: Time, unix: UnixMicros, seen: SocketAddr) -> Option<Vec<u8>> {
        let due = self.waiting.iter().position(|pending| pending.due <= now);
        let pending = match due {
            Some(place) => self.waiting.swap_remove(place),
            None => self.ready.pop_front()?,
        };
        let Pending { question, came, received, late, .. } = pending;
        let answer = Answer {
            size: question.size,
            number: question.number,
            serial: self.sent,
            received,
            late,
            waited: now.since(came),
            clock: unix,
            seen,
        };
        self.sent += 1;
        Some(answer.to_bytes(match question.answer {
            AnswerSize::Same => question.size.into(),
            AnswerSize::Least => LEAST,
        }))
    }

    /// When the next answer is due that waits; [`Time::NEVER`] if none does.
    pub fn poll_timeout(&self) -> Time {
        self.waiting.iter().map(|pending| pending.due).min().unwrap_or(Time::NEVER)
    }
}
