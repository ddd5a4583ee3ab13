//! Two ends of a link, with real keys, on a virtual clock.

mod differential;
mod ending;
mod features;
mod hostile;
mod keys;
mod make;
mod nats_and_places;
mod observer;
mod pair;
mod path_and_peers;
mod places;
mod probing;
mod script;
mod sweep;
mod wire;

use pair::Pair;
use std::time::Duration;

#[test]
fn bytes_cross_under_real_keys() {
    let mut pair = Pair::new(1);
    let id = pair.client.streams().open(b"").unwrap();
    let now = pair.now;
    pair.client.streams().write(now, id, b"hola");
    pair.client.streams().finish(now, id);
    assert!(pair.run_until(Duration::from_secs(5), |pair| {
        pair.heard_by_server.get(&id).is_some_and(|b| b == b"hola")
    }));
}
