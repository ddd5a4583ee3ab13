//! What a link shows of itself.

use super::pair::{Pair, is_data};
use super::path_and_peers::{greet, say};
use crate::sealed::link::figures::{LinkFigures, Stage};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn server(pair: &Pair) -> LinkFigures {
    pair.server.links.values().next().expect("a link").figures()
}

#[test]
fn what_did_not_come_is_told_from_the_numbers_that_did() {
    let mut pair = Pair::begin(3);
    let id = greet(&mut pair);
    pair.filter(Some(is_data));
    let before = (server(&pair).received, pair.network.ways[0].counts);
    pair.network.change(|path| path.loss = 0.1);
    for _ in 0..400 {
        say(&mut pair, id, &[7; 20_000]);
    }
    pair.network.change(|path| path.loss = 0.0);
    say(&mut pair, id, b"end");
    pair.run_until(SECOND, |_| false);
    let (received, counts) = (server(&pair).received, pair.network.ways[0].counts);
    assert_eq!(received.packets - before.0.packets, counts.arrived - before.1.arrived);
    let (missing, lost) = (received.missing - before.0.missing, counts.lost - before.1.lost);
    assert!(lost > 150, "{lost}");
    assert!(missing.abs_diff(lost) <= 3 + counts.packets / 2_000, "{missing} missing, {lost} lost");
}

#[test]
fn a_link_shows_how_far_it_is() {
    let mut pair = Pair::begin(4);
    assert_eq!(pair.client.link.figures().stage, Stage::Asking);
    let id = greet(&mut pair);
    assert_eq!((pair.client.link.figures().stage, server(&pair).stage), (Stage::Up, Stage::Up));
    let heard_at = pair.client.link.figures().heard_at;
    pair.cut();
    let now = pair.now;
    pair.client.link.streams().write(now, id, b" mundo");
    pair.run_until(SECOND * 30, |_| false);
    assert_eq!(pair.client.link.figures().stage, Stage::Silent);
    assert!(pair.client.link.figures().heard_at - heard_at < SECOND);
    pair.mend();
    pair.run_until(SECOND * 3, |_| false);
    assert_eq!(pair.client.link.figures().stage, Stage::Up);
}
