//! HTTP.

use super::*;

#[tokio::test]
async fn a_connection_that_is_kept_for_no_more_requests_ends_in_order() {
    let (pair, origin) = (Pair::start().await, mirror().await);
    let mut client = pair.says(format!("GET http://{origin}/ HTTP/1.1\r\n\r\n").as_bytes()).await;
    assert!(response(&mut client).await.0.starts_with("http/1.1 200 "));
    assert_eq!(reads_to_end(&mut client).await, b"");
    assert_eq!(pair.entry.counters().borrow().proxy_clients_timed_out, 0);
}

#[tokio::test]
async fn http_connect_opens_a_tunnel() {
    let (pair, target) = (Pair::start().await, shouting().await);
    for version in ["1.1\r\nHost: x", "1.0"] {
        let request = format!("CONNECT localhost:{} HTTP/{version}\r\n\r\nhola ", target.port());
        let mut client = pair.says(request.as_bytes()).await;
        let head = head(&mut client).await;
        assert!(head.starts_with(&format!("HTTP/{} 200 ", &version[..3])), "{head}");
        assert!(!head.contains("content-length") && !head.contains("transfer-encoding"), "{head}");
        client.write_all(b"otra vez").await.unwrap();
        assert_eq!(reads(&mut client, 13).await, b"HOLA OTRA VEZ");
    }
    pair.wait_for(|now| now.streams_opened == 2).await;
}

/// The head of an answer, byte by byte so that nothing behind it is read.
pub(super) async fn head(client: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// The head and, as long as it says, the body.
pub(super) async fn response(client: &mut TcpStream) -> (String, String) {
    let head = head(client).await.to_ascii_lowercase();
    let length = head
        .split("content-length: ")
        .nth(1)
        .map_or(0, |rest| rest.lines().next().unwrap_or_default().parse().unwrap());
    (head, String::from_utf8(reads(client, length).await).unwrap())
}

#[tokio::test]
async fn each_failure_has_its_status_in_http() {
    let (pair, gone) = (Pair::start().await, refusing().await);
    let mut client = pair.connect().await;
    for (request, status, said) in [
        (format!("CONNECT {gone} HTTP/1.1\r\n\r\n"), 502, "refuses"),
        (format!("GET http://{gone}/ HTTP/1.1\r\n\r\n"), 502, "refuses"),
        ("CONNECT 127.0.0.2:80 HTTP/1.1\r\n\r\n".into(), 403, ""),
        ("GET http://files.paso/ HTTP/1.1\r\n\r\n".into(), 403, "@files"),
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n".into(), 400, "this is a proxy"),
        ("GET https://x/ HTTP/1.1\r\n\r\n".into(), 400, "connect"),
        ("CONNECT x HTTP/1.1\r\n\r\n".into(), 400, "this is a proxy"),
    ] {
        // All on one connection.
        client.write_all(request.as_bytes()).await.unwrap();
        let (head, body) = response(&mut client).await;
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{request}: {head}");
        assert!(body.to_ascii_lowercase().contains(said), "{request}: {body}");
    }
}

/// Answers each request with its own head, as the body.
async fn mirror() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut origin, _)) = listener.accept().await {
            tokio::spawn(async move {
                let head = head(&mut origin).await;
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nX-Hop: 1\r\nConnection: x-hop\r\nContent-Length: {}\r\n\r\n{head}",
                    head.len()
                );
                origin.write_all(answer.as_bytes()).await.unwrap();
            });
        }
    });
    address
}

#[tokio::test]
async fn plain_http_is_carried_request_by_request() {
    let (pair, origin) = (Pair::start().await, mirror().await);
    let mut client = pair.connect().await;
    for path in ["/one?a=b", "/two"] {
        let request = format!(
            "GET http://me:pw@{origin}{path} HTTP/1.1\r\nHost: other\r\nX-Own: y\r\nProxy-Connection: keep-alive\r\n\
             Proxy-Authorization: Basic x\r\nConnection: keep-alive, x-secret\r\nX-Secret: z\r\n\r\n"
        );
        client.write_all(request.as_bytes()).await.unwrap();
        let (head, seen) = response(&mut client).await;
        assert!(head.starts_with("http/1.1 200 ") && !head.contains("x-hop"), "{head}");
        let seen = seen.to_ascii_lowercase();
        assert!(seen.starts_with(&format!("get {path} http/1.1\r\n")), "{seen}");
        for kept in [&format!("host: {origin}\r\n"), "x-own: y", "connection: close", "via: 1.1 paso"] {
            assert!(seen.contains(kept), "{kept}: {seen}");
        }
        for gone in ["proxy-", "x-secret", "keep-alive", "me:pw"] {
            assert!(!seen.contains(gone), "{gone}: {seen}");
        }
    }
    pair.wait_for(|now| now.streams_opened == 2 && now.streams == 0).await;
}

#[tokio::test]
async fn a_connection_of_plain_http_can_change_its_protocol() {
    let pair = Pair::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let request =
        format!("GET http://{address}/ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    let mut client = pair.says(request.as_bytes()).await;
    let (mut origin, _) = listener.accept().await.unwrap();
    let seen = head(&mut origin).await.to_ascii_lowercase();
    assert!(seen.contains("upgrade: websocket") && seen.contains("connection: upgrade"), "{seen}");
    let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhola";
    origin.write_all(switch.as_bytes()).await.unwrap();
    let answer = head(&mut client).await.to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 101 ") && answer.contains("upgrade: websocket"), "{answer}");
    assert_eq!(reads(&mut client, 4).await, b"hola");
    client.write_all(b"otra").await.unwrap();
    assert_eq!(reads(&mut origin, 4).await, b"otra");
    drop(origin);
    let _ = reads_to_end(&mut client).await;
}
