//! A crowd of connections that are stuck costs the others nothing, and is gone when its clients leave.

use testbed::client::{echo_clients, exchange, pass_both_ways, read_to_reset};
use testbed::fill::fill;
use testbed::pair::Pair;
use testbed::target::{Manner, Target, reset};
use tokio::net::{TcpListener, TcpStream};

/// More than 75, which stopped everybody when a link had no credit for what is promised.
const CROWD: usize = 100;

async fn crowd(pair: &Pair) -> Vec<TcpStream> {
    let mut clients = Vec::new();
    for _ in 0..CROWD {
        clients.push(pair.connect().await);
    }
    clients
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_others_are_served_beside_a_hundred_that_do_not_read() {
    let target = Target::start(Manner::Echo).await;
    let mut pair = Pair::start_sealed(target.address()).await;
    let mut clients = crowd(&pair).await;
    let mut other = pair.connect().await;
    fill(&mut clients, &[7; 256 << 10], async || _ = exchange(&mut other, b"hola").await).await;
    drop(other);
    let report = echo_clients(pair.proxy1.address, 5, 1_000_000).await;
    assert!(report.is_clean(), "\n{report}");
    drop(clients); // what they have not read makes their systems reset
    pair.wait_for_streams(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_resets_while_nothing_is_read_from_it_is_gone_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut pair = Pair::start_sealed(listener.local_addr().unwrap()).await;
    let mut other = pair.connect().await;
    let (mut answers, _) = listener.accept().await.unwrap();
    let mut clients = crowd(&pair).await;
    let mut targets = Vec::new();
    for _ in 0..CROWD {
        targets.push(listener.accept().await.unwrap().0);
    }
    fill(&mut clients, &[7; 256 << 10], async || pass_both_ways(&mut other, &mut answers).await).await;
    clients.into_iter().for_each(reset);
    pair.wait_for_streams(1).await;
    for target in &mut targets {
        read_to_reset(target).await;
    }
}
