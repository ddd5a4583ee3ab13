//! What is said to all.

use std::collections::BTreeMap;

use common::testing::Weather;
use paso::LinkOptions;

use super::network::{Network, Shape, name, options, storm};
use crate::node::words::Heard;

type Said = BTreeMap<String, Vec<String>>;

fn say(network: &Network, at: usize, text: &str, said: &mut Said) {
    network.nodes[at].node.say(text).unwrap();
    said.entry(name(at)).or_default().push(text.into());
}

/// Everybody says some things; all hear all of it, once and in order; and once more, behind which nothing else can come.
async fn all_hear_all(count: usize, shape: Shape) {
    let mut network = Network::with(&format!("posts-{count}-{shape:?}"), count, shape).await;
    let mut said = Said::new();
    for round in 0..3 {
        for at in 0..count {
            say(&network, at, &format!("{round} of {at}"), &mut said);
        }
    }
    network.all_hear(&said).await;
    for at in 0..count {
        say(&network, at, "the last", &mut said);
    }
    network.all_hear(&said).await;
}

#[tokio::test]
async fn all_hear_all_in_a_ring_of_five() {
    all_hear_all(5, Shape::Ring).await;
}

#[tokio::test]
async fn all_hear_all_in_a_star_of_five() {
    all_hear_all(5, Shape::Star).await;
}

#[tokio::test]
async fn all_hear_all_in_a_mesh_of_five() {
    all_hear_all(5, Shape::Mesh).await;
}

#[tokio::test]
async fn all_hear_all_in_a_ring_of_twenty() {
    all_hear_all(20, Shape::Ring).await;
}

#[tokio::test]
async fn all_hear_all_in_a_star_of_twenty() {
    all_hear_all(20, Shape::Star).await;
}

#[tokio::test]
async fn all_hear_all_in_a_mesh_of_twenty() {
    all_hear_all(20, Shape::Mesh).await;
}

#[tokio::test]
async fn a_bad_network_changes_nothing() {
    let mut network = Network::with("posts-loss", 5, Shape::Ring).await;
    network.pair.network().set(Weather { loss: 0.1, ..Weather::default() });
    let mut said = Said::new();
    for at in 0..5 {
        for round in 0..10 {
            say(&network, at, &format!("{round} of {at}"), &mut said);
        }
    }
    network.all_hear(&said).await;
}

#[tokio::test]
async fn a_node_that_was_killed_comes_back_and_is_told_what_was_said() {
    let mut network = Network::with("posts-killed", 3, Shape::Mesh).await;
    let mut said = Said::new();
    say(&network, 2, "before", &mut said);
    network.all_hear(&said).await;
    let killed = network.nodes.remove(2);
    let link = killed.link.clone();
    killed.dies().await;
    link.close().await.unwrap();
    for node in &mut network.nodes {
        node.until_heard(
            "sees it go",
            |heard| matches!(heard, Heard::Went { name } if name.as_str() == "n02"),
        )
        .await;
    }
    say(&network, 0, "while it was away", &mut said);
    // With the same folder and the same ticket, as its user starts it again.
    let again = network.start("n02", options()).await;
    again.hears("n00", &said["n00"]).await;
    say(&network, 2, "after", &mut said);
    network.all_hear(&said).await;
}

#[tokio::test]
async fn what_is_said_on_both_sides_of_a_cut_arrives_when_it_heals() {
    let mut network = Network::with("posts-cut", 3, Shape::Mesh).await;
    let way = network.way();
    let options_of_link = LinkOptions::new(network.ticket("n03")).at(&way.address().to_string()).unwrap();
    let link = options_of_link.join().await.unwrap();
    network.start_on("n03", link, options()).await;
    let mut said = Said::new();
    for at in 0..4 {
        say(&network, at, "before", &mut said);
    }
    network.all_hear(&said).await;
    way.set(storm());
    for node in &mut network.nodes[..3] {
        node.until_heard(
            "sees it go",
            |heard| matches!(heard, Heard::Went { name } if name.as_str() == "n03"),
        )
        .await;
    }
    for at in 0..4 {
        say(&network, at, "during", &mut said);
    }
    way.set(Weather::default());
    network.all_hear(&said).await;
    for at in 0..4 {
        say(&network, at, "after", &mut said);
    }
    network.all_hear(&said).await;
}

#[tokio::test]
async fn the_exit_may_be_restarted() {
    let mut network = Network::with("posts-exit", 4, Shape::Ring).await;
    let mut said = Said::new();
    say(&network, 0, "before", &mut said);
    network.all_hear(&said).await;
    network.pair.restart_exit().await;
    say(&network, 1, "during", &mut said);
    network.all_hear(&said).await;
    say(&network, 2, "after", &mut said);
    network.all_hear(&said).await;
}
