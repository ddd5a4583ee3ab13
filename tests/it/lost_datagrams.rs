//! One lost `C`, `COK` or `X` delays, and leaves nothing behind.

use std::time::Duration;

use testbed::client::{exchange, pass_both_ways, read_to_end};
use testbed::middlebox::Way;
use testbed::pair::Pair;
use testbed::target::{Manner, Target, refusing_address, reset};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tunnel::settings::Classic;

fn fast_repeats() -> Classic {
    let mut link = Classic::default();
    link.table.open_repeats = [Duration::from_millis(100); 3];
    link
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_request_is_repeated() {
    let target = Target::start(Manner::Echo).await;
    let (mut pair, middlebox) = Pair::start_apart(target.address(), fast_repeats()).await;
    middlebox.drop_first(2, Way::Up, b"C");
    let mut client = pair.connect().await;
    assert_eq!(exchange(&mut client, b"hola").await, b"hola");
    assert_eq!(middlebox.counts(Way::Up).ruled_out, 2);
    pair.proxy2.wait_until("one stream opened", |now| now.streams_opened == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_repeated_and_nothing_opens_twice() {
    let target = Target::start(Manner::Echo).await;
    let (mut pair, middlebox) = Pair::start_apart(target.address(), fast_repeats()).await;
    middlebox.drop_first(2, Way::Down, b"C");
    let mut client = pair.connect().await;
    assert_eq!(exchange(&mut client, b"hola").await, b"hola");
    assert_eq!(middlebox.counts(Way::Down).ruled_out, 2);
    pair.proxy2.wait_until("two repeats seen", |now| now.opens_repeated == 2).await;
    let counters = pair.proxy2.counters();
    assert_eq!((counters.streams_begun, counters.streams_opened), (1, 1), "{counters:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_refusal_is_repeated() {
    let (mut pair, middlebox) = Pair::start_apart(refusing_address(), fast_repeats()).await;
    middlebox.drop_first(1, Way::Down, b"C");
    let (data, _) = read_to_end(&mut pair.connect().await).await;
    assert_eq!(data, b"");
    assert_eq!(middlebox.counts(Way::Down).ruled_out, 1);
    pair.wait_for_streams(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_close_is_found_when_the_target_goes_on_talking() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (mut pair, middlebox) = Pair::start_apart(listener.local_addr().unwrap(), Classic::default()).await;
    middlebox.drop_first(1, Way::Up, b"X");
    let mut client = pair.connect().await;
    let (mut target, _) = listener.accept().await.unwrap();
    pass_both_ways(&mut client, &mut target).await;
    reset(client);
    pair.proxy1.wait_until("the client's end", |now| now.streams == 0).await;
    middlebox.wait_until("the close is lost", Way::Up, |counts| counts.ruled_out == 1).await;
    assert_eq!(pair.proxy2.counters().streams, 1);
    target.write_all(b"is anybody there?").await.unwrap();
    read_to_end(&mut target).await;
    pair.wait_for_streams(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_close_is_found_when_the_client_goes_on_talking() {
    let target = Target::start(Manner::CloseAfter(4)).await;
    let (mut pair, middlebox) = Pair::start_apart(target.address(), Classic::default()).await;
    middlebox.drop_first(1, Way::Down, b"X");
    let mut client = pair.connect().await;
    assert_eq!(exchange(&mut client, b"hola").await, b"hola");
    pair.proxy2.wait_until("the target's end", |now| now.streams == 0).await;
    client.write_all(b"is anybody there?").await.unwrap();
    read_to_end(&mut client).await;
    pair.wait_for_streams(0).await;
    assert_eq!(middlebox.counts(Way::Down).ruled_out, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_close_between_silent_sides_is_found_by_the_idle_limit() {
    let mut target = Target::start(Manner::Echo).await;
    let mut link = Classic::default();
    link.table.idle_limit = Duration::from_secs(1);
    let (mut pair, middlebox) = Pair::start_apart(target.address(), link).await;
    middlebox.drop_first(1, Way::Up, b"X");
    let mut client = pair.connect().await;
    assert_eq!(exchange(&mut client, b"hola").await, b"hola");
    reset(client);
    target.connection_ended().await;
    pair.wait_for_streams(0).await;
    assert_eq!(pair.proxy2.counters().streams_idle, 1);
}
