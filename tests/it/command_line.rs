//! What a person sees who uses the programs: exit codes, and one clear sentence for each mistake.

use std::net::{TcpListener, UdpSocket};

use testbed::process::Process;
use testbed::target::{Manner, Target, refusing_address};

use crate::programs::{ECHO, PASO, PROXY1, PROXY2, greeted};

/// Runs a program that ends by itself; its exit code and all it said.
fn run(program: &str, line: &str) -> (Option<i32>, String) {
    let words: Vec<_> = line.split_whitespace().collect();
    let mut process = Process::spawn(program, &words);
    let code = process.wait().code();
    (code, process.output())
}

#[track_caller]
fn fails(program: &str, line: &str, code: i32, words: &[&str]) {
    let (actual, output) = run(program, line);
    assert_eq!(actual, Some(code), "{line}:\n{output}");
    for word in words {
        assert!(output.contains(word), "`{word}` is not in the answer to `{line}`:\n{output}");
    }
    assert!(!output.contains("panicked") && !output.contains("backtrace"), "{output}");
}

#[test]
fn bad_usage_ends_with_2_and_names_the_argument() {
    for proxy in [PROXY1, PROXY2] {
        fails(proxy, "", 2, &["[ADDR:]PORT"]);
        fails(proxy, "--classic 70000 localhost 5000", 2, &["[ADDR:]PORT", "70000"]);
        fails(proxy, "--classic 0 localhost five", 2, &["PORT", "five"]);
        fails(proxy, "--classic --idle soon 0 localhost 5000", 2, &["--idle", "soon"]);
        fails(proxy, "--frobnicate", 2, &["--frobnicate"]);
    }
    fails(ECHO, "client localhost", 2, &["<HOST:PORT>"]);
    fails(ECHO, "client localhost:7000 --bytes many", 2, &["--bytes", "many"]);
    fails(ECHO, "serve 70000", 2, &["[ADDR:]PORT", "70000"]);
}

#[test]
fn units_are_the_same_in_every_program() {
    let help = |program, line| {
        let (_, help) = run(program, line);
        help.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    for help in [help(PROXY1, "--help"), help(PROXY2, "--help"), help(ECHO, "client --help")] {
        assert!(help.contains("64kB, 8MB, 1GB are powers of 1,000"), "{help}");
        assert!(help.contains("64KiB, 8MiB, 1GiB powers of 1,024"), "{help}");
    }
    // What is right gets as far as the next mistake.
    for size in ["5MB", "5M", "5MiB", "5Mi", "5000k"] {
        fails(PROXY1, &format!("--memory {size} 0 localhost five"), 2, &["PORT", "five"]);
        fails(PROXY2, &format!("--memory {size} 0 localhost five"), 2, &["PORT", "five"]);
        fails(ECHO, &format!("client --bytes {size} localhost:five"), 2, &["HOST:PORT", "five"]);
    }
    // 4,100 kB are less than 4 MiB: `k` is 1,000.
    fails(PROXY1, "--memory 4100k 0 localhost 5000", 2, &["4MiB or more"]);
    for size in ["5mb", "5TB", "99999999999GB"] {
        fails(PROXY1, &format!("--memory={size} 0 localhost 5000"), 2, &["--memory"]);
        fails(ECHO, &format!("client --bytes={size} localhost:7000"), 2, &["--bytes"]);
    }
}

#[test]
fn options_of_the_other_link_are_refused() {
    for proxy in [PROXY1, PROXY2] {
        fails(proxy, "0 localhost 5000 --linger 1s", 2, &["--classic"]);
        fails(proxy, "--classic 0 localhost 5000 --streams 5", 2, &["--classic", "--streams"]);
    }
}

#[test]
fn a_port_in_use_ends_with_1_and_says_which() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = tcp.local_addr().unwrap().port().to_string();
    fails(PROXY1, &format!("--classic {port} localhost 5000"), 1, &[&port, "in use"]);
    fails(ECHO, &format!("serve {port}"), 1, &[&port, "in use"]);
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = udp.local_addr().unwrap().port().to_string();
    fails(PROXY2, &format!("--classic {port} localhost 5000"), 1, &[&port, "in use"]);
}

