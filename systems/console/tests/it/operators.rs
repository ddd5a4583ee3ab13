//! Operators steer a proxy2 over its control socket. Here the socket is one of the test; `tests/netns` has a real one.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use console::proxy::Proxy;
use console::serve::Settings;

use crate::stage::{Stage, settings};

/// A folder with one socket, which answers some lines; it goes with the value.
struct Control(PathBuf);

impl Control {
    /// Each answer is for one connection; what was asked comes out of the channel.
    fn answering(name: &str, answers: Vec<String>) -> (Self, std::sync::mpsc::Receiver<String>) {
        let folder = std::env::temp_dir().join(format!("console-control-{name}-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let listener = UnixListener::bind(folder.join("proxy2-1.sock")).unwrap();
        let (asked, questions) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut answers = answers.into_iter();
            while let Ok((stream, _)) = listener.accept() {
                let mut line = String::new();
                BufReader::new(&stream).read_line(&mut line).unwrap();
                if asked.send(line).is_err() {
                    return;
                }
                // Who is hung up on gets nothing.
                let _ = (&stream).write_all(answers.next().unwrap_or_default().as_bytes());
            }
        });
        (Self(folder), questions)
    }

    fn settings(&self) -> Settings {
        Settings { proxy: Some(Proxy::new(self.0.clone())), ..settings() }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn an_operator_looks_and_steers_and_others_may_not() {
    let status = r#"{"v":1,"status":{"version":"0.1.0","pid":1,"links":[{"number":3,"ticket":"shed","state":{"is":"up"},"streams":[{"id":5,"target":"db:5432"}]}]}}"#;
    let answers =
        [status, status, r#"{"v":1,"done":"1 stream closed"}"#, r#"{"v":1,"error":"there is no L9"}"#];
    let answers = answers.map(|answer| format!("{answer}\n")).to_vec();
    let (control, questions) = Control::answering("steers", answers);
    let stage = Stage::set(control.settings(), 0.0, 14).await;
    let mut boss = stage.client("boss").await;
    let mut guest = stage.client("guest").await;
    guest.ask("status", "error: status is for operators").await;
    boss.ask("status", "L3     shed ").await;
    boss.ask("status L3", "L3/5         db:5432 ").await;
    boss.ask("close L3/5", "1 stream closed").await;
    boss.ask("close L9", "error: there is no L9").await;
    // Its sixth answer is none: it hangs up.
    boss.ask("reload", "error: proxy2's answer is not understood").await;
    let asked: Vec<_> = questions.try_iter().collect();
    let expected = [
        "{\"cmd\":\"status\",\"streams\":false}\n",
        "{\"cmd\":\"status\",\"streams\":true}\n",
        "{\"cmd\":\"close\",\"id\":\"L3/5\"}\n",
        "{\"cmd\":\"close\",\"id\":\"L9\"}\n",
        "{\"cmd\":\"reload\"}\n",
    ];
    assert_eq!(asked, expected, "and nothing of the guest");
}

#[tokio::test]
async fn where_no_proxy2_answers_the_operator_is_told_where_it_was_looked_for() {
    let folder = std::env::temp_dir().join(format!("console-nobody-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    // What a proxy2 leaves that was killed.
    drop(UnixListener::bind(folder.join("proxy2-9.sock")).unwrap());
    let settings = Settings { proxy: Some(Proxy::new(folder.clone())), ..settings() };
    let stage = Stage::set(settings, 0.0, 15).await;
    let mut boss = stage.client("boss").await;
    let answer = boss.ask("status", "error: the proxy2 at ").await;
    assert!(answer.contains("no proxy2 answers there"), "{answer}");
    std::fs::remove_dir_all(&folder).unwrap();
}
