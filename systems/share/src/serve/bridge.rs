//! Lets users who have a ticket and users of plain TCP reach each other.
//!
//! A user who is reached by name has a port on the server's loopback too, which leads to that name. A user of plain TCP has a name
//! too, at which the server passes requests on: only for what that user has published.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use paso::{Bound, Forward, Link, Listener, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::admission::{Admission, Admitted, Share};
use crate::callers::serve_each;
use crate::ending::end_in_order;
use crate::index::Index;
use crate::index::change::{Asker, Owner};
use crate::index::query::{Found, Holder, Query, Question, Wanted};
use crate::names::service_of;
use crate::wire::outcome::Outcome;
use crate::wire::peer::{PeerRequest, PeerRequestReader, status};

/// How many connections there are to all users of plain TCP together; more are reset. A link has 4,096 streams, and the server's own name
/// needs some.
const CLIENTS: Share = Share { all: 1_024, each: 64 };

/// How many files are passed on at a time. More wait.
const PASSED_ON: Share = Share { all: 64, each: 4 };

/// How long one waits for that. Its client may have gone meanwhile.
const TURN_WITHIN: Duration = Duration::from_secs(60);

/// How long a peer's request may take to arrive, and the connection to the user that it is passed on to.
const PEER_WITHIN: Duration = Duration::from_secs(10);

/// How long a client of plain TCP waits for its user's name, should proxy2 be away.
const PUBLISH_WITHIN: Duration = Duration::from_secs(2);

/// How long a client may take to close once it has the file.
const LINGER: Duration = Duration::from_secs(60);

/// How long a file may be on its way. It bounds what somebody can hold who reads a byte a minute.
const FILE_WITHIN: Duration = Duration::from_secs(3_600);

#[derive(Debug)]
pub(super) struct Bridge {
    link: Option<Link>,
    index: Index,
    has_plain: bool,
    places: Arc<Admission>,
    reached: Mutex<HashMap<String, AbortHandle>>,
}

/// A port that leads to a user's name.
#[derive(Debug)]
pub(super) struct Bridged(Option<Bound>);

impl Bridged {
    pub(super) fn port(&self) -> Option<u16> {
        self.0.as_ref().and_then(Bound::tcp).map(|address| address.port())
    }
}

impl Bridge {
    pub(super) fn new(link: Option<Link>, index: Index, has_plain: bool) -> Self {
        let places = Arc::new(Admission::new(CLIENTS, PASSED_ON));
        Self { link, index, has_plain, places, reached: Mutex::default() }
    }

    /// Names those users of plain TCP who were connected before the server was restarted.
    pub(super) async fn start(&self) {
        let Ok(Found::Users(users)) =
            self.index.query(Query { asker: None, what: Question::PlainUsers }).await
        else {
            return;
        };
        for (user, _) in users {
            self.reach(&Asker { user, owner: Owner::Plain }).await;
        }
    }

    /// Opens a port that leads to the user's name, if anybody could come to it. Without one the user is reached by name alone.
    pub(super) async fn open(&self, asker: &Asker) -> Bridged {
        let (Some(link), true) = (&self.link, self.has_plain) else { return Bridged(None) };
        let forward: Forward =
            format!("127.0.0.1:0:@{}", service_of(asker)).parse().expect("a name can be forwarded to");
        match timeout(PEER_WITHIN, link.forward(&forward)).await {
            Ok(Ok(bound)) => Bridged(Some(bound)),
            Ok(Err(error)) => {
                tracing::info!(%error, "clients of plain TCP cannot reach a user");
                Bridged(None)
            }
            Err(_) => Bridged(None),
        }
    }

    pub(super) async fn close(&self, bridged: Bridged) {
        if let (Some(link), Some(bound)) = (&self.link, bridged.0) {
            // If the link is closed the port is, too.
            let _ = link.stop_forward(&bound).await;
        }
    }

