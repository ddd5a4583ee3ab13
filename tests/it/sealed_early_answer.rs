//! A server that answers before it has read everything, and closes: its answer reaches the client, as without a tunnel.

use testbed::client::read_to_end;
use testbed::pair::Pair;
use testbed::target::reset;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const ANSWER: &[u8] = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\n\r\n";

/// What the client sends of its upload before it looks for an answer; most of it is never read.
const UPLOAD: usize = 8 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_before_the_upload_is_read_arrives() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut pair = Pair::start_sealed(listener.local_addr().unwrap()).await;
    for round in 0..30 {
        let client = pair.connect().await;
        let serve = async {
            let (mut target, _) = listener.accept().await.unwrap();
            target.read_exact(&mut vec![0; 10_000]).await.unwrap();
            target.write_all(ANSWER).await.unwrap();
            // There are bytes that were not read, so this is a reset.
            drop(target);
        };
        let (mut reading, mut writing) = client.into_split();
        let upload = async move {
            let sent = writing.write_all(&vec![7; UPLOAD]).await;
            (writing, sent)
        };
        let answer = async {
            let mut came = Vec::new();
            let _ = reading.read_to_end(&mut came).await;
            came
        };
        let ((), (_writing, sent), came) = tokio::join!(serve, upload, answer);
        assert_eq!(came, ANSWER, "in round {round}; the upload: {sent:?}");
    }
    pair.wait_for_streams(0).await;
}

/// The end that is told apart: bytes, then a reset, arrive as bytes, then a reset, though the client reads late.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_before_a_reset_arrive_before_it() {
    const LENGTH: usize = 100_000;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut pair = Pair::start_sealed(listener.local_addr().unwrap()).await;
    let mut client = pair.connect().await;
    let (mut target, _) = listener.accept().await.unwrap();
    target.write_all(&[7; LENGTH]).await.unwrap();
    // What a reset would throw away in the target's own system is none of the tunnel's.
    pair.proxy1.wait_for_count(|now| now.received_bytes, LENGTH as u64).await;
    reset(target);
    let (came, in_order) = read_to_end(&mut client).await;
    assert_eq!((came.len(), in_order), (LENGTH, false));
    pair.wait_for_streams(0).await;
}
