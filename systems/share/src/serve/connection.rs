//! One client: a request, an answer, and what happens after that.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::Shared;
use super::answer::{self, Task};
use crate::admission::Admitted;
use crate::ending::end_in_order;
use crate::index::change::{Asker, Change, Owner, What};
use crate::index::query::{Query, Question};
use crate::services::Report;
use crate::wire::operation::Operation;
use crate::wire::outcome::Outcome;
use crate::wire::reply::{Reply, StatusForm};
use crate::wire::request::{Request, RequestError, RequestReader};

/// How long a request may take to arrive, from the first byte to the last. Clients of the course pause between fields.
const REQUEST_WITHIN: Duration = Duration::from_secs(10);

/// How long the index may take, and the client to take the answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// How long a client may take to close its end once it has its answer, over the slowest of links.
const LINGER: Duration = Duration::from_secs(10);

/// A client that is being served.
pub(super) struct Client {
    pub(super) owner: Owner,
    /// Where it is, if it came over plain TCP.
    pub(super) ip: Option<IpAddr>,
    pub(super) shared: Arc<Shared>,
    /// Its place among the connections.
    pub(super) admitted: Admitted,
}

/// A stream to a client.
pub(super) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Wire for S {}

impl Client {
    /// Serves it to its end.
    pub(super) async fn serve(self, mut stream: impl Wire) {
        let request = match timeout(REQUEST_WITHIN, read_request(&mut stream)).await {
            Ok(Ok(request)) => request,
            Ok(Err(fault)) => return self.refuse(stream, fault).await,
            Err(_) => return self.refuse(stream, None).await,
        };
        let asker =
            Asker { user: request.fields.first().cloned().unwrap_or_default(), owner: self.owner.clone() };
        let operation = request.operation;
        match answer::task(&request, &asker, self.ip) {
            Task::Attend => self.attend(stream, asker, request).await,
            Task::Refuse => linger(self.answer(stream, request, Outcome::Failed.into()).await).await,
            Task::Ask(what) => {
                // A list may be large: so many are made and sent at a time, of this client a share, and no more.
                let turn = self.admitted.turn().await;
                let asked = self.shared.index.query(Query { asker: Some(asker), what });
                let answer = timeout(ANSWER_WITHIN, asked).await.unwrap_or(Err(Outcome::Failed));
                let answered = self.answer(stream, request, answer::reply(operation, answer)).await;
                // Who does not end its connection holds up no list.
                drop(turn);
                linger(answered).await;
            }
            Task::Change(what) => {
                let outcome = self.change(&asker, what).await;
                if outcome == Outcome::Done {
                    self.changed(&asker, operation).await;
                }
                linger(self.answer(stream, request, outcome.into()).await).await;
            }
        }
    }

    /// Those with a ticket are ours, or know the form that the assignment says.
    fn form(&self) -> StatusForm {
        match self.owner {
            Owner::Plain => self.shared.form,
            Owner::Ticket(_) => StatusForm::Byte,
        }
    }

    /// A change that takes too long has failed for the client, and may be made all the same.
    async fn change(&self, asker: &Asker, what: What) -> Outcome {
        let change = self.shared.index.change(Change { asker: asker.clone(), what });
        timeout(ANSWER_WITHIN, change).await.unwrap_or(Outcome::Failed)
    }

    /// What follows from a change, before the client knows of it.
    async fn changed(&self, asker: &Asker, operation: Operation) {
        if operation == Operation::Connect && self.owner == Owner::Plain {
            self.shared.bridge.reach(asker).await;
        }
        if matches!(operation, Operation::Disconnect | Operation::Unregister) {
            self.shared.attendances.end(&asker.user);
            self.shared.bridge.leave(asker);
        }
    }

