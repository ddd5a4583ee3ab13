//! What a request asks of the index, and what the index' answer is to the client: no I/O.

use std::net::IpAddr;

use crate::hash::MAX_SIZE;
use crate::index::change::{Asker, Content, Place, What};
use crate::index::query::{Answer, Found, Holder, Question, Wanted};
use crate::wire::operation::Operation;
use crate::wire::outcome::Outcome;
use crate::wire::reply::{Body, Reply};
use crate::wire::request::Request;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Task {
    Change(What),
    Ask(Question),
    Attend,
    /// The fields make no sense.
    Refuse,
}

/// What the address of a user is to clients of the course who cannot reach it.
const NOWHERE: &str = "0.0.0.0";

/// `ip`: where the client is, if it came over plain TCP.
pub(super) fn task(request: &Request, asker: &Asker, ip: Option<IpAddr>) -> Task {
    let field = |at: usize| request.fields.get(at).cloned().unwrap_or_default();
    match request.operation {
        Operation::Register => Task::Change(What::Register),
        Operation::Unregister => Task::Change(What::Unregister),
        Operation::Disconnect => Task::Change(What::Disconnect),
        Operation::Connect => match field(1).parse() {
            Ok(port @ 1_u16..) => Task::Change(What::Connect(place(asker, ip, port))),
            _ => Task::Refuse,
        },
        Operation::Publish => {
            Task::Change(What::Publish { path: field(1), description: field(2), content: None })
        }
        Operation::Offer => match content(&field(3), &field(4)) {
            content @ Some(_) => {
                Task::Change(What::Publish { path: field(1), description: field(2), content })
            }
            None => Task::Refuse,
        },
        Operation::Delete => Task::Change(What::Delete { path: field(1) }),
        Operation::ListUsers => Task::Ask(Question::Users),
        Operation::ListContent => Task::Ask(Question::ContentOf(field(1))),
        // Who asks, whose file, and which; or whose file, which, and what it is to be called.
        Operation::GetFile => {
            Task::Ask(Question::Holders(Wanted::OfEither([(field(1), field(2)), (field(0), field(1))])))
        }
        Operation::GetMultifile => Task::Ask(Question::Holders(Wanted::Named(field(1)))),
        Operation::Holders => Task::Ask(Question::Holders(wanted(field(1), field(2)))),
        Operation::Attend => Task::Attend,
    }
}

/// Where a user is who says at which TCP port.
fn place(asker: &Asker, ip: Option<IpAddr>, port: u16) -> Place {
    Place {
        ip: ip.map_or_else(|| NOWHERE.to_owned(), |ip| ip.to_string()),
        port,
        service: crate::names::service_of(asker),
    }
}

/// Where a user is who is reached by name: for clients of the course at this port of the server's loopback, if it has one for them.
pub(super) fn attended_place(asker: &Asker, bridged: Option<u16>) -> Place {
    let ip = if bridged.is_some() { "127.0.0.1" } else { NOWHERE };
    Place { ip: ip.into(), port: bridged.unwrap_or(0), service: crate::names::service_of(asker) }
}

fn content(id: &str, size: &str) -> Option<Content> {
    let (id, size) = (id.parse().ok()?, size.parse().ok()?);
    (size <= MAX_SIZE).then_some(Content { id, size })
}

fn wanted(user: String, what: String) -> Wanted {
    match what.parse() {
        _ if !user.is_empty() => Wanted::Of { user, path: what },
        Ok(id) => Wanted::Known(id),
        Err(_) => Wanted::Named(what),
    }
}

/// The reply to a question.
pub(super) fn reply(operation: Operation, answer: Answer) -> Reply {
    let found = match answer {
        Ok(found) => found,
        Err(outcome) => return outcome.into(),
    };
    match (operation, found) {
        (Operation::ListUsers, Found::Users(users)) => {
            let row = |(name, place): (String, Place)| vec![name, place.ip, place.port.to_string()];
            Reply::with(Body::Rows(users.into_iter().map(row).collect()))
        }
        (Operation::ListContent, Found::Paths(paths)) => {
            Reply::with(Body::Rows(paths.into_iter().map(|path| vec![path]).collect()))
        }
        (Operation::GetFile, Found::Holders(holders)) => match holders.into_iter().next() {
            Some(Holder { place, .. }) => Reply::with(Body::Texts(vec![place.ip, place.port.to_string()])),
            None => Outcome::NoFile.into(),
        },
        (Operation::GetMultifile, Found::Holders(holders)) => {
            let row = |holder: Holder| vec![holder.place.ip, holder.place.port.to_string(), holder.path];
            Reply::with(Body::FewRows(holders.into_iter().map(row).collect()))
        }
        (Operation::Holders, Found::Holders(holders)) => {
            Reply::with(Body::Rows(holders.into_iter().map(holder_row).collect()))
        }
        _ => Outcome::Failed.into(),
    }
}

/// User, published name, address, port, path, hash and size; the last two are empty where the publisher did not say them.
fn holder_row(holder: Holder) -> Vec<String> {
    let Holder { user, place: Place { ip, port, service }, path, content } = holder;
    let (id, size) =
        content.map(|Content { id, size }| (id.to_string(), size.to_string())).unwrap_or_default();
    vec![user, service, ip, port.to_string(), path, id, size]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::change::Owner;

    fn asker() -> Asker {
        Asker { user: "alice".into(), owner: Owner::Plain }
    }

    #[test]
    fn fields_that_make_no_sense_are_refused() {
        let id = "0".repeat(64);
        for (operation, fields) in [
            (Operation::Connect, vec!["alice", "0"]),
            (Operation::Connect, vec!["alice", "65536"]),
            (Operation::Connect, vec!["alice", "-1"]),
            (Operation::Connect, vec!["alice", "http"]),
            (Operation::Offer, vec!["alice", "/a", "", "no hash", "5"]),
            (Operation::Offer, vec!["alice", "/a", "", &id, "-5"]),
            (Operation::Offer, vec!["alice", "/a", "", &id, "68719476737"]),
        ] {
            let request = Request::new(operation, &fields);
            assert_eq!(task(&request, &asker(), None), Task::Refuse, "{fields:?}");
        }
    }

    #[test]
    fn what_is_wanted_is_a_file_of_a_user_a_hash_or_a_name() {
        let ask = |user: &str, what: &str| wanted(user.into(), what.into());
        let id = "ab".repeat(32);
        assert_eq!(ask("bob", "/a"), Wanted::Of { user: "bob".into(), path: "/a".into() });
        assert_eq!(ask("", &id), Wanted::Known(id.parse().unwrap()));
        assert_eq!(ask("", "poem.txt"), Wanted::Named("poem.txt".into()));
    }
}
