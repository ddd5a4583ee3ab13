//! Clients and origins that mean ill, or read HTTP otherwise than most.

use super::http::{head, response};
use super::*;

/// Answers one connection with these bytes; what it has read, up to `until` or the end.
async fn origin(answer: &'static str, until: &'static str) -> (SocketAddr, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(until.as_bytes()) && connection.read_buf(&mut seen).await.unwrap() > 0 {}
        connection.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(seen).unwrap()
    });
    (address, serving)
}

/// What an origin gets of a request, its head in lower case.
async fn carried(request: &str, until: &'static str) -> String {
    let pair = Pair::start().await;
    let (address, serving) = origin("HTTP/1.1 204 No Content\r\n\r\n", until).await;
    let _client = pair.says(request.replace("ORIGIN", &address.to_string()).as_bytes()).await;
    serving.await.unwrap()
}

/// What a client gets of an answer.
async fn answered(request: &str, answer: &'static str) -> String {
    let pair = Pair::start().await;
    let (address, _serving) = origin(answer, "\r\n\r\n").await;
    let mut client = pair.says(request.replace("ORIGIN", &address.to_string()).as_bytes()).await;
    let mut all = Vec::new();
    let _ = client.read_to_end(&mut all).await;
    String::from_utf8(all).unwrap()
}

/// The bytes of a body are the same for everybody who reads them, or a request could hide in it (RFC 9112 section 11.2).
#[tokio::test]
async fn a_body_is_delimited_as_it_was_and_in_one_way() {
    const CHUNKS: &str = "\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    for (method, head, kept) in [
        ("POST", "Content-Length: 3\r\nTransfer-Encoding: chunked", "transfer-encoding: chunked\r\n"),
        ("POST", "Transfer-Encoding: chunked\r\nContent-Length: 3", "transfer-encoding: chunked\r\n"),
        ("GET", "Transfer-Encoding: chunked", "transfer-encoding: chunked\r\n"),
        ("POST", "Transfer-Encoding: gzip, chunked", "transfer-encoding: gzip, chunked\r\n"),
        (
            "POST",
            "Connection: transfer-encoding\r\nTransfer-Encoding: chunked",
            "transfer-encoding: chunked\r\n",
        ),
    ] {
        let request = format!("{method} http://ORIGIN/ HTTP/1.1\r\n{head}{CHUNKS}");
        let seen = carried(&request, CHUNKS).await;
        assert!(seen.contains(kept) && !seen.contains("content-length"), "{head}: {seen}");
    }
    let named =
        "POST http://ORIGIN/ HTTP/1.1\r\nConnection: content-length, host\r\nContent-Length: 5\r\n\r\nhello";
    let seen = carried(named, "hello").await;
    assert!(seen.contains("content-length: 5\r\n") && seen.contains("host: 127.0.0.1:"), "{seen}");
}

const GET: &str = "GET http://ORIGIN/ HTTP/1.1\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn an_answers_body_is_delimited_in_one_way_too() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ] {
        let got = answered(GET, answer).await;
        assert!(got.ends_with("\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), "{got}");
        assert!(got.contains("transfer-encoding: chunked") && !got.contains("content-length"), "{got}");
    }
    let two = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello1";
    let folded = "HTTP/1.1 200 OK\r\nX-A: a\r\n b\r\nContent-Length: 0\r\n\r\n";
    let unasked = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhello";
    for answer in [two, folded, unasked] {
        let got = answered(GET, answer).await;
        assert!(got.starts_with("HTTP/1.1 502 "), "{answer}: {got}");
    }
}

