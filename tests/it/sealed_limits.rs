//! A stream beyond the limit is refused at once and counted; the others do not notice.

use testbed::client::{exchange, is_turned_away, read_to_reset};
use testbed::pair::{Pair, SealedLink};
use testbed::target::{Manner, Target};
use tunnel::settings::Sealed;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_of_a_link() {
    let target = Target::start(Manner::Echo).await;
    let link = SealedLink::with(Sealed { max_streams: 3, ..Sealed::default() });
    let mut pair = Pair::start_with(target.address(), link).await;
    let mut clients = Vec::new();
    for number in 0..3 {
        let mut client = pair.connect().await;
        assert_eq!(exchange(&mut client, &[number; 10]).await, [number; 10]);
        clients.push(client);
    }
    for _ in 0..5 {
        is_turned_away(pair.proxy1.address).await;
    }
    pair.proxy1.wait_for_count(|now| now.streams_over_limit, 5).await;
    for client in &mut clients {
        assert_eq!(exchange(client, b"still here").await, b"still here");
    }
    clients.clear();
    pair.wait_for_streams(0).await;
    assert_eq!(exchange(&mut pair.connect().await, b"room again").await, b"room again");
}

/// A proxy1 that would have more than proxy2 lets it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_beyond_what_proxy2_allows() {
    let target = Target::start(Manner::Echo).await;
    let wide = SealedLink::new();
    let mut narrow = wide.clone();
    narrow.options.max_streams = 2;
    let proxy2 = testbed::pair::Proxy::exit_with("0".parse().unwrap(), target.address(), narrow).await;
    let proxy1 = testbed::pair::Proxy::entry_with("0".parse().unwrap(), proxy2.address, wide).await;
    let pair = Pair { proxy1, proxy2 };
    let (mut first, mut second) = (pair.connect().await, pair.connect().await);
    assert_eq!(exchange(&mut first, b"first").await, b"first");
    assert_eq!(exchange(&mut second, b"second").await, b"second");
    is_turned_away(pair.proxy1.address).await;
    assert_eq!(exchange(&mut first, b"first").await, b"first");
}

/// What idles is closed if the user asked for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_idle_limit() {
    let target = Target::start(Manner::Echo).await;
    let idle = Some(std::time::Duration::from_secs(1));
    let mut pair =
        Pair::start_with(target.address(), SealedLink::with(Sealed { idle, ..Sealed::default() })).await;
    let mut client = pair.connect().await;
    assert_eq!(exchange(&mut client, b"hola").await, b"hola");
    read_to_reset(&mut client).await;
    pair.wait_for_streams(0).await;
    assert!(pair.proxy1.counters().streams_idle + pair.proxy2.counters().streams_idle > 0);
}
