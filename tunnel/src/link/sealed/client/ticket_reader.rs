//! proxy1's ticket, read again when the operator wishes it: another one takes its place when the link starts again.

use std::task::{Context, Poll};

use proto::ticket::Ticket;
use tokio::task::JoinSet;
use tracing::warn;

use crate::settings::TicketSource;
use crate::state::StateError;

/// Where the ticket is, and what it was.
#[derive(Debug)]
pub(crate) struct TicketReader {
    source: TicketSource,
    ticket: Ticket,
    /// It is to be read again, once no read is under way.
    again: bool,
    reading: JoinSet<Result<Ticket, StateError>>,
}

impl TicketReader {
    /// The ticket that was found at the source.
    pub(crate) fn new(source: TicketSource, ticket: Ticket) -> Self {
        Self { source, ticket, again: false, reading: JoinSet::new() }
    }

    /// Another reader of the same.
    pub(crate) fn again(&self) -> Self {
        Self::new(self.source.clone(), self.ticket.clone())
    }

    /// The ticket as it was last read.
    pub(crate) const fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// The source is to be read again with the next poll.
    pub(crate) const fn read_again(&mut self) {
        self.again = true;
    }

    /// Another ticket than before.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ticket> {
        if self.again && self.reading.is_empty() {
            self.again = false;
            let source = self.source.clone();
            // A file may be on a disk that does not answer.
            self.reading.spawn_blocking(move || source.find());
        }
        while let Poll::Ready(Some(read)) = self.reading.poll_join_next(cx) {
            if self.again {
                cx.waker().wake_by_ref();
            }
            match read {
                Ok(Ok(ticket)) if ticket != self.ticket => {
                    self.ticket = ticket.clone();
                    return Poll::Ready(ticket);
                }
                Ok(Err(error)) => warn!("the ticket was not read again, the one before stays: {error}"),
                Ok(Ok(_)) | Err(_) => {}
            }
        }
        Poll::Pending
    }
}
