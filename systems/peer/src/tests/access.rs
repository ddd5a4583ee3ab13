//! Who gets what.

use std::time::{Duration, Instant};

use common::testing::Weather;
use paso::OpenError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::network::{Network, Shape, only, options};
use crate::node::words::{Heard, Request};
use crate::node::{Node, Options};

#[tokio::test]
async fn a_stranger_gets_nothing() {
    let mut network = Network::with("access-stranger", 2, Shape::Mesh).await;
    network.start("n05", Options { allow: only(&["n00".into()]), ..options() }).await;
    // Whom the node does not let in: the exit connects it, and not a byte comes back.
    let stranger = network.pair.join("stranger").await;
    let mut stream = stranger.open("@peer.n05").await.unwrap();
    let _ = stream.write_all(&[0; 100]).await;
    let mut got = Vec::new();
    assert!(stream.read_to_end(&mut got).await.is_err() && got.is_empty(), "{got:?}");
    // Whom the exit does not let in.
    let nobody = network.pair.join("nobody").await;
    network.pair.state().allow("nobody", &["publish:peer.nobody"]).unwrap();
    assert!(nobody.find("peer.*").await.unwrap().is_empty());
    assert_eq!(nobody.open("@peer.n00").await.unwrap_err(), OpenError::Forbidden);
    // Who says that it is another one.
    let liar = network.pair.join("liar").await;
    let mut stream = liar.open("@peer.n00").await.unwrap();
    let card = serde_json::json!({
        "version": 1, "purpose": "link",
        "card": { "run": { "name": "n01", "began": 1 }, "key": "00".repeat(32), "capacity": 1, "programs": [] },
    });
    crate::wire::write(&mut stream, &card, b"").await.unwrap();
    assert!(stream.read_to_end(&mut got).await.is_err() && got.is_empty(), "{got:?}");
    network.nodes[0].until("knows those that it knew", |members| members.len() == 3).await;
}

#[tokio::test]
async fn garbage_ends_its_stream_and_nothing_else() {
    let mut network = Network::with("access-garbage", 2, Shape::Mesh).await;
    let hostile = network.pair.join("hostile").await;
    for bytes in [&[255; 1000][..], &[0; 8], b"GET / HTTP/1.1\r\n\r\n"] {
        let mut stream = hostile.open("@peer.n00").await.unwrap();
        let _ = stream.write_all(bytes).await;
        assert!(stream.read_to_end(&mut Vec::new()).await.is_err());
    }
    network.nodes[0].node.say("still here").unwrap();
    network.at("n01").hears("n00", &["still here".into()]).await;
}

#[tokio::test]
async fn a_revoked_node_is_out_within_a_second() {
    let mut network = Network::with("access-revoked", 3, Shape::Mesh).await;
    network.pair.state().revoke("n02").unwrap();
    let revoked = Instant::now();
    for node in &mut network.nodes[..2] {
        node.until_heard(
            "sees it go",
            |heard| matches!(heard, Heard::Went { name } if name.as_str() == "n02"),
        )
        .await;
    }
    assert!(revoked.elapsed() < Duration::from_secs(1), "{:?}", revoked.elapsed());
    network.nodes[0].node.say("without n02").unwrap();
    network.at("n01").hears("n00", &["without n02".into()]).await;
    assert!(!network.at("n02").posts.contains_key("n00"));
}

#[tokio::test]
async fn whoever_is_denied_is_out_at_once_and_may_come_back() {
    let mut network = Network::with("access-denied", 3, Shape::Mesh).await;
    let name = "n02".parse().unwrap();
    network.nodes[0].ask(Request::Allow { name, is_allowed: false }).await;
    network.nodes[0]
        .until("n02 is out", |members| members.iter().all(|member| member.name.as_str() != "n02"))
        .await;
    // By way of n01 it hears nothing of it either, nor is anything passed on.
    network.nodes[2].node.say("not for n00").unwrap();
    network.at("n01").hears("n02", &["not for n00".into()]).await;
    network.nodes[1].node.say("for n00").unwrap();
    network.at("n00").hears("n01", &["for n00".into()]).await;
    assert!(!network.at("n00").posts.contains_key("n02"));
    let name = "n02".parse().unwrap();
    network.nodes[0].ask(Request::Allow { name, is_allowed: true }).await;
    network.at("n00").hears("n02", &["not for n00".into()]).await;
}

#[tokio::test]
async fn a_ticket_is_one_node() {
    let mut network = Network::new("access-twice").await;
    network.pair.network().set(Weather::default());
    let link = network.start("n00", options()).await.link.clone();
    let folder = std::env::temp_dir().join(format!("peer-twice-{}", std::process::id()));
    let options = Options { home: Some(folder.clone()), ..options() };
    let Err(error) = Node::start(link, options).await else { panic!("two nodes have one name") };
    assert!(error.to_string().contains("a ticket of its own"), "{error:#}");
    std::fs::remove_dir_all(folder).unwrap();
}
