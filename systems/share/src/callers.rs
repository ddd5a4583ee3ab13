//! Those who come to a published name.

use std::future::Future;
use std::sync::Arc;

use paso::{AcceptError, Listener, Stream};
use tokio::task::JoinSet;

use crate::admission::{Admission, Admitted, Source};

/// Has each of them served by a task of its own, which is told its ticket and has a place; those for whom there is none are reset.
/// Returns why nobody comes any more; then, and when it is dropped, those end who are being served.
pub(crate) async fn serve_each<F>(
    mut listener: Listener,
    places: Arc<Admission>,
    serve: impl Fn(Stream, String, Admitted) -> F,
) -> AcceptError
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut clients = JoinSet::new();
    loop {
        while clients.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, caller)) => {
                // Whoever comes to a name has a ticket.
                let Some(ticket) = caller.ticket.map(|ticket| ticket.to_string()) else { continue };
                if let Some(place) = places.admit(Source::Ticket(ticket.clone())) {
                    clients.spawn(serve(stream, ticket, place));
                }
            }
            Err(AcceptError::Refused(why)) => {
                tracing::info!(%why, "proxy2 gives the name's clients to nobody for now; asking again");
            }
            Err(error) => return error,
        }
    }
}
