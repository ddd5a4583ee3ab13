//! Entries and an exit do what the tables of PROTOCOL.md say, whatever the network does, and leave nothing behind.

use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;
use testbed::classic_model;

/// Stories of one network: 0 perfect, 1 lossy, 2 bad, 3 bad and with forged datagrams.
fn many_stories(network: u8) {
    for seed in 0..300_u64 {
        let story = story(network, seed);
        let outcome = catch_unwind(AssertUnwindSafe(|| classic_model::run(&story)));
        assert!(outcome.is_ok(), "network {network}, seed {seed}");
    }
}

/// 600 operations from a seed, by a generator that needs no crate (xorshift64*, Vigna 2016).
fn story(network: u8, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut story = vec![network];
    while story.len() < 9 + 2 * 600 {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        story.extend(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_be_bytes()[..4]);
    }
    story
}

#[test]
fn on_a_perfect_network_every_byte_reaches_its_own_stream() {
    many_stories(0);
}

#[test]
fn on_a_lossy_network_no_stream_stays_for_ever() {
    many_stories(1);
}

#[test]
fn on_a_network_that_loses_doubles_and_disorders_no_stream_stays_for_ever() {
    many_stories(2);
}

#[test]
fn forged_datagrams_do_what_the_table_says_and_no_more() {
    many_stories(3);
}

proptest! {
    #[test]
    fn any_bytes_are_a_story(story in proptest::collection::vec(any::<u8>(), 0..400)) {
        classic_model::run(&story);
    }

    #[test]
    fn any_bytes_are_datagrams(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        classic_model::run_datagrams(&bytes);
    }
}
