//! `paso nc` carries its standard input and output to what proxy2 reaches, as ssh's ProxyCommand needs it.
#![cfg(unix)]

use testbed::folder::Folder;
use testbed::process::Process;
use testbed::target::{Manner, Target, refusing_address};

use crate::programs::{PASO, PROXY2, sealed_program};

const FORBIDDEN: &str = "error: ticket default may not dial 192.0.2.1:22; it may dial:127.0.0.1:*; allow it at proxy2 with: proxy2 ticket allow default dial:192.0.2.1:22";

/// Runs it with that input; its exit code and all it said.
fn nc(words: &[&str], proxy2: &Process, folder: &Folder, input: &[u8]) -> (Option<i32>, String) {
    let (at, state) = (proxy2.address().to_string(), folder.path("state"));
    let mut nc =
        Process::spawn_reading(PASO, &[&["nc"], words, &["--at", &at, "--state", &state]].concat(), input);
    let code = tokio::task::block_in_place(|| nc.wait().code());
    (code, nc.output())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standard_input_and_output_are_one_stream() {
    let target = Target::start(Manner::ReplyAtEnd).await;
    let folder = Folder::new();
    let proxy2 = sealed_program(PROXY2, "0", target.address(), &folder, &["--allow", "dial:127.0.0.1/32:*"]);
    let text = target.address().to_string();
    let (code, output) = nc(&[&text], &proxy2, &folder, b"hola");
    assert_eq!(
        (code, output.as_str()),
        (Some(0), "holabye\n"),
        "the end of the input is an end for the target"
    );
    let (ip, port) = (target.address().ip().to_string(), target.address().port().to_string());
    let (code, output) = nc(&[&ip, &port], &proxy2, &folder, b"hola");
    assert_eq!((code, output.as_str()), (Some(0), "holabye\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxy1_with_w_is_the_same_and_ends_with_its_stream() {
    let target = Target::start(Manner::ReplyAtEnd).await;
    let folder = Folder::new();
    let proxy2 = sealed_program(PROXY2, "0", target.address(), &folder, &["--allow", "dial:127.0.0.1/32:*"]);
    let (at, state) = (proxy2.address().to_string(), folder.path("state"));
    let run = |to: &str| {
        let words = ["in", "-q", "-W", to, &at, "--state", &state];
        let mut proxy1 = Process::spawn_reading(PASO, &words, b"hola");
        let code = tokio::task::block_in_place(|| proxy1.wait().code());
        (code, proxy1.output())
    };
    assert_eq!(run(&target.address().to_string()), (Some(0), "holabye\n".to_owned()));
    let (code, output) = run("192.0.2.1:22");
    let said = FORBIDDEN.replace("error: ", "error: standard input: ");
    assert!(code == Some(1) && output.contains(&said), "{output}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_reached_ends_with_1_and_a_sentence() {
    let target = Target::start(Manner::ResetAfter(4)).await;
    let folder = Folder::new();
    let proxy2 = sealed_program(PROXY2, "0", target.address(), &folder, &["--allow", "dial:127.0.0.1/32:*"]);
    let reset = target.address().to_string();
    let refusing = refusing_address().to_string();
    for (to, said) in
        [(reset.as_str(), "error: the stream"), (&refusing, "refuses"), ("192.0.2.1:22", FORBIDDEN)]
    {
        let (code, output) = nc(&[to], &proxy2, &folder, b"hola");
        assert!(code == Some(1) && output.contains(said), "{to}: {output}");
    }
    let (code, output) = nc(&["host"], &proxy2, &folder, b"");
    assert!(code == Some(2) && output.contains("without a port"), "{output}");
    let (code, output) = nc(&["host:1", "--ticket-file", "/nowhere/ticket"], &proxy2, &folder, b"");
    assert!(code == Some(1) && output.contains("there is no file /nowhere/ticket"), "{output}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_configuration_file_of_paso_in_says_how_to_join() {
    let target = Target::start(Manner::ReplyAtEnd).await;
    let folder = Folder::new();
    let proxy2 = sealed_program(PROXY2, "0", target.address(), &folder, &["--allow", "dial:127.0.0.1/32:*"]);
    let text = format!(
        "state = {:?}\n[[link]]\nname = \"a\"\nat = \"{}\"\nlocal = \"0\"\n[[link]]\nname = \"b\"\nat = \"127.0.0.1:9\"\n",
        folder.path("state"),
        proxy2.address()
    );
    let file = folder.file("paso.toml", &text, 0o600);
    let run = |words: &[&str]| {
        let to = target.address().to_string();
        let mut nc =
            Process::spawn_reading(PASO, &[&["nc", &to, "--config", &file], words].concat(), b"hola");
        let code = tokio::task::block_in_place(|| nc.wait().code());
        (code, nc.output())
    };
    assert_eq!(run(&["--link", "a"]), (Some(0), "holabye\n".to_owned()));
    let (code, output) = run(&[]);
    assert!(code == Some(2) && output.contains("write --link a or --link b"), "{output}");
    let (code, output) = run(&["--link", "c"]);
    assert!(code == Some(2) && output.contains("no link 'c': it has a, b"), "{output}");
}