    /// Publishes a name for a user of plain TCP. Without one it is reached over plain TCP alone.
    pub(super) async fn reach(&self, asker: &Asker) {
        let Some(link) = &self.link else { return };
        let listener = match timeout(PUBLISH_WITHIN, link.publish(&service_of(asker))).await {
            Ok(Ok(listener)) => listener,
            Ok(Err(error)) => return tracing::info!(%error, "clients of the link cannot reach a user"),
            Err(_) => return,
        };
        let task =
            tokio::spawn(pass_on(listener, self.index.clone(), asker.user.clone(), Arc::clone(&self.places)));
        let before = self.with_reached(|reached| reached.insert(asker.user.clone(), task.abort_handle()));
        if let Some(before) = before {
            before.abort();
        }
        // It may have gone while its name was being published: then nobody else takes the name back.
        let presence = Query { asker: Some(asker.clone()), what: Question::Presence };
        if let Err(Outcome::NoUser | Outcome::NotConnected) = self.index.query(presence).await {
            self.leave(asker);
        }
    }

    /// The user goes.
    pub(super) fn leave(&self, asker: &Asker) {
        if asker.owner != Owner::Plain {
            return;
        }
        if let Some(task) = self.with_reached(|reached| reached.remove(&asker.user)) {
            task.abort();
        }
    }

    fn with_reached<T>(&self, work: impl FnOnce(&mut HashMap<String, AbortHandle>) -> T) -> T {
        work(&mut self.reached.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.reached
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .drain()
            .for_each(|(_, task)| task.abort());
    }
}

/// Passes requests for what the user has published on to it.
async fn pass_on(listener: Listener, index: Index, user: String, places: Arc<Admission>) {
    let pass_one_on = |stream, _, place| {
        let (index, user) = (index.clone(), user.clone());
        async move {
            // The client sees where it ends.
            let _ = timeout(FILE_WITHIN, pass_one_on(stream, &index, user, &place)).await;
        }
    };
    serve_each(listener, places, pass_one_on).await;
}

async fn pass_one_on(mut client: Stream, index: &Index, user: String, place: &Admitted) -> io::Result<()> {
    let Ok(Some(request)) = timeout(PEER_WITHIN, read_peer_request(&mut client)).await else { return Ok(()) };
    let Ok(turn) = timeout(TURN_WITHIN, place.turn()).await else { return Ok(()) };
    match peer_for(&request, index, user).await {
        Ok(mut peer) => {
            peer.write_all(&request.to_bytes()).await?;
            copy(&mut peer, &mut client).await?;
        }
        Err(status) => client.write_all(&[status]).await?,
    }
    drop(turn);
    end_in_order(client, LINGER).await
}

/// A connection to the user, if the request is for what it has published; or the status that says why there is none.
async fn peer_for(request: &PeerRequest, index: &Index, user: String) -> Result<TcpStream, u8> {
    let PeerRequest::File { path } = request else { return Err(status::FAILED) };
    let wanted = Wanted::Of { user, path: path.clone() };
    let found = index.query(Query { asker: None, what: Question::Holders(wanted) }).await;
    let Holder { place, .. } = first(found.ok()).ok_or(status::NO_FILE)?;
    let connecting = TcpStream::connect(format!("{}:{}", bracketed(&place.ip), place.port));
    match timeout(PEER_WITHIN, connecting).await {
        Ok(Ok(peer)) => Ok(peer),
        Ok(Err(_)) | Err(_) => Err(status::FAILED),
    }
}

fn first(found: Option<Found>) -> Option<Holder> {
    match found {
        Some(Found::Holders(holders)) => holders.into_iter().next(),
        _ => None,
    }
}

/// An address of version 6 needs brackets before a port.
fn bracketed(ip: &str) -> String {
    if ip.contains(':') { format!("[{ip}]") } else { ip.to_owned() }
}

/// `None`: the client has gone, or sent what is no request.
async fn read_peer_request(stream: &mut Stream) -> Option<PeerRequest> {
    let mut reader = PeerRequestReader::default();
    let mut buffer = [0; 1024];
    loop {
        let length = stream.read(&mut buffer).await.ok().filter(|length| *length > 0)?;
        let (_, request) = reader.handle_bytes(buffer.get(..length)?).ok()?;
        if request.is_some() {
            return request;
        }
    }
}
