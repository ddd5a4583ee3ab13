//! What must hold whatever the links do, on simulated ones: thousands of seeds.

mod hostile;
mod world;

use self::world::{Shape, World};

/// Everybody says something while links are lost, nodes are restarted and the network is in two; then everything is whole again.
fn a_bad_day(seed: u64, nodes: usize, shape: Shape) {
    let mut world = World::new(seed, nodes, shape);
    for _ in 0..400 {
        world.something_happens();
    }
    world.becomes_whole();
    world.until_quiet();
    world.all_are_told_everything();
}

#[test]
fn all_are_told_everything_once_in_order() {
    // Thousands where everything is checked.
    let seeds = if std::env::var_os("CI").is_some() { 3000 } else { 300 };
    for seed in 0..seeds {
        let shape = [Shape::Ring, Shape::Star, Shape::Mesh, Shape::Line][usize::try_from(seed % 4).unwrap()];
        a_bad_day(seed, 5, shape);
    }
}

#[test]
fn so_are_twenty() {
    for seed in 0..8 {
        let shape = [Shape::Ring, Shape::Star, Shape::Mesh, Shape::Line][usize::try_from(seed % 4).unwrap()];
        a_bad_day(seed, 20, shape);
    }
}

#[test]
fn nothing_circulates() {
    for shape in [Shape::Ring, Shape::Star, Shape::Mesh] {
        let mut world = World::new(7, 20, shape);
        world.until_quiet();
        let before = world.posts_sent;
        world.say(3);
        world.until_quiet();
        world.all_are_told_everything();
        // Each link carries it once, or once each way where both ends heard it elsewhere at the same time.
        let sent = world.posts_sent - before;
        assert!((19..=2 * world.links()).contains(&sent), "{shape:?}: {sent} messages for one post");
        let before = world.posts_sent;
        world.pass(std::time::Duration::from_secs(120));
        assert_eq!(world.posts_sent, before, "{shape:?}: it goes on");
    }
}

#[test]
fn what_is_said_in_a_partition_arrives_when_it_heals() {
    for seed in 0..100 {
        let mut world = World::new(seed, 6, Shape::Mesh);
        world.until_quiet();
        world.partition(3);
        for node in 0..6 {
            for _ in 0..10 {
                world.say(node);
            }
        }
        world.until_quiet();
        assert_eq!(world.told(0, 5), 0, "seed {seed}: the network is in two");
        assert_eq!(world.told(0, 1), 10, "seed {seed}: each part goes on");
        world.becomes_whole();
        world.until_quiet();
        world.all_are_told_everything();
    }
}

#[test]
fn a_restarted_node_is_not_taken_for_itself() {
    let mut world = World::new(1, 3, Shape::Line);
    for _ in 0..5 {
        world.say(0);
    }
    world.until_quiet();
    world.restart(0);
    world.becomes_whole();
    world.say(0);
    world.until_quiet();
    assert_eq!(world.told(2, 0), 6, "five of the first run, one of the second");
    world.all_are_told_everything();
}

#[test]
fn what_nobody_keeps_is_said_to_be_lost() {
    let mut world = World::new(5, 3, Shape::Line);
    world.until_quiet();
    world.partition(1);
    world.say_much(2, 1000);
    world.until_quiet();
    world.becomes_whole();
    world.until_quiet();
    let (told, lost) = (world.told(0, 2), world.lost(0, 2));
    assert_eq!((told, lost), (256, 744), "the newest arrive, and the rest is counted");
    assert_eq!((world.told(1, 2), world.lost(1, 2)), (1000, 0), "who was there is told all");
}
