use std::fs;
use std::path::PathBuf;

use super::change::{Asker, Content, Owner, Place, What};
use super::query::{Found, Holder, Question, Wanted};
use super::*;
use crate::hash::FileId;

struct Case {
    _folder: tempfile::TempDir,
    path: PathBuf,
    index: Index,
}

fn case() -> Case {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    Case { index: Index::open(&path).unwrap(), path, _folder: folder }
}

fn plain(user: &str) -> Asker {
    Asker { user: user.into(), owner: Owner::Plain }
}

fn of_ticket(user: &str, ticket: &str) -> Asker {
    Asker { user: user.into(), owner: Owner::Ticket(ticket.into()) }
}

fn place() -> Place {
    Place { ip: "127.0.0.1".into(), port: 6000, service: "share.x".into() }
}

fn publish(path: &str, content: Option<Content>) -> What {
    What::Publish { path: path.into(), description: "a file".into(), content }
}

impl Case {
    async fn change(&self, asker: Asker, what: What) -> Outcome {
        self.index.change(Change { asker, what }).await
    }

    async fn connected(&self, asker: &Asker) {
        assert_eq!(self.change(asker.clone(), What::Register).await, Outcome::Done);
        assert_eq!(self.change(asker.clone(), What::Connect(place())).await, Outcome::Done);
    }

    async fn ask(&self, asker: Asker, what: Question) -> Answer {
        self.index.query(Query { asker: Some(asker), what }).await
    }
}

#[tokio::test]
async fn each_change_has_its_outcomes() {
    let case = case();
    let alice = || plain("alice");
    for (what, outcome) in [
        (What::Unregister, Outcome::NoUser),
        (What::Connect(place()), Outcome::NoUser),
        (What::Register, Outcome::Done),
        (What::Register, Outcome::InUse),
        (What::Disconnect, Outcome::NotConnected),
        (publish("/a", None), Outcome::NotConnected),
        (What::Delete { path: "/a".into() }, Outcome::NotConnected),
        (What::Connect(place()), Outcome::Done),
        (What::Connect(place()), Outcome::AlreadyConnected),
        (What::Delete { path: "/a".into() }, Outcome::NotPublished),
        (publish("", None), Outcome::Failed),
        (publish("/a", None), Outcome::Done),
        (publish("/a", None), Outcome::AlreadyPublished),
        (What::Delete { path: "/a".into() }, Outcome::Done),
        (What::Disconnect, Outcome::Done),
        (What::Unregister, Outcome::Done),
        (What::Unregister, Outcome::NoUser),
    ] {
        assert_eq!(case.change(alice(), what.clone()).await, outcome, "{what:?}");
    }
    for name in ["", "01/02/2024 10:11:12", "a\nb", "\u{202e}x"] {
        assert_eq!(case.change(plain(name), What::Register).await, Outcome::Failed, "{name:?}");
    }
}

#[tokio::test]
async fn nobody_acts_in_the_name_of_another() {
    let case = case();
    case.connected(&of_ticket("alice", "one")).await;
    for other in [plain("alice"), of_ticket("alice", "two")] {
        assert_eq!(case.change(other.clone(), What::Register).await, Outcome::InUse);
        for what in [
            What::Unregister,
            What::Connect(place()),
            What::Disconnect,
            publish("/a", None),
            What::Delete { path: "/a".into() },
        ] {
            assert_eq!(case.change(other.clone(), what.clone()).await, Outcome::Failed, "{what:?}");
        }
        assert_eq!(case.ask(other, Question::Users).await, Err(Outcome::Failed));
    }
}

#[tokio::test]
async fn holders_are_those_who_are_connected() {
    let case = case();
    let id = FileId::of_hashes(&[[1; 32]]);
    let content = Some(Content { id, size: 5 });
    for user in ["alice", "bob", "carol"] {
        case.connected(&plain(user)).await;
    }
    assert_eq!(case.change(plain("alice"), publish("/home/a/poem", content)).await, Outcome::Done);
    assert_eq!(case.change(plain("bob"), publish("/b/poem", None)).await, Outcome::Done);
    let ask = |wanted| case.ask(plain("carol"), Question::Holders(wanted));
    let users = |answer: Answer| match answer.unwrap() {
        Found::Holders(holders) => holders.into_iter().map(|holder| holder.user).collect::<Vec<_>>(),
        other @ (Found::Presence | Found::Users(_) | Found::Paths(_)) => panic!("{other:?}"),
    };
    assert_eq!(users(ask(Wanted::Named("poem".into())).await), ["alice", "bob"]);
    assert_eq!(users(ask(Wanted::Named("/elsewhere/poem".into())).await), ["alice", "bob"]);
    let holder = Holder { user: "alice".into(), place: place(), path: "/home/a/poem".into(), content };
    assert_eq!(ask(Wanted::Known(id)).await, Ok(Found::Holders(vec![holder])));
    let of = |path: &str| Wanted::Of { user: "bob".into(), path: path.into() };
    assert_eq!(users(ask(of("/b/poem")).await), ["bob"]);
    assert_eq!(ask(of("poem")).await, Err(Outcome::NoFile));
    assert_eq!(case.change(plain("alice"), What::Disconnect).await, Outcome::Done);
    assert_eq!(users(ask(Wanted::Named("poem".into())).await), ["bob"]);
    let content = case.ask(plain("carol"), Question::ContentOf("alice".into())).await;
    assert_eq!(content, Ok(Found::Paths(vec!["/home/a/poem".into()])), "connected or not");
    assert_eq!(case.change(plain("alice"), What::Unregister).await, Outcome::Done);
    let content = case.ask(plain("carol"), Question::ContentOf("alice".into())).await;
    assert_eq!(content, Err(Outcome::NoRemoteUser));
}

