//! Three and thirty clients at a time, where 5 % of the datagrams are lost each way: everybody hears everything once.

use std::collections::BTreeSet;

use crate::stage::{Client, Stage, settings};

#[tokio::test]
async fn three_clients_hear_each_other() {
    everybody_hears_everything(3, 5).await;
}

#[tokio::test]
async fn thirty_clients_hear_each_other() {
    everybody_hears_everything(30, 6).await;
}

/// What each says.
const LINES: usize = 5;

async fn everybody_hears_everything(count: usize, seed: u64) {
    let stage = Stage::set(settings(), 0.05, seed).await;
    let mut clients = Vec::new();
    for number in 0..count {
        let mut client = stage.client(&format!("t{number}")).await;
        client.until("`help` lists").await;
        clients.push(client);
    }
    let who = clients[0].ask("who", &format!("t{}#{count}    ", count - 1)).await;
    assert!((0..count).all(|number| who.contains(&format!("\nt{number}#{} ", number + 1))), "{who}");
    let talking =
        clients.into_iter().enumerate().map(|(number, client)| tokio::spawn(talk(number, count, client)));
    let talking: Vec<_> = talking.collect();
    let mut after = Vec::new();
    for task in talking {
        after.push(task.await.unwrap());
    }
    let stats = after[0].ask("stats", "missed").await;
    assert!(stats.contains("missed         0 lines"), "{stats}");
    assert!(stats.contains(&format!("said, told     {}", count * LINES)), "{stats}");
}

/// Says some lines and reads until all of all were heard: each once, those of one in their order.
async fn talk(number: usize, count: usize, mut client: Client) -> Client {
    for line in 0..LINES {
        client.send(format!("say line {line} of {number}\n").as_bytes()).await;
    }
    let mut heard = BTreeSet::new();
    let mut next = vec![0; count];
    while heard.len() < count * LINES {
        let line = client.until("> line ").await;
        let said = line.lines().last().unwrap().to_owned();
        let (name, text) = said[1..].split_once("> line ").unwrap();
        let (line, of) = text.split_once(" of ").unwrap();
        let (line, of): (usize, usize) = (line.parse().unwrap(), of.parse().unwrap());
        assert!(name.starts_with(&format!("t{of}#")), "{said}");
        assert_eq!(line, next[of], "in order: {said}");
        next[of] += 1;
        assert!(heard.insert(said.clone()), "twice: {said}");
    }
    client
}
