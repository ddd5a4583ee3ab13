//! Whatever comes from a client, it ends in an error for that client and nothing else.

use std::time::Duration;

use console::room::Limits;
use console::serve::Settings;
use paso::is_visible;

use crate::stage::{Client, Stage, settings};

/// Bytes by chance, the same for the same seed (xorshift64).
fn garbage(count: usize, mut seed: u64) -> Vec<u8> {
    let next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed.to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(count).collect()
}

#[tokio::test]
async fn binary_garbage_is_answered_by_errors_and_the_session_goes_on() {
    let stage = Stage::set(settings(), 0.0, 7).await;
    let mut witness = stage.client("witness").await;
    let mut eve = stage.client("eve").await;
    let seed = 0x5eed_cafe;
    let bytes = garbage(64 << 10, seed);
    let (mut reader, mut writer) = tokio::io::split(eve.stream.into_inner());
    let writing = tokio::spawn(async move {
        tokio::io::AsyncWriteExt::write_all(&mut writer, &bytes).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut writer, b"\nwhoami\nquit\n").await.unwrap();
        writer
    });
    let mut answer = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut reader, &mut answer).await.unwrap();
    writing.await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.contains("error: this is no text") && answer.contains("You are eve#2"), "seed {seed:#x}");
    let strange = answer.lines().find(|line| !is_visible(line) && *line != console::BEAT);
    assert_eq!(strange, None, "seed {seed:#x}");
    witness.until("eve#2 has left").await;
    eve.stream = tokio::io::BufReader::new(eve.link.open("@console").await.unwrap());
    eve.until("You are eve#3").await;
}

#[tokio::test]
async fn a_line_without_end_is_one_error_and_takes_no_memory() {
    let stage = Stage::set(settings(), 0.0, 8).await;
    let mut eve = stage.client("eve").await;
    for _ in 0..100 {
        eve.send(&[b'x'; 10_000]).await;
    }
    eve.until("error: a line has at most 4096 bytes").await;
    assert_eq!(eve.ask("\nversion", "Paso console").await.lines().count(), 1, "one error for all of it");
}

#[tokio::test]
async fn control_characters_reach_nobody() {
    let stage = Stage::set(settings(), 0.0, 9).await;
    let mut ana = stage.client("ana").await;
    ana.until("`help` lists").await;
    let mut eve = stage.client("eve").await;
    eve.send("say \u{1b}]0;title\u{7}\u{1b}[2J\u{202e}x\r* ana#1 has left\n".as_bytes()).await;
    let heard = ana.until("title").await;
    assert!(heard.ends_with("<eve#2> ?]0;title??[2J?x?* ana#1 has left\n"), "{heard:?}");
}

#[tokio::test]
async fn who_finds_no_room_is_told_so_and_nobody_else_notices() {
    let Settings { limits, .. } = settings();
    let settings = Settings { limits: Limits { clients: 3, of_ticket: 2, ..limits }, ..settings() };
    let stage = Stage::set(settings, 0.0, 10).await;
    let mut first = stage.client("eve").await;
    first.until("`help` lists").await;
    let mut second = Client::on(first.link.clone()).await;
    second.until("`help` lists").await;
    let third = Client::on(first.link.clone()).await.rest().await;
    assert_eq!(third, "error: 2 clients are here with your ticket, and no more may be: end one of them\n");
    let mut ana = stage.client("ana").await;
    ana.until("`help` lists").await;
    let full = stage.client("ben").await.rest().await;
    assert_eq!(full, "error: 3 clients are here, and no more may be: try again later\n");
    second.ask("quit", "good bye").await;
    second.rest().await;
    drop(second);
    ana.until("* eve#2 has left").await;
    ana.ask("stats", "2 found no room").await;
}

#[tokio::test]
async fn a_flood_of_one_waits_and_the_others_go_on() {
    let stage = Stage::set(settings(), 0.0, 11).await;
    let mut ana = stage.client("ana").await;
    ana.until("`help` lists").await;
    let mut eve = stage.client("eve").await;
    let flood = "say flood\n".repeat(200);
    eve.send(flood.as_bytes()).await;
    let start = std::time::Instant::now();
    ana.ask("whoami", "You are ana#1").await;
    for _ in 0..40 {
        ana.until("<eve#2> flood").await;
    }
    // 19 at once, and then ten a second.
    let least = Duration::from_millis(1_500);
    assert!(start.elapsed() > least, "40 lines took only {:?}", start.elapsed());
}
