//! The echo client, which judges everything else, is itself right about servers that are not: it never hangs, and says
//! what is missing.

use std::time::{Duration, Instant};

use echo::client::{Outcome, Settings};
use testbed::client::run;
use testbed::process::Process;
use testbed::target::{Manner, Target};

use crate::programs::{ECHO, PROXY2};

/// Two clients of 20 MB each: more than the sockets' buffers take, so that the client cannot send everything either.
async fn against(manner: Manner) -> (echo::client::Report, Duration) {
    let target = Target::start(manner).await;
    let silence = Duration::from_millis(300);
    let settings = Settings::new(target.address().to_string());
    let started = Instant::now();
    let report = run(Settings { clients: 2, bytes: 20_000_000, silence, ..settings }).await;
    (report, started.elapsed())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_server_is_given_up() {
    let (report, elapsed) = against(Manner::ReadSlowly(Duration::from_millis(50))).await;
    let total = report.total();
    assert_eq!((total.outcome, total.returned), (Outcome::Silent, 0), "\n{report}");
    assert!(total.sent > 0 && total.missing == total.sent, "\n{report}");
    assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_resets_is_broken() {
    let (report, _) = against(Manner::ResetAfter(10_000)).await;
    assert!(report.clients.iter().all(|client| client.outcome == Outcome::Broken), "\n{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_says_something_else_is_corrupt() {
    let (report, _) = against(Manner::SayDots(3)).await;
    let total = report.total();
    assert!(!report.is_clean() && total.corrupt > 0 && total.missing > 0, "\n{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_close_gets_everything_back() {
    let target = Target::start(Manner::Echo).await;
    let settings = Settings { half_close: true, ..Settings::new(target.address().to_string()) };
    let report = run(settings).await;
    assert!(report.is_clean(), "\n{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_ends_with_1_and_its_json_says_the_same() {
    let target = Target::start(Manner::CloseAfter(1_000)).await;
    let file = std::env::temp_dir().join(format!("echo-report-{}.json", std::process::id()));
    let (address, path) = (target.address().to_string(), file.to_string_lossy().into_owned());
    let line =
        ["client", &address, "--bytes", "5kB", "--chunk", "1kB", "--silence", "300ms", "--json", &path];
    let mut client = Process::spawn(ECHO, &line);
    let code = tokio::task::block_in_place(|| client.wait().code());
    assert_eq!(code, Some(1), "{}", client.output());
    assert!(client.output().contains("0 of 1 clients got everything back"), "{}", client.output());
    the_command_that_is_proposed_works(&client.output());
    let json = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(json.starts_with("{\"seed\":1,") && json.contains("\"clients\":[{\"client\":1,"), "{json}");
}

/// Bytes are missing, so the program says what to do if they went over a classic link.
#[track_caller]
fn the_command_that_is_proposed_works(output: &str) {
    let (_, command) =
        output.split_once("as in:\n  proxy2 ").unwrap_or_else(|| panic!("no proposal in {output}"));
    let words: Vec<&str> = command.lines().next().unwrap().split(' ').collect();
    let with_rate = words.iter().position(|word| *word == "--rate").map(|at| words[at + 1]);
    assert!(words.contains(&"--classic") && with_rate.is_some(), "{command}");
    let arguments: Vec<&str> = words.iter().map(|word| if *word == "5000" { "0" } else { word }).collect();
    drop(Process::listening(PROXY2, &arguments));
}
