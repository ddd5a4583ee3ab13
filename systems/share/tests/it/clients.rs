//! Clients and what they give each other.

use std::time::Duration;

use common::testing::Weather;
use share::hash::{BLOCK, FileId, of_file};
use share::index::change::{Asker, Owner};
use share::multifile::download::{Wanted, download};
use share::multifile::holder::Address;
use share::names::service_of;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::support::{Beside, Way, World, exchange, say};

pub(crate) const POEM: &[u8] = b"Caminante, no hay camino, se hace camino al andar.";

pub(crate) async fn world() -> World {
    World::new(Beside::Nothing, Way::Link).await
}

pub(crate) fn large(blocks: usize) -> Vec<u8> {
    (0..blocks * BLOCK + 77)
        .map(|at| (at as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes()[0])
        .collect()
}

pub(crate) fn service(user: &str) -> String {
    service_of(&Asker { user: user.into(), owner: Owner::Ticket(user.into()) })
}

/// Asks until it says this.
async fn until(mut ask: impl AsyncFnMut() -> String, expected: &str) {
    for _ in 0..2_000 {
        let said = ask().await;
        if said == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never said {expected:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_from_one_user_to_another_over_the_link() {
    let world = world().await;
    let (mut alice, mut bob) = (world.client("alice").await, world.client("bob").await);
    let (poem, copy) = (world.file("poem", POEM), world.path("copy"));
    assert_eq!(say(&mut alice, &format!("PUBLISH {poem} by Machado")).await, "c> PUBLISH OK\n");
    assert_eq!(
        say(&mut alice, &format!("PUBLISH {poem} again")).await,
        "c> PUBLISH FAIL, CONTENT ALREADY PUBLISHED\n"
    );
    assert_eq!(say(&mut bob, "LIST_CONTENT alice").await, format!("c> LIST_CONTENT OK\n\t{poem}\n"));
    assert_eq!(say(&mut bob, &format!("GET_FILE alice {poem} {copy}")).await, "c> GET_FILE OK\n");
    assert_eq!(std::fs::read(&copy).unwrap(), POEM);
    let secret = world.file("secret", b"not published");
    let missing = "c> GET_FILE FAIL, FILE NOT EXIST\n";
    for path in [&secret, "/etc/passwd", "../secret", &format!("{poem}/../secret")] {
        assert_eq!(say(&mut bob, &format!("GET_FILE alice {path} {copy}")).await, missing, "{path}");
    }
    assert_eq!(say(&mut alice, &format!("DELETE {poem}")).await, "c> DELETE OK\n");
    assert_eq!(say(&mut bob, &format!("GET_FILE alice {poem} {copy}")).await, missing);
    assert_eq!(say(&mut alice, "DISCONNECT alice").await, "c> DISCONNECT OK\n");
    let users = say(&mut bob, "LIST_USERS").await;
    assert!(users.contains("bob") && !users.contains("alice"), "{users}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_of_a_client_has_its_sentence() {
    let world = world().await;
    let mut alice = world.session(world.pair().join("alice").await, "alice");
    for (line, said) in [
        ("CONNECT alice", "c> CONNECT FAIL, USER DOES NOT EXIST\n"),
        ("UNREGISTER alice", "c> USER DOES NOT EXIST\n"),
        ("PUBLISH x y", "c> PUBLISH FAIL, USER NOT CONNECTED\n"),
        ("DELETE x", "c> DELETE FAIL, USER NOT CONNECTED\n"),
        ("LIST_USERS", "c> LIST_USERS FAIL, USER NOT CONNECTED\n"),
        ("LIST_CONTENT x", "c> LIST_CONTENT FAIL, USER NOT CONNECTED\n"),
        ("REGISTER alice", "c> REGISTER OK\n"),
        ("REGISTER alice", "c> USERNAME IN USE\n"),
        ("DISCONNECT alice", "c> DISCONNECT FAIL, USER NOT CONNECTED\n"),
        ("CONNECT alice", "c> CONNECT OK\n"),
        ("CONNECT alice", "c> USER ALREADY CONNECTED\n"),
        ("LIST_CONTENT bob", "c> LIST_CONTENT FAIL, REMOTE USER DOES NOT EXIST\n"),
        ("DELETE x", "c> DELETE FAIL, CONTENT NOT PUBLISHED\n"),
        ("GET_MULTIFILE x y", "c> GET_MULTIFILE FAIL, FILE NOT EXIST\n"),
        ("STEAL x", "c> there is no command STEAL: HELP says which there are\n"),
        ("UNREGISTER alice", "c> UNREGISTER OK\n"),
    ] {
        assert_eq!(say(&mut alice, line).await, said, "{line}");
    }
    let folder = world.path("");
    assert!(say(&mut alice, "HELP").await.contains("GET_MULTIFILE"));
    say(&mut alice, "REGISTER alice").await;
    say(&mut alice, "CONNECT alice").await;
    let said = say(&mut alice, &format!("PUBLISH {folder} a folder")).await;
    assert_eq!(said, "c> PUBLISH FAIL\n\tit is no regular file\n");
    assert!(say(&mut alice, "PUBLISH /no/such/file x").await.starts_with("c> PUBLISH FAIL\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_many_comes_from_all_and_goes_on_where_it_was() {
    let world = world().await;
    world.pair().network().set(Weather { loss: 0.05, ..Weather::default() });
    let bytes = large(6);
    let path = world.file("large", &bytes);
    let mut holders = Vec::new();
    for user in ["alice", "bob", "carol"] {
        let mut client = world.client(user).await;
        assert_eq!(say(&mut client, &format!("PUBLISH {path} a large one")).await, "c> PUBLISH OK\n");
        holders.push(client);
    }
    let mut dave = world.client("dave").await;
    let copy = world.path("copy");
    let said = say(&mut dave, &format!("GET_MULTIFILE large {copy}")).await;
    assert!(said.starts_with("c> GET_MULTIFILE OK\n"), "{said}");
    assert!(std::fs::read(&copy).unwrap() == bytes);
    // As an earlier try leaves it: some blocks, one of them damaged.
    let (hashes, _) = of_file(bytes.as_slice()).unwrap();
    let id = FileId::of_hashes(&hashes);
    let again = world.path("again");
    let part = world.path(&format!(".again.{}.part", &id.to_string()[..16]));
    let mut begun = bytes[..4 * BLOCK].to_vec();
    begun[BLOCK] ^= 1;
    std::fs::write(&part, begun).unwrap();
    let said = say(&mut dave, &format!("GET_MULTIFILE {id} {again}")).await;
    let there = format!("{} of {} bytes were there already", 3 * BLOCK, bytes.len());
    assert!(said.contains(&there), "{said}");
    assert!(std::fs::read(&again).unwrap() == bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_dies_and_one_that_lies_hold_nothing_up() {
    let world = world().await;
    let bytes = large(8);
    let path = world.file("large", &bytes);
    let mut alice = world.client("alice").await;
    say(&mut alice, &format!("PUBLISH {path} a large one")).await;
    let (hashes, size) = of_file(bytes.as_slice()).unwrap();
    let id = FileId::of_hashes(&hashes);
    // One sends wrong bytes, one sends half a block and dies.
    let (liar, dying) = (world.pair().join("liar").await, world.pair().join("dying").await);
    let mut lying = liar.publish(&service("liar")).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = lying.accept().await {
            let answer = [format!("\0{BLOCK}\0").into_bytes(), vec![0; BLOCK]].concat();
            let _ = stream.write_all(&answer).await;
            let _ = stream.read(&mut [0; 256]).await;
            let _ = stream.shutdown().await;
        }
    });
    let mut dead = dying.publish(&service("dying")).await.unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = dead.accept().await.unwrap();
        let answer = [format!("\0{BLOCK}\0").into_bytes(), vec![0; BLOCK / 2]].concat();
        let _ = stream.write_all(&answer).await;
    });
    let link = world.pair().join("dave").await;
    let holders = ["liar", "dying", "alice"].map(|user| Address::Named(link.clone(), service(user)));
    let to = world.folder().join("copy");
    // The hashes are asked of the first who has them: those of the liar are no hashes.
    let fetched = download(Wanted { id, size, to: &to }, &holders, |_| {}).await.unwrap();
    assert_eq!(fetched.brought, [0, 0, 9]);
    assert!(std::fs::read(&to).unwrap() == bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_brings_it_and_nothing_is_lost() {
    let world = world().await;
    let link = world.pair().join("dave").await;
    let id = FileId::of_hashes(&[[0; 32]]);
    let holders = [Address::Named(link, "share.of-nobody.0".into())];
    let to = world.folder().join("copy");
    let error = download(Wanted { id, size: 5, to: &to }, &holders, |_| {}).await.unwrap_err().to_string();
    assert!(error.contains("goes on with it"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_plain_tcp_and_of_the_link_reach_each_other() {
    let world = world().await;
    let mut alice = world.client("alice").await;
    let mut paula = world.plain_client("paula").await;
    let (poem, copy) = (world.file("poem", POEM), world.path("copy"));
    say(&mut alice, &format!("PUBLISH {poem} by Machado")).await;
    // As a program of the course does: asks who is there, and the user there for the file.
    let users = exchange(TcpStream::connect(world.plain).await.unwrap(), b"LIST_USERS\0paula\0").await;
    let users: Vec<&str> = str::from_utf8(&users).unwrap().split('\0').collect();
    let at = users.iter().position(|word| *word == "alice").unwrap();
    let address = format!("{}:{}", users[at + 1], users[at + 2]);
    let request = format!("GET_FILE\0{poem}\0");
    let answer = exchange(TcpStream::connect(&address).await.unwrap(), request.as_bytes()).await;
    assert_eq!(answer, [format!("\0{}\0", POEM.len()).as_bytes(), POEM].concat());
    assert_eq!(say(&mut paula, &format!("GET_FILE alice {poem} {copy}")).await, "c> GET_FILE OK\n");
    assert_eq!(std::fs::read(&copy).unwrap(), POEM);
    // The other way, the server passes on what was published, and nothing else.
    let other = world.file("other", b"another poem");
    say(&mut paula, &format!("PUBLISH {other} by paula")).await;
    let name = service_of(&Asker { user: "paula".into(), owner: Owner::Plain });
    let stream = world.link().open(&format!("@{name}")).await.unwrap();
    let answer = exchange(stream, format!("GET_FILE\0{other}\0").as_bytes()).await;
    assert_eq!(answer, b"\x0012\0another poem");
    let stream = world.link().open(&format!("@{name}")).await.unwrap();
    assert_eq!(exchange(stream, b"GET_FILE\0/etc/passwd\0").await, b"\x01");
    assert_eq!(say(&mut paula, "DISCONNECT paula").await, "c> DISCONNECT OK\n");
    until(async || world.link().open(&format!("@{name}")).await.is_err().to_string(), "true").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_of_the_course_fetch_whole_files_and_parts() {
    let world = World::new(Beside::Nothing, Way::Plain).await;
    let mut paula = world.plain_client("paula").await;
    let poem = world.file("poem", POEM);
    assert_eq!(say(&mut paula, &format!("PUBLISH {poem} by Machado")).await, "c> PUBLISH OK\n");
    let reply = world.say(format!("GET_FILE\0paula\0paula\0{poem}\0").as_bytes()).await;
    let words: Vec<&str> = str::from_utf8(&reply[1..]).unwrap().split('\0').collect();
    let ask = async |request: String| {
        let stream = TcpStream::connect(format!("{}:{}", words[0], words[1])).await.unwrap();
        exchange(stream, request.as_bytes()).await
    };
    let whole = ask(format!("GET FILE\0{poem}\0")).await;
    assert_eq!(whole, [format!("\0{}\0", POEM.len()).as_bytes(), POEM].concat());
    let mut parts = Vec::new();
    for part in 0..3 {
        let answer = ask(format!("GET_MULTIFILE\0{poem}\0{part}\x003\0")).await;
        assert_eq!(answer[0], 0);
        parts.extend_from_slice(&answer[1..]);
    }
    assert_eq!(parts, POEM);
    assert_eq!(ask("GET_FILE\0/etc/passwd\0".into()).await, b"\x01");
    assert_eq!(ask("STEAL\0x\0".into()).await, b"\x02");
    let unpublished = FileId::of_hashes(&[share::hash::of_block(b"not published")]);
    // Of ours a connection takes more than one request, so nothing ends it here.
    let mut stream = TcpStream::connect(format!("{}:{}", words[0], words[1])).await.unwrap();
    for request in [format!("GET_HASHES\0{unpublished}\0"), format!("GET_BLOCK\0{unpublished}\x000\0")] {
        stream.write_all(request.as_bytes()).await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_who_another_ticket_registered() {
    let world = world().await;
    let mut alice = world.client("alice").await;
    let mut mallory = world.session(world.pair().join("mallory").await, "mallory");
    for line in ["CONNECT alice", "DISCONNECT alice", "UNREGISTER alice"] {
        let name = line.split(' ').next().unwrap();
        assert_eq!(say(&mut mallory, line).await, format!("c> {name} FAIL\n"));
    }
    let plain = exchange(TcpStream::connect(world.plain).await.unwrap(), b"UNREGISTER\0alice\0").await;
    assert_eq!(plain, b"\x02");
    assert!(say(&mut alice, "LIST_USERS").await.starts_with("c> LIST_USERS OK\n\talice"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_vanishes_is_gone_and_may_come_again() {
    let world = world().await;
    let mut bob = world.client("bob").await;
    let link = world.pair().join("alice").await;
    let mut alice = world.session(link.clone(), "alice");
    say(&mut alice, "REGISTER alice").await;
    assert_eq!(say(&mut alice, "CONNECT alice").await, "c> CONNECT OK\n");
    let mut second = world.session(link.clone(), "alice");
    assert_eq!(say(&mut second, "CONNECT alice").await, "c> USER ALREADY CONNECTED\n", "she is there");
    drop(alice);
    assert_eq!(say(&mut second, "CONNECT alice").await, "c> CONNECT OK\n", "she was there");
    drop(second);
    until(async || say(&mut bob, "LIST_USERS").await.contains("alice").to_string(), "false").await;
    // A ticket that is revoked takes its user with it.
    let mut carol = world.client("carol").await;
    assert!(say(&mut bob, "LIST_USERS").await.contains("carol"));
    world.pair().state().revoke("carol").unwrap();
    until(async || say(&mut bob, "LIST_USERS").await.contains("carol").to_string(), "false").await;
    assert!(
        say(&mut carol, "LIST_USERS").await.starts_with("c> LIST_USERS FAIL\n\tthe server does not answer")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_come_again_after_the_server_was_restarted() {
    let mut world = world().await;
    let (mut alice, mut bob) = (world.client("alice").await, world.client("bob").await);
    let (poem, copy) = (world.file("poem", POEM), world.path("copy"));
    assert_eq!(say(&mut alice, &format!("PUBLISH {poem} by Machado")).await, "c> PUBLISH OK\n");
    world.restart().await;
    let get = format!("GET_FILE alice {poem} {copy}");
    until(async || say(&mut bob, &get).await, "c> GET_FILE OK\n").await;
    assert_eq!(std::fs::read(&copy).unwrap(), POEM);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_published_is_served_again_by_the_next_process() {
    let world = world().await;
    let mut bob = world.client("bob").await;
    let link = world.pair().join("alice").await;
    let (poem, copy) = (world.file("poem", POEM), world.path("copy"));
    let mut alice = world.session(link.clone(), "alice");
    for line in ["REGISTER alice", "CONNECT alice", &format!("PUBLISH {poem} by Machado")] {
        assert!(say(&mut alice, line).await.ends_with(" OK\n"), "{line}");
    }
    drop(alice);
    let get = format!("GET_FILE alice {poem} {copy}");
    until(async || say(&mut bob, &get).await, "c> GET_FILE FAIL, FILE NOT EXIST\n").await;
    let mut alice = world.session(link, "alice");
    assert_eq!(say(&mut alice, "CONNECT alice").await, "c> CONNECT OK\n");
    assert_eq!(say(&mut bob, &get).await, "c> GET_FILE OK\n");
    std::fs::write(&poem, "changed").unwrap();
    let said = say(&mut bob, &get).await;
    assert!(said.starts_with("c> GET_FILE FAIL\n\tnobody who has it brings it"), "{said}");
}