    /// The connection, if the client has taken the answer.
    async fn answer<W: Wire>(&self, mut stream: W, request: Request, reply: Reply) -> Option<W> {
        let bytes = reply.to_bytes(request.operation, self.form());
        let answered = matches!(timeout(ANSWER_WITHIN, stream.write_all(&bytes)).await, Ok(Ok(())));
        self.shared.operations.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(
            operation = request.operation.name(),
            user = %request.fields.first().map(|user| paso::visible(user)).unwrap_or_default(),
            outcome = ?reply.outcome,
            answered,
            "operation"
        );
        self.shared.reports.send(Report::of(request));
        answered.then_some(stream)
    }

    async fn refuse(&self, mut stream: impl Wire, fault: Option<RequestError>) {
        self.shared.broken.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(?fault, "no request");
        // Of an unknown operation nobody knows which byte would say so.
        let operation = match fault {
            Some(RequestError::TooLong(operation) | RequestError::NotText(operation)) => operation,
            Some(RequestError::Operation) | None => return,
        };
        let bytes = Reply::from(Outcome::Failed).to_bytes(operation, self.form());
        if matches!(timeout(ANSWER_WITHIN, stream.write_all(&bytes)).await, Ok(Ok(()))) {
            let _ = end_in_order(stream, LINGER).await;
        }
    }

    async fn attend(&self, mut stream: impl Wire, asker: Asker, request: Request) {
        let (outcome, attendance) = self.begin_attendance(&asker).await;
        let bytes = Reply::from(outcome).to_bytes(request.operation, self.form());
        self.shared.operations.fetch_add(1, Ordering::Relaxed);
        self.shared.reports.send(Report::of(request));
        let answered = matches!(timeout(ANSWER_WITHIN, stream.write_all(&bytes)).await, Ok(Ok(())));
        let Some((mut attendance, bridged)) = attendance else {
            let _ = end_in_order(stream, LINGER).await;
            return;
        };
        if answered {
            attendance.keep(&mut stream).await;
        }
        self.shared.bridge.close(bridged).await;
        if attendance.leave() {
            self.change(&asker, What::Disconnect).await;
        }
    }

    async fn begin_attendance(
        &self,
        asker: &Asker,
    ) -> (Outcome, Option<(super::attendance::Attendance, super::bridge::Bridged)>) {
        if self.owner == Owner::Plain {
            return (Outcome::Failed, None);
        }
        let presence = Query { asker: Some(asker.clone()), what: Question::Presence };
        match self.shared.index.query(presence).await {
            Ok(_) | Err(Outcome::NotConnected) => {}
            Err(outcome) => return (outcome, None),
        }
        let Some(attendance) = self.shared.attendances.begin(&asker.user).await else {
            return (Outcome::AlreadyConnected, None);
        };
        // What a crash, or somebody who has vanished, left behind.
        self.change(asker, What::Disconnect).await;
        let bridged = self.shared.bridge.open(asker).await;
        let place = answer::attended_place(asker, bridged.port());
        let outcome = self.change(asker, What::Connect(place)).await;
        if outcome == Outcome::Done {
            return (outcome, Some((attendance, bridged)));
        }
        self.shared.bridge.close(bridged).await;
        // Somebody who came at the same moment may be in the index, and has lost its place to this one.
        if attendance.leave() {
            self.change(asker, What::Disconnect).await;
        }
        (outcome, None)
    }
}

/// Lets a client that has its answer end the connection.
async fn linger(answered: Option<impl Wire>) {
    if let Some(stream) = answered {
        // Whether it closes in time changes nothing.
        let _ = end_in_order(stream, LINGER).await;
    }
}

/// Reads until the request is whole. `None`: the client has gone.
async fn read_request(stream: &mut impl Wire) -> Result<Request, Option<RequestError>> {
    let mut reader = RequestReader::default();
    let mut buffer = [0; 1024];
    loop {
        let length = stream.read(&mut buffer).await.map_err(|_| None)?;
        if length == 0 {
            return Err(None);
        }
        if let Some(request) = reader.handle_bytes(buffer.get(..length).unwrap_or_default())? {
            return Ok(request);
        }
    }
}
