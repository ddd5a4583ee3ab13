//! What whoever looks at a running link, or steers it, asks of its task.

use tokio::sync::{mpsc, oneshot};

use super::sealed::{LinkRequest, RequestSender};
use crate::view::LinkView;

/// A question or an order.
#[derive(Debug)]
pub(crate) enum LinkQuery {
    /// What it shows of itself, with at most so many of its streams. What the registry knows of it is left out.
    Look {
        /// The most streams that are shown.
        streams: usize,
        /// Where the answer goes.
        answer: oneshot::Sender<Box<LinkView>>,
    },
    /// Reset the stream with this id. Says whether there was one.
    CloseStream(u64, oneshot::Sender<bool>),
    /// Reset all streams; a link that the other end made ends, too.
    Close(oneshot::Sender<()>),
    /// Accept nothing new. Says that it is so.
    Drain(oneshot::Sender<()>),
    /// Another process takes what is new: end a while after the last stream has ended.
    Leave {
        /// The client has another link for what is new, and nothing new is accepted here.
        moves: bool,
    },
}

/// A way to ask the task of one link. Clones ask the same.
#[derive(Clone, Debug)]
pub(crate) enum Asker {
    /// Of a sealed link: among its other requests.
    Sealed(RequestSender),
    /// Of a classic session.
    Classic(mpsc::Sender<LinkQuery>),
}

impl Asker {
    /// Asks, unless so much waits there that it would have to wait itself, or the link is over. Says whether it did.
    pub(crate) fn try_ask(&self, query: LinkQuery) -> bool {
        match self {
            Self::Sealed(requests) => requests.try_send(LinkRequest::Ask(query)).is_ok(),
            Self::Classic(queries) => queries.try_send(query).is_ok(),
        }
    }

    /// Asks, and waits for that where it must. Says whether there still is a link. Cancel safe: it has asked, or not.
    pub(crate) async fn ask(&self, query: LinkQuery) -> bool {
        match self {
            Self::Sealed(requests) => requests.send(LinkRequest::Ask(query)).await.is_ok(),
            Self::Classic(queries) => queries.send(query).await.is_ok(),
        }
    }
}