#[test]
fn an_unknown_host_ends_with_1_and_says_which() {
    for proxy in [PROXY1, PROXY2] {
        fails(proxy, "--classic 0 no-such-host.invalid 5000", 1, &["HOST", "no-such-host.invalid"]);
        fails(proxy, "0 no-such-host.invalid 5000", 1, &["HOST", "no-such-host.invalid"]);
    }
    fails(ECHO, "client no-such-host.invalid:7000", 1, &["no-such-host.invalid"]);
}

#[test]
fn help_and_version_end_with_0() {
    for program in [PROXY1, PROXY2, ECHO] {
        let (code, help) = run(program, "--help");
        assert!(code == Some(0) && help.contains("Usage"), "{help}");
        let (code, version) = run(program, "--version");
        assert!(code == Some(0) && version.contains(env!("CARGO_PKG_VERSION")), "{version}");
    }
    for proxy in [PROXY1, PROXY2] {
        let (_, help) = run(proxy, "--help");
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        for words in [
            "Example",
            "[default: never; with --classic 5m]",
            "[default: 300ms]",
            "[default: 256MiB; with --classic 64MiB]",
        ] {
            assert!(help.contains(words), "`{words}` is not in:\n{help}");
        }
    }
}

#[test]
fn all_help_fits_80_columns_and_paso_is_all_programs() {
    let all = [
        "",
        "in",
        "out",
        "ticket",
        "ticket add",
        "ticket allow",
        "ticket apply",
        "nc",
        "find",
        "check",
        "echo",
        "echo serve",
        "echo client",
    ];
    for words in all {
        let (code, help) = run(PASO, &format!("{words} --help"));
        assert_eq!(code, Some(0), "{help}");
        let usage = format!("paso {words}");
        assert!(help.contains(&format!("Usage: {}", usage.trim_end())), "{help}");
        let wide = help.lines().find(|line| line.chars().count() > 80);
        assert_eq!(wide, None, "paso {words} --help");
    }
    fails(PASO, "", 2, &["Usage: paso"]);
    fails(PASO, "frobnicate", 2, &["frobnicate"]);
    fails(PASO, "in", 2, &["[ADDR:]PORT"]);
    fails(PASO, "in --config", 2, &["--config"]);
}

#[test]
fn an_echo_client_without_a_server_ends_with_1() {
    let nobody = refusing_address();
    fails(ECHO, &format!("client {nobody}"), 1, &["not connected"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_ends_in_order_with_a_summary_and_0() {
    let mut target = Target::start(Manner::Echo).await;
    for signal in ["TERM", "INT"] {
        let port = target.address().port().to_string();
        let mut proxy2 = Process::listening(PROXY2, &["--classic", "0", "127.0.0.1", &port]);
        let link = proxy2.address().port().to_string();
        let mut proxy1 = Process::listening(PROXY1, &["--classic", "0", "127.0.0.1", &link]);
        let _client = greeted(&proxy1).await;

        proxy1.signal(signal);
        let code = tokio::task::block_in_place(|| proxy1.wait().code());
        assert_eq!(code, Some(0), "{}", proxy1.output());
        // The `X` of the open stream: the target's connection ends although proxy2 goes on.
        target.connection_ended().await;
        proxy2.signal(signal);
        let code = tokio::task::block_in_place(|| proxy2.wait().code());
        assert_eq!(code, Some(0), "{}", proxy2.output());
        for output in [proxy1.output(), proxy2.output()] {
            let summary = output.lines().last().unwrap_or_default();
            assert!(summary.contains("opened=1"), "no summary at the end of:\n{output}");
        }
    }
}

#[test]
fn an_echo_server_ends_by_a_signal_with_0() {
    let mut echo = Process::listening(ECHO, &["serve", "0"]);
    echo.signal("INT");
    assert_eq!(echo.wait().code(), Some(0), "{}", echo.output());
    assert!(echo.output().contains("ended by request"), "{}", echo.output());
}