#[tokio::test]
async fn many_users_of_one_ticket_leave_room_for_another_holder() {
    let case = case();
    let id = FileId::of_hashes(&[[1; 32]]);
    let mut askers: Vec<Asker> = (0..256).map(|at| of_ticket(&format!("!{at:03}"), "greedy")).collect();
    askers.push(of_ticket("zoe", "one"));
    for asker in &askers {
        case.connected(asker).await;
        let published = case.change(asker.clone(), publish("/poem", Some(Content { id, size: 5 }))).await;
        assert_eq!(published, Outcome::Done);
    }
    let found = case.ask(of_ticket("zoe", "one"), Question::Holders(Wanted::Known(id))).await;
    let Ok(Found::Holders(holders)) = found else { panic!("{found:?}") };
    assert_eq!(holders.len(), 255);
    assert_eq!(holders[1].user, "zoe");
}

#[tokio::test]
async fn what_is_answered_is_there_after_a_restart() {
    let case = case();
    case.connected(&plain("alice")).await;
    case.connected(&of_ticket("bob", "one")).await;
    assert_eq!(case.change(plain("alice"), publish("/a", None)).await, Outcome::Done);
    // As a crash leaves it: nothing is closed, and the log is not yet in the file.
    let copy = case.path.with_file_name("copy");
    for part in ["", "-wal"] {
        let name = |path: &Path| PathBuf::from(format!("{}{part}", path.display()));
        fs::copy(name(&case.path), name(&copy)).unwrap();
    }
    let again = Index::open(&copy).unwrap();
    let users = again.query(Query { asker: Some(plain("alice")), what: Question::Users }).await;
    assert_eq!(
        users,
        Ok(Found::Users(vec![("alice".into(), place())])),
        "bob's link is gone, alice's port is not"
    );
}

#[tokio::test]
async fn neither_one_ticket_nor_plain_tcp_takes_all_names() {
    let case = case();
    let mut outcomes = Vec::new();
    for number in 0..257 {
        outcomes.push(case.change(of_ticket(&format!("user{number}"), "greedy"), What::Register).await);
    }
    assert_eq!(outcomes.pop(), Some(Outcome::Failed));
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Done));
    assert_eq!(case.change(of_ticket("alice", "one"), What::Register).await, Outcome::Done);
    let all = (0..2_049).map(|at| Change { asker: plain(&format!("plain{at}")), what: What::Register });
    let mut asking = tokio::task::JoinSet::new();
    for change in all {
        let index = case.index.clone();
        asking.spawn(async move { index.change(change).await });
    }
    let outcomes = asking.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Failed).count(), 1);
    assert_eq!(case.change(of_ticket("bob", "two"), What::Register).await, Outcome::Done);
}

#[tokio::test]
async fn readers_do_not_wait_for_a_writer() {
    let case = case();
    case.connected(&plain("alice")).await;
    let writer = rusqlite::Connection::open(&case.path).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE; DELETE FROM users").unwrap();
    assert!(case.ask(plain("alice"), Question::Users).await.is_ok());
    writer.execute_batch("ROLLBACK").unwrap();
}

#[tokio::test]
async fn a_later_version_and_rubbish_are_refused() {
    let case = case();
    rusqlite::Connection::open(&case.path).unwrap().pragma_update(None, "user_version", 2).unwrap();
    assert!(matches!(Index::open(&case.path), Err(OpenError::Version(_, 2))));
    let rubbish = case.path.with_file_name("rubbish");
    fs::write(&rubbish, "no index at all, but a text that is longer than a header would be".repeat(9))
        .unwrap();
    assert!(matches!(Index::open(&rubbish), Err(OpenError::Sqlite(..))));
    assert!(matches!(Index::open(Path::new("/no/such/folder/index")), Err(OpenError::File(..))));
}
