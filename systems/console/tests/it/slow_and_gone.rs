//! Clients that do not read, and such that are gone.

use std::time::Duration;

use console::room::Limits;
use console::serve::Settings;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, split};
use tokio::time::timeout;

use crate::stage::{Client, PATIENCE, Stage, settings};

#[tokio::test]
async fn who_does_not_read_holds_up_nobody_and_is_told_what_it_missed() {
    let stage = Stage::set(settings(), 0.0, 12).await;
    let mut slow = stage.client("slow").await;
    slow.until("`help` lists").await;
    let mut ana = stage.client("ana").await;
    ana.until("`help` lists").await;
    // Its own answers fill its stream, and are no more asked for than they are read.
    let (reading, mut writing) = split(slow.stream.into_inner());
    let asking = tokio::spawn(async move {
        let _ = writing.write_all("help\n".repeat(200_000).as_bytes()).await;
        writing
    });
    let mut talker = stage.client("talker").await;
    let text = "x".repeat(4_000);
    let talking = async {
        for number in 0.. {
            talker.ask(&format!("say line {number} {text}"), &format!("> line {number} ")).await;
            ana.until(&format!("> line {number} ")).await;
            let stats = ana.ask("stats", "missed").await;
            if !stats.contains("missed         0 lines") {
                return;
            }
        }
    };
    timeout(PATIENCE, talking).await.expect("the outbox of a client that does not read is bounded");
    let mut lines = BufReader::new(reading).lines();
    let told = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains("of others") && line.contains("left out here: you read too slowly") {
                return true;
            }
        }
        false
    };
    assert!(timeout(PATIENCE, told).await.expect("it is told"), "the session ended instead");
    asking.abort();
}

#[tokio::test]
async fn a_client_that_is_reset_or_silent_is_missed_and_the_others_are_told() {
    let Settings { limits, .. } = settings();
    let settings = Settings { limits: Limits { silence: Duration::from_secs(3), ..limits }, ..settings() };
    let stage = Stage::set(settings, 0.0, 13).await;
    let mut ana = stage.client("ana").await;
    ana.until("`help` lists").await;
    let mut ben = stage.client("ben").await;
    ben.until("`help` lists").await;
    drop(ben.stream);
    ana.until("* ben#2 is gone: its stream was reset").await;
    // One beat, and then nothing more, as of a machine that has lost its network.
    let mut eve = stage.client("eve").await;
    eve.ask("\u{6}", "\u{6}").await;
    ana.until("* eve#3 is gone: not heard for 3 s").await;
    assert!(eve.rest().await.ends_with("* you have been silent for 3 s: good bye\n"));
    let who = ana.ask("who", "you").await;
    assert!(!who.contains("ben#") && !who.contains("eve#"), "{who}");
}

#[tokio::test]
async fn a_ticket_that_is_revoked_is_out_at_once_with_all_its_sessions() {
    let stage = Stage::set(settings(), 0.0, 16).await;
    let mut ana = stage.client("ana").await;
    ana.until("`help` lists").await;
    let mut eve = stage.client("eve").await;
    eve.until("`help` lists").await;
    let mut again = Client::on(eve.link.clone()).await;
    again.until("`help` lists").await;
    stage.pair.state().revoke("eve").unwrap();
    let heard =
        ana.until("is gone: its stream was reset").await + &ana.until("is gone: its stream was reset").await;
    assert!(heard.contains("* eve#2 is gone") && heard.contains("* eve#3 is gone"), "{heard}");
    assert!(eve.link.open("@console").await.is_err(), "and does not come back");
    ana.ask("whoami", "You are ana#1").await;
}
