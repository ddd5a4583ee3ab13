//! Two ends of a link, with real keys, on a virtual clock.

mod cells;
mod differential;
mod ending;
mod features;
mod figures;
mod half;
mod hostile;
mod keys;
mod liveness;
mod many;
mod nats_and_places;
mod observer;
mod pair;
mod path_and_peers;
mod places;
mod probing;
mod script;
mod sweep;
mod traffic;

use pair::Pair;
use std::time::Duration;

#[test]
fn bytes_cross_under_real_keys() {
    let mut pair = Pair::begin(1);
    let id = pair.client.link.streams().open(b"").unwrap();
    let now = pair.now;
    pair.client.link.streams().write(now, id, b"hola");
    pair.client.link.streams().finish(now, id);
    assert!(pair.run_until(Duration::from_secs(5), |pair| {
        pair.server.app.heard.get(&id).is_some_and(|b| b == b"hola")
    }));
}
