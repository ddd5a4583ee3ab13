//! What clients that mean no good can do.

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::http::{get, request};
use super::made_up::MadeUp;

#[tokio::test]
async fn many_viewers_ask_the_proxy_no_more_than_one() {
    let (dashboard, source) = MadeUp::default().serve();
    let began = Instant::now();
    for _ in 0..40 {
        for path in ["/api/view", "/metrics", "/readyz"] {
            assert_eq!(get(&dashboard, path).await.status, 200);
        }
    }
    let seconds = began.elapsed().as_secs();
    let asked = source.asked.load(Relaxed);
    // The sampler's, once a second, and once for each that wants to see more than was seen before.
    assert!(asked <= seconds + 1 + 3, "{asked} times in {seconds} s");
}

#[tokio::test]
async fn a_head_without_an_end_is_cut_off() {
    let (dashboard, _) = MadeUp::default().serve();
    let mut slow = TcpStream::connect(dashboard.address()).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nx: ").await.unwrap();
    // It ends by itself, with whatever answer: the test ends.
    let mut answer = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(20), slow.read_to_end(&mut answer)).await;
    assert!(ended.is_ok());
}

#[tokio::test]
async fn a_head_without_measure_is_refused() {
    let (dashboard, _) = MadeUp::default().serve();
    let long = format!("GET / HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "y".repeat(64 << 10));
    let mut stream = TcpStream::connect(dashboard.address()).await.unwrap();
    // The end may come before all is written.
    let _ = stream.write_all(long.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    let many = "x: y\r\n".repeat(100);
    let text = format!("GET / HTTP/1.1\r\nhost: localhost\r\n{many}connection: close\r\n\r\n");
    assert_eq!(request(&dashboard, &text).await.status, 431);
}

#[tokio::test]
async fn connections_that_say_nothing_keep_others_out_for_a_while_only() {
    let (dashboard, _) = MadeUp::default().serve();
    let mut idle = Vec::new();
    for _ in 0..80 {
        idle.push(TcpStream::connect(dashboard.address()).await.unwrap());
    }
    // All places are taken, and given up again after five seconds, twice.
    let answer = tokio::time::timeout(Duration::from_secs(30), get(&dashboard, "/healthz")).await;
    assert_eq!(answer.map(|answer| answer.status), Ok(200));
}
