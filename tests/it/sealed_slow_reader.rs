//! A client that does not read costs its own window and slows nobody else; when it reads again, nothing is missing.

use testbed::client::{echo_clients, exchange};
use testbed::fill::fill;
use testbed::pair::{PATIENCE, Pair};
use testbed::seed::SeedOnFailure;
use testbed::target::{Manner, Target};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_others_are_served_and_nothing_is_lost() {
    let _seed = SeedOnFailure;
    let target = Target::start(Manner::Echo).await;
    let pair = Pair::start_sealed(target.address()).await;
    let mut stuck = pair.connect().await;
    assert_eq!(exchange(&mut stuck, b"hola").await, b"hola");
    let flood = echo::pattern::Pattern::new(7, 7).bytes(0, 1 << 16);
    // It sends until it is held up: every buffer on the way and back is full, none grows.
    let mut other = pair.connect().await;
    let fence = async || _ = exchange(&mut other, b"hola").await;
    let sent = fill(std::slice::from_mut(&mut stuck), &flood, fence).await[0];
    let report = echo_clients(pair.proxy1.address, 5, 2_000_000).await;
    assert!(report.is_clean(), "\n{report}");
    drain(&mut stuck, sent, &flood).await;
}

/// Where in the block of 64 KiB, which is sent again and again, the byte with this number is.
fn held(number: u64) -> usize {
    usize::try_from(number % (1 << 16)).unwrap()
}

async fn drain(stuck: &mut tokio::net::TcpStream, sent: u64, flood: &[u8]) {
    let mut buffer = vec![0; 1 << 16];
    let mut seen = 0;
    while seen < sent {
        let read = timeout(PATIENCE, stuck.read(&mut buffer)).await.expect("more comes").unwrap();
        assert!(read > 0, "ended after {seen} of {sent}");
        let (mut at, mut rest) = (held(seen), &buffer[..read]);
        while !rest.is_empty() {
            let length = rest.len().min(flood.len() - at);
            assert!(rest[..length] == flood[at..at + length], "wrong bytes near {seen}");
            (at, rest) = (0, &rest[length..]);
        }
        seen += read as u64;
    }
}
