//! The bad network that other tests rely on does what its seed says, and changes its port when it is told to.

use std::time::Duration;

use testbed::middlebox::{Middlebox, Way, Weather};
use testbed::seed::SeedOnFailure;
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// Numbers of the datagrams, of 200 sent one by one, that arrive behind a middlebox with half of them lost.
async fn survivors(seed: u64) -> Vec<u8> {
    let exit = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let middlebox = Middlebox::start(exit.local_addr().unwrap(), seed).unwrap();
    middlebox.set(Weather { loss: 0.5, ..Weather::default() });
    let entry = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for number in 0..200 {
        entry.send_to(&[number], middlebox.address()).await.unwrap();
    }
    // What is sent now passes, and marks the end.
    while middlebox.counts(Way::Up).received < 200 {
        tokio::task::yield_now().await;
    }
    middlebox.set(Weather::default());
    entry.send_to(&[255], middlebox.address()).await.unwrap();
    let mut arrived = Vec::new();
    let mut buffer = [0; 1];
    loop {
        exit.recv(&mut buffer).await.unwrap();
        if buffer == [255] {
            return arrived;
        }
        arrived.push(buffer[0]);
    }
}

#[tokio::test]
async fn the_same_seed_loses_the_same_datagrams() {
    let _seed = SeedOnFailure;
    let first = survivors(1).await;
    assert!((60..140).contains(&first.len()), "{first:?}");
    assert!(first.is_sorted(), "{first:?}");
    assert_eq!(first, survivors(1).await);
    assert_ne!(first, survivors(2).await);
}

#[tokio::test]
async fn it_answers_from_the_new_port_after_a_change() {
    let exit = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let middlebox = Middlebox::start(exit.local_addr().unwrap(), 1).unwrap();
    let entry = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut buffer = [0; 8];
    entry.send_to(b"one", middlebox.address()).await.unwrap();
    let (_, before) = exit.recv_from(&mut buffer).await.unwrap();
    middlebox.change_ports();
    let after = loop {
        entry.send_to(b"two", middlebox.address()).await.unwrap();
        let (_, from) = timeout(Duration::from_secs(5), exit.recv_from(&mut buffer)).await.unwrap().unwrap();
        if from != before {
            break from;
        }
    };
    exit.send_to(b"three", after).await.unwrap();
    let length = timeout(Duration::from_secs(5), entry.recv(&mut buffer)).await.unwrap().unwrap();
    assert_eq!(&buffer[..length], b"three");
}

#[tokio::test]
async fn the_port_changes_after_as_many_datagrams_as_it_was_told() {
    let exit = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let middlebox = Middlebox::start(exit.local_addr().unwrap(), 1).unwrap();
    middlebox.change_ports_each(3);
    let entry = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut ports = Vec::new();
    for _ in 0..8 {
        entry.send_to(b"one", middlebox.address()).await.unwrap();
        let received = timeout(Duration::from_secs(5), exit.recv_from(&mut [0; 8])).await;
        ports.push(received.unwrap().unwrap().1);
    }
    let changes: Vec<_> = ports.windows(2).map(|two| two[0] != two[1]).collect();
    assert_eq!(changes, [false, true, false, false, true, false, false], "{ports:?}");
}
