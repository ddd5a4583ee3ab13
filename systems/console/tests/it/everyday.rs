//! What a session is like: greeting, every command, the end of one client, the end of the server.

use console::commands::{COMMANDS, Verb};
use console::shell::PAGES;

use crate::stage::{PATIENCE, Stage, settings};

#[tokio::test]
async fn every_command_is_answered_over_a_network_that_loses_datagrams() {
    let stage = Stage::set(settings(), 0.05, 1).await;
    let mut ana = stage.client("boss").await;
    let welcome = ana.until("`help` lists").await;
    assert!(welcome.contains("You are boss#1, with the ticket boss, an operator."), "{welcome}");
    assert!(welcome.contains("1 client is here: boss#1."), "{welcome}");
    let mut ben = stage.client("shed").await;
    ben.until("2 clients are here: boss#1, shed#2.").await;
    ana.until("* shed#2 has come").await;
    for command in COMMANDS.iter().filter(|command| !matches!(command.verb, Verb::Quit | Verb::Kick)) {
        let end = format!("say {} is done", command.name);
        let (_, says) = end.split_once(' ').unwrap();
        ana.send(format!("{}\n{end}\n", command.example).as_bytes()).await;
        let answer = ana.until(&format!("<boss#1> {says}")).await;
        assert!(answer.lines().count() > 1, "{}: {answer}", command.name);
        ana.ask(&format!("help {}", command.name), "Example: ").await;
    }
    for page in &PAGES {
        let text = ana.ask(&format!("help {}", page.name), "Example: ").await;
        assert!(text.contains(page.summary), "{text}");
    }
    assert!(ben.until("to you> the backup is done").await.contains("<boss#1> the backup is done"));
    ana.ask("kick shed#2 enough", "sent away: shed#2").await;
    assert!(ben.rest().await.ends_with("* your session was ended by boss#1: enough\n"));
}

#[tokio::test]
async fn a_client_ends_by_quit_or_by_the_end_of_its_lines_and_the_others_are_told() {
    let stage = Stage::set(settings(), 0.05, 2).await;
    let mut witness = stage.client("witness").await;
    witness.until("`help` lists").await;
    let mut ana = stage.client("ana").await;
    assert!(ana.ask("quit", "good bye").await.ends_with("* good bye\n"));
    assert_eq!(ana.line().await, "", "and nothing comes after that");
    witness.until("* ana#2 has left").await;
    let mut ben = stage.client("ben").await;
    // As `printf 'whoami\ntime' | paso nc @console`.
    ben.send(b"whoami\ntime").await;
    tokio::io::AsyncWriteExt::shutdown(&mut ben.stream).await.unwrap();
    let rest = ben.rest().await;
    assert!(rest.contains("You are ben#3") && rest.contains("running for"), "{rest}");
    assert!(rest.ends_with("* good bye\n"), "{rest}");
    assert!(witness.until("* ben#3 has left").await.starts_with("* ben#3 has come\n"));
}

#[tokio::test]
async fn the_server_ends_in_order_and_all_are_told() {
    let stage = Stage::set(settings(), 0.05, 3).await;
    let mut clients = Vec::new();
    for name in ["ana", "ben", "eve"] {
        let mut client = stage.client(name).await;
        client.until("`help` lists").await;
        clients.push(client);
    }
    stage.end.send(()).unwrap();
    for client in &mut clients {
        assert!(
            client.rest().await.ends_with("* the console ends: good bye\n"),
            "in order, as the end is read"
        );
    }
    drop(clients);
    tokio::time::timeout(PATIENCE, stage.serving).await.unwrap().unwrap().unwrap();
    let names = stage.pair.join("late").await.find("console").await.unwrap();
    assert!(names.is_empty(), "the name is free: {names:?}");
}

#[tokio::test]
async fn after_a_restart_of_proxy2_the_console_is_there_again() {
    let mut stage = Stage::set(settings(), 0.0, 4).await;
    let mut ana = stage.client("ana").await;
    ana.until("`help` lists").await;
    stage.pair.restart_exit().await;
    let end = tokio::io::AsyncReadExt::read(&mut ana.stream, &mut [0; 64]).await;
    assert!(end.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset));
    let stream = loop {
        // The name comes back with the server's link.
        if let Ok(stream) = ana.link.open("@console").await {
            break stream;
        }
    };
    ana.stream = tokio::io::BufReader::new(stream);
    ana.until("You are ana#2").await;
}