#[tokio::test]
async fn answers_without_a_body_have_none() {
    let head = "HEAD http://ORIGIN/ HTTP/1.1\r\nConnection: close\r\n\r\n";
    for (request, answer, status) in [
        (head, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", "200"),
        (head, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "200"),
        (GET, "HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n", "304"),
        (GET, "HTTP/1.1 204 No Content\r\n\r\n", "204"),
    ] {
        let got = answered(request, answer).await;
        assert!(
            got.starts_with(&format!("HTTP/1.1 {status} ")) && got.ends_with("\r\n\r\n"),
            "{answer}: {got}"
        );
        assert_eq!(got.matches("\r\n\r\n").count(), 1, "{answer}: {got}");
    }
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    assert!(answered(GET, hints).await.ends_with("\r\n\r\nok"));
    let old = "GET http://ORIGIN/ HTTP/1.0\r\n\r\n";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    let got = answered(old, chunked).await;
    assert!(got.ends_with("\r\n\r\nok") && !got.contains("chunked"), "{got}");
}

/// Who reads another host or port than who checks it is led elsewhere. Nor is the port one that leads to itself: what a page of the web
/// makes a browser send to it names no host.
#[tokio::test]
async fn a_place_that_can_be_read_in_two_ways_is_refused() {
    let pair = Pair::start().await;
    let own = pair.address;
    for request in [
        "GET http://127.0.0.1:99999/ HTTP/1.1\r\n\r\n".to_owned(),
        "GET http://127.0.0.1:+80/ HTTP/1.1\r\n\r\n".into(),
        "GET http://127.0.0.1:80x/ HTTP/1.1\r\n\r\n".into(),
        "GET http://127.0.0.1:0/ HTTP/1.1\r\n\r\n".into(),
        "GET http://127.1/ HTTP/1.1\r\n\r\n".into(),
        "GET http://[::1%25lo]/ HTTP/1.1\r\n\r\n".into(),
        "GET http://127.0.0.1:1\\@127.0.0.2/ HTTP/1.1\r\n\r\n".into(),
        "GET 127.0.0.1:1 HTTP/1.1\r\n\r\n".into(),
        "CONNECT http://127.0.0.1:1/ HTTP/1.1\r\n\r\n".into(),
        "CONNECT 127.0.0.1:0 HTTP/1.1\r\n\r\n".into(),
        "CONNECT 127.0.0.1: HTTP/1.1\r\n\r\n".into(),
        "OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n".into(),
        format!("GET / HTTP/1.1\r\nHost: {own}\r\n\r\n"),
        "GET / HTTP/1.1\r\nHost: rebound.example\r\n\r\n".into(),
        "GET http://127.0.0.1:1/ HTTP/1.1\r\nX: a\r\n b\r\n\r\n".into(),
        "POST http://127.0.0.1:1/ HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab".into(),
        "POST http://127.0.0.1:1/ HTTP/1.1\r\nTransfer-Encoding: chunked, x\r\n\r\n".into(),
        "POST http://127.0.0.1:1/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".into(),
    ] {
        let mut client = pair.says(request.as_bytes()).await;
        let head = head(&mut client).await;
        assert!(
            head.starts_with("HTTP/1.1 400 ") || head.starts_with("HTTP/1.0 400 "),
            "{request:?}: {head}"
        );
    }
    // By the link, once, and then it says what it is.
    let mut client = pair.says(format!("GET http://{own}/ HTTP/1.1\r\n\r\n").as_bytes()).await;
    let (head, said) = response(&mut client).await;
    assert!(head.starts_with("http/1.1 400 ") && said.starts_with("this is a proxy"), "{head}{said}");
    pair.wait_for(|now| now.streams_opened == 1).await;
}

/// What a browser is made to send as a form is no request of its own.
#[tokio::test]
async fn what_stands_in_a_body_is_no_request() {
    let pair = Pair::start().await;
    let inner = "GET http://127.0.0.1:1/ HTTP/1.1\r\n\r\n";
    let form = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{inner}", inner.len());
    let mut client = pair.says(form.as_bytes()).await;
    client.shutdown().await.unwrap();
    let mut all = Vec::new();
    let _ = client.read_to_end(&mut all).await;
    let all = String::from_utf8(all).unwrap();
    assert_eq!(all.matches("HTTP/1.1 400 ").count(), 1, "{all}");
    assert!(!all.contains("refuses"), "{all}");
}

#[test]
fn a_service_may_have_the_dot_of_the_root() {
    let to = |host| super::super::destination(host, 80).unwrap().to_string();
    assert_eq!(to("files.paso"), "@files");
    assert_eq!(to("Files.PASO."), "@files", "it would be looked up at the exit");
}
