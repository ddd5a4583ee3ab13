//! Clients that take what they can get, and users who say what is not so.

use common::testing::Weather;
use paso::{Link, Stream};
use share::hash::{BLOCK, FileId, of_file};
use share::multifile::download::{Wanted, download};
use share::multifile::holder::Address;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::clients::{POEM, large, service, world};
use super::support::{World, exchange, say};

/// Streams of somebody to a name, on each of which these bytes were sent, and nothing more happens. They end with their link.
async fn hold(world: &World, of: &str, name: &str, count: usize, bytes: &[u8]) -> (Link, Vec<Stream>) {
    let link = world.pair().join(of).await;
    let mut held = Vec::new();
    for _ in 0..count {
        let mut stream = link.open(&format!("@{name}")).await.unwrap();
        // Those for whom there is no place are reset.
        let _ = stream.write_all(bytes).await;
        held.push(stream);
    }
    (link, held)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_ticket_does_not_take_all_places_of_a_client() {
    let world = world().await;
    let (mut alice, mut bob) = (world.client("alice").await, world.client("bob").await);
    let (poem, copy) = (world.file("poem", POEM), world.path("copy"));
    say(&mut alice, &format!("PUBLISH {poem} by Machado")).await;
    let (_link, mut held) = hold(&world, "mallory", &service("alice"), 257, b"GET_FILE\0").await;
    // The last of them has been refused, so all before it have come.
    assert!(held.pop().unwrap().read_to_end(&mut Vec::new()).await.is_err());
    assert_eq!(say(&mut bob, &format!("GET_FILE alice {poem} {copy}")).await, "c> GET_FILE OK\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_holds_up_nobody() {
    let world = world().await;
    let (mut alice, mut bob) = (world.client("alice").await, world.client("bob").await);
    let (large, poem, copy) = (world.file("large", &large(4)), world.file("poem", POEM), world.path("copy"));
    say(&mut alice, &format!("PUBLISH {large} a large one")).await;
    say(&mut alice, &format!("PUBLISH {poem} by Machado")).await;
    let wanted = format!("GET_FILE\0{large}\0");
    let (_link, mut held) = hold(&world, "mallory", &service("alice"), 80, wanted.as_bytes()).await;
    assert_eq!(held[79].read_u8().await.unwrap(), 0, "none of them waits for another");
    assert_eq!(say(&mut bob, &format!("GET_FILE alice {poem} {copy}")).await, "c> GET_FILE OK\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_programs_of_one_ticket_wait_and_are_all_given_their_files() {
    let world = world().await;
    let mut alice = world.client("alice").await;
    let poem = world.file("poem", POEM);
    say(&mut alice, &format!("PUBLISH {poem} by Machado")).await;
    let wanted = format!("GET_FILE\0{poem}\0");
    let (_link, streams) = hold(&world, "bob", &service("alice"), 100, wanted.as_bytes()).await;
    for stream in streams {
        let given = exchange(stream, b"").await;
        assert!(given.ends_with(POEM), "{:?}", String::from_utf8_lossy(&given));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_end_its_connections_holds_up_no_list() {
    let world = world().await;
    let mut bob = world.client("bob").await;
    let (_link, mut held) = hold(&world, "mallory", "share", 200, b"LIST_USERS\0mallory\0").await;
    assert_eq!(held[63].read_u8().await.unwrap(), 1, "as many as there may be lists have their answers");
    assert!(say(&mut bob, "LIST_USERS").await.starts_with("c> LIST_USERS OK\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_sends_a_byte_at_a_time_holds_nothing_up() {
    let world = world().await;
    world.pair().network().set(Weather::default());
    let bytes = large(4);
    let path = world.file("large", &bytes);
    let mut alice = world.client("alice").await;
    say(&mut alice, &format!("PUBLISH {path} a large one")).await;
    let (hashes, size) = of_file(bytes.as_slice()).unwrap();
    let id = FileId::of_hashes(&hashes);
    let slow = world.pair().join("slow").await;
    let mut dripping = slow.publish(&service("slow")).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = dripping.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 12];
                stream.read_exact(&mut request).await?;
                let length = if request.starts_with(b"GET_HASHES") { 5 * 32 } else { BLOCK };
                stream.write_all(format!("\0{length}\0").as_bytes()).await?;
                // Until it is reset.
                while stream.write_all(&[0]).await.is_ok() {
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
                std::io::Result::Ok(())
            });
        }
    });
    let link = world.pair().join("dave").await;
    let holders = ["slow", "alice"].map(|user| Address::Named(link.clone(), service(user)));
    let to = world.folder().join("copy");
    let downloading = download(Wanted { id, size, to: &to }, &holders, |_| {});
    let fetched = tokio::time::timeout(std::time::Duration::from_secs(60), downloading).await;
    assert_eq!(fetched.expect("it does not wait for the slow one").unwrap().brought, [0, 5]);
    assert!(std::fs::read(&to).unwrap() == bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_another_size_hides_no_file() {
    let world = world().await;
    let (mut alice, mut bob) = (world.client("alice").await, world.client("bob").await);
    let (poem, copy) = (world.file("poem", POEM), world.path("copy"));
    say(&mut alice, &format!("PUBLISH {poem} by Machado")).await;
    let (hashes, size) = of_file(POEM).unwrap();
    let id = FileId::of_hashes(&hashes);
    let link = world.pair().join("mallory").await;
    let mut mallory = world.session(link.clone(), "mallory");
    say(&mut mallory, "REGISTER mallory").await;
    assert_eq!(say(&mut mallory, "CONNECT mallory").await, "c> CONNECT OK\n");
    for (path, size) in [("a", size + 1), ("b", size - 1)] {
        let offer = format!("OFFER\0mallory\0{path}\0x\0{id}\0{size}\0");
        assert_eq!(exchange(link.open("@share").await.unwrap(), offer.as_bytes()).await, b"\0");
    }
    let said = say(&mut bob, &format!("GET_MULTIFILE {id} {copy}")).await;
    assert_eq!(said, "c> GET_MULTIFILE OK\n\t1 blocks of alice\n");
    assert_eq!(std::fs::read(&copy).unwrap(), POEM);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_registers_again_serves_nothing_of_before() {
    let world = world().await;
    let (mut alice, bob) = (world.client("alice").await, world.pair().join("bob").await);
    let poem = world.file("poem", POEM);
    say(&mut alice, &format!("PUBLISH {poem} by Machado")).await;
    for (line, said) in [
        ("UNREGISTER alice", "c> UNREGISTER OK\n"),
        ("REGISTER alice", "c> REGISTER OK\n"),
        ("CONNECT alice", "c> CONNECT OK\n"),
    ] {
        assert_eq!(say(&mut alice, line).await, said);
    }
    let stream = bob.open(&format!("@{}", service("alice"))).await.unwrap();
    assert_eq!(exchange(stream, format!("GET_FILE\0{poem}\0").as_bytes()).await, b"\x01");
}
