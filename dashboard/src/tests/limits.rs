//! What clients that mean no good can do.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use hyper::{Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::http::{get, request};
use super::made_up::MadeUp;
use crate::answer::Service;

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
    let ended = timeout(Duration::from_secs(20), slow.read_to_end(&mut answer)).await;
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
    // All places are taken, and given up again after two seconds, twice.
    let answer = timeout(Duration::from_secs(30), get(&dashboard, "/healthz")).await;
    assert_eq!(answer.map(|answer| answer.status), Ok(200));
}

#[tokio::test]
async fn who_connects_and_says_nothing_is_gone_before_who_has_asked() {
    let (dashboard, _) = MadeUp::default().serve();
    let mut asked = TcpStream::connect(dashboard.address()).await.unwrap();
    asked.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    asked.read_exact(&mut first).await.unwrap();
    let mut silent = TcpStream::connect(dashboard.address()).await.unwrap();
    let (mut rest, mut nothing) = (Vec::new(), Vec::new());
    tokio::select! {
        biased;
        _ = asked.read_to_end(&mut rest) => panic!("it may ask again for five seconds"),
        ended = silent.read_to_end(&mut nothing) => assert_eq!(ended.ok(), Some(0)),
    }
}

#[tokio::test]
async fn in_a_crowd_the_answer_is_to_come_again() {
    let service = Service::new(Arc::new(Arc::new(MadeUp::default())), "127.0.0.1:9100".parse().unwrap());
    let request = || Request::builder().uri("/healthz").header("host", "localhost").body(()).unwrap();
    // Each comes, and goes if it would have to wait.
    let mut refused = None;
    for _ in 0..10_000 {
        match timeout(Duration::ZERO, service.answer(&request())).await {
            Ok(answer) if answer.status() != StatusCode::OK => refused = Some(answer),
            Ok(_) | Err(_) => {}
        }
    }
    let refused = refused.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    let headers = refused.headers();
    assert!(headers.contains_key("retry-after") && headers.contains_key("cache-control"), "{headers:?}");
}
