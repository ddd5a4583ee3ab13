//! The server as its clients see it, in front of a proxy that is made up.

mod http;
mod limits;
pub(crate) mod made_up;

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tunnel::view::{LinkState, Role};

use self::http::{Answer, get, request};
use self::made_up::MadeUp;
use super::*;

#[tokio::test]
async fn each_path_answers_with_its_kind() {
    let (dashboard, _) = MadeUp::default().serve();
    for (path, kind, words) in [
        ("/", "text/html; charset=utf-8", "<title>Paso</title>"),
        ("/page.css", "text/css; charset=utf-8", "prefers-color-scheme: dark"),
        ("/page.js", "text/javascript; charset=utf-8", "api/view"),
        ("/plot.js", "text/javascript; charset=utf-8", "export function plot"),
        ("/icon.svg", "image/svg+xml", "<svg"),
        ("/healthz", "text/plain; charset=utf-8", "alive"),
        ("/readyz", "text/plain; charset=utf-8", "ready"),
        ("/metrics", "text/plain; version=0.0.4; charset=utf-8", "paso_up 1"),
        ("/api/view", "application/json", "\"role\":\"proxy1\""),
        ("/api/history", "application/json", "\"samples\":["),
    ] {
        let Answer { status, head, body } = get(&dashboard, path).await;
        assert_eq!(status, 200, "{path}: {head}");
        assert!(head.contains(&format!("content-type: {kind}\r\n")), "{path}: {head}");
        assert!(body.contains(words), "{path}: {body}");
    }
    let missing = get(&dashboard, "/nothing").await;
    assert!(missing.status == 404 && missing.body.contains("/metrics"), "{missing:?}");
}

#[tokio::test]
async fn each_answer_forbids_the_browser_all_that_is_not_needed() {
    let (dashboard, _) = MadeUp::default().serve();
    for path in ["/", "/page.js", "/metrics", "/api/view", "/nothing"] {
        let Answer { head, .. } = get(&dashboard, path).await;
        let policy = head.lines().find_map(|line| line.strip_prefix("content-security-policy: ")).unwrap();
        let mut parts = policy.split("; ");
        assert_eq!(parts.next(), Some("default-src 'none'"), "{path}");
        for part in parts {
            let (what, from) = part.split_once(' ').unwrap();
            assert!(["'self'", "'none'"].contains(&from), "{path}: {what} {from}");
        }
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        for line in
            ["x-content-type-options: nosniff", "cache-control: no-store", "referrer-policy: no-referrer"]
        {
            assert!(head.contains(line), "{path}: {line}");
        }
        assert!(!head.contains("access-control-allow"), "{path}: {head}");
    }
}

#[tokio::test]
async fn only_get_and_head_are_answered() {
    let (dashboard, _) = MadeUp::default().serve();
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT"] {
        let text = format!("{method} /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let answer = request(&dashboard, &text).await;
        assert!(answer.status == 405 && answer.head.contains("allow: GET, HEAD\r\n"), "{method}: {answer:?}");
    }
    let head = request(&dashboard, "HEAD / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    assert!(head.status == 200 && head.body.is_empty(), "{head:?}");
    assert!(head.head.contains("content-length: ") && !head.head.contains("content-length: 0"), "{head:?}");
}

#[tokio::test]
async fn a_name_that_suddenly_means_this_machine_reads_nothing() {
    let (dashboard, source) = MadeUp::default().serve();
    for path in ["/", "/metrics", "/api/view", "/healthz"] {
        let text = format!("GET {path} HTTP/1.1\r\nhost: evil.example:9100\r\nconnection: close\r\n\r\n");
        let answer = request(&dashboard, &text).await;
        assert_eq!(answer.status, 403, "{path}: {answer:?}");
        assert!(answer.body.contains("localhost") && !answer.body.contains("alice"), "{answer:?}");
    }
    assert!(source.asked.load(Relaxed) <= 1, "the sampler has asked, and nobody else");
}

#[tokio::test]
async fn readiness_follows_the_link() {
    let (dashboard, source) = MadeUp::default().serve();
    assert_eq!(get(&dashboard, "/readyz").await.status, 200);
    source.change(|view| view.links[0].state = LinkState::Silent);
    let not_ready = get_until(&dashboard, "/readyz", |answer| answer.status == 503).await;
    assert_eq!(not_ready.body, "the link is not up: proxy2 does not answer\n");
    assert_eq!(get(&dashboard, "/healthz").await.status, 200, "it lives");
    let text = get_until(&dashboard, "/metrics", |answer| answer.body.contains("paso_ready 0\n")).await.body;
    assert!(text.contains("paso_links_in_state{state=\"silent\"} 1\n"), "{text}");
    source.change(|view| {
        view.role = Role::Proxy2;
        view.links.clear();
    });
    get_until(&dashboard, "/readyz", |answer| answer.status == 200).await;
    source.change(|view| view.draining = Some(tunnel::view::Draining::default()));
    let draining = get_until(&dashboard, "/readyz", |answer| answer.status == 503).await;
    assert!(draining.body.contains("draining"), "{draining:?}");
}

#[tokio::test]
async fn a_proxy_that_hangs_is_told_of_and_lives() {
    let (dashboard, source) = MadeUp::default().serve();
    source.hangs.store(true, Relaxed);
    let not_ready = get_until(&dashboard, "/readyz", |answer| answer.status == 503).await;
    assert_eq!(not_ready.body, "the proxy does not answer\n");
    assert_eq!(get(&dashboard, "/healthz").await.status, 200);
}

#[tokio::test]
async fn seconds_become_a_past() {
    let (dashboard, source) = MadeUp::default().serve();
    source.grows.store(true, Relaxed);
    let has_some = |answer: &Answer| {
        let told: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        told["samples"]
            .as_array()
            .is_some_and(|samples| samples.iter().any(|sample| sample[1].as_u64() > Some(0)))
    };
    get_until(&dashboard, "/api/history?since=0", has_some).await;
}

#[tokio::test]
async fn the_port_is_free_again_when_it_is_closed() {
    let (dashboard, _) = MadeUp::default().serve();
    let address = dashboard.address();
    assert!(!dashboard.is_exposed());
    assert_eq!(dashboard.to_string(), format!("http://{address}/"));
    dashboard.close().await;
    std::net::TcpListener::bind(address).unwrap();
}

/// Asks until the answer is as wanted: what is shown may be a second old.
async fn get_until(dashboard: &Dashboard, path: &str, is_wanted: impl Fn(&Answer) -> bool) -> Answer {
    let ask = async {
        loop {
            let answer = get(dashboard, path).await;
            if is_wanted(&answer) {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), ask).await.expect(path)
}
