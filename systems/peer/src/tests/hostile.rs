//! A node that is let in, and then does what no node does.

use common::testing::Pair;
use paso::{Link, Stream};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::network::{Network, Shape};
use crate::overlay::{Hex, MAX_NUMBER, Message, Post, Run};
use crate::proof::Signer;
use crate::wire::{self, Answer, Word};

/// A link of its own to `n00`, as a node with this key.
async fn linked(pair: &Pair, name: &str, key: &Signer) -> (Link, Stream) {
    linked_with(pair, name, key, &["echo".to_owned()]).await
}

/// The same, as one that runs these programs.
async fn linked_with(pair: &Pair, name: &str, key: &Signer, programs: &[String]) -> (Link, Stream) {
    let link = pair.join(name).await;
    let mut stream = link.open("@peer.n00").await.unwrap();
    let hello = json!({
        "version": 1, "purpose": "link",
        "card": { "run": run(name), "key": Hex(key.public_key()), "capacity": u32::MAX, "programs": programs },
    });
    wire::write(&mut stream, &hello, b"").await.unwrap();
    let (answer, _) = wire::read::<Answer>(&mut stream).await.unwrap();
    assert!(matches!(answer, Answer::Yes { .. }));
    // Its streams end with the link.
    (link, stream)
}

fn run(name: &str) -> Run {
    Run { name: name.parse().unwrap(), began: 5 }
}

fn post(name: &str, number: u64, text: &str, key: &Signer) -> Word {
    let mut post = Post { run: run(name), number, said: 0, text: text.into(), signature: Hex([0; 64]) };
    post.signature = key.sign(&post.signed_bytes());
    Word::Overlay(Message::Post { post, is_oldest: true })
}

/// Whether its link is cut.
async fn is_cut(mut stream: Stream) -> bool {
    stream.read_to_end(&mut Vec::new()).await.is_err()
}

#[tokio::test]
async fn it_harms_nobody_else() {
    let mut network = Network::with("hostile", 2, Shape::Mesh).await;
    let (key, _) = Signer::generate().unwrap();
    // It speaks for another one, who is there; the link stays, and nobody hears it.
    let (_link, mut forger) = linked(&network.pair, "forger", &key).await;
    wire::write(&mut forger, &post("n01", 1, "pay the forger", &key), b"").await.unwrap();
    wire::write(&mut forger, &post("forger", 1, "as myself", &key), b"").await.unwrap();
    network.at("n00").hears("forger", &["as myself".into()]).await;
    // Numbers at the end of what there is, and beyond.
    for (name, number) in [("last", u64::MAX), ("beyond", MAX_NUMBER + 1), ("none", 0)] {
        let (_link, mut stream) = linked(&network.pair, name, &key).await;
        wire::write(&mut stream, &post(name, number, "x", &key), b"").await.unwrap();
        assert!(is_cut(stream).await, "{number}");
    }
    // Frames without end, and lists that are too long.
    let (_link, mut stream) = linked(&network.pair, "endless", &key).await;
    stream.write_all(&[0xff; 64]).await.unwrap();
    assert!(is_cut(stream).await);
    let (_link, mut stream) = linked(&network.pair, "lists", &key).await;
    let runs = vec![(run("n01"), 1); 500];
    wire::write(&mut stream, &Word::Overlay(Message::Have { runs, is_all: true }), b"").await.unwrap();
    assert!(is_cut(stream).await);
    // A flood, and somebody who reads nothing of what all say.
    let _deaf = linked(&network.pair, "deaf", &key).await;
    let (_link, mut flood) = linked(&network.pair, "flood", &key).await;
    let flooding = async {
        for number in 1..=3000 {
            wire::write(&mut flood, &post("flood", number, "x", &key), b"").await.unwrap();
        }
    };
    let said: Vec<String> = (0..100).map(|at| format!("{at} {}", "y".repeat(300))).collect();
    for text in &said {
        network.nodes[1].node.say(text).unwrap();
    }
    tokio::join!(flooding, network.at("n00").hears("n01", &said));
    // It is published nowhere, so n01 cannot ask it for its key, and has taken nothing of it from n00.
    network.nodes[0].node.say("the last").unwrap();
    network.at("n01").hears("n00", &["the last".into()]).await;
    let heard = &network.at("n01").posts;
    assert_eq!(heard.keys().collect::<Vec<_>>(), ["n00", "n01"]);
    assert_eq!(heard["n01"], said, "what it has said itself, and nothing that others say for it");
}

#[tokio::test]
async fn many_with_long_lists_are_all_shown() {
    let network = Network::with("hostile-lists", 1, Shape::Mesh).await;
    let (key, _) = Signer::generate().unwrap();
    let programs: Vec<String> = (0..64).map(|at| format!("{at:064}")).collect();
    let mut links = Vec::new();
    for at in 0..20 {
        links.push(linked_with(&network.pair, &format!("long{at}"), &key, &programs).await);
    }
    network.nodes[0].until("it shows all of them", |members| members.len() == 21).await;
    // What a screen does not show as it is is no name of a program.
    let link = network.pair.join("escape").await;
    let mut stream = link.open("@peer.n00").await.unwrap();
    let card = json!({ "run": run("escape"), "key": Hex(key.public_key()), "capacity": 1, "programs": ["\u{9b}2J"] });
    let hello = json!({ "version": 1, "purpose": "card", "card": card });
    wire::write(&mut stream, &hello, b"").await.unwrap();
    assert!(is_cut(stream).await);
}
