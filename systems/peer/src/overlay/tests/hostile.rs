//! Neighbours that want something else.

use std::time::Duration;

use super::super::*;
use super::world::{name, sign};

/// Everybody is known, but nobody of this name is admitted.
struct All;

impl Keys for All {
    fn admits(&self, name: &Name) -> bool {
        name.as_str() != "banned"
    }

    fn is_genuine(&self, post: &Post) -> Option<()> {
        (post.signature == sign(&post.signed_bytes())).then_some(())
    }
}

const NOW: Duration = Duration::from_secs(1);

fn victim() -> Overlay {
    let mut overlay = Overlay::new(Run { name: name(0), began: 1000 }, Limits::default());
    overlay.link_up(name(1));
    overlay.link_up(name(2));
    overlay
}

fn post(author: &str, began: u64, number: u64, text: &str) -> Post {
    let run = Run { name: author.parse().unwrap(), began };
    let mut post = Post { run, number, said: 0, text: text.into(), signature: Hex([0; 64]) };
    post.signature = sign(&post.signed_bytes());
    post
}

fn sent(overlay: &mut Overlay, post: Post) -> Result<(), Fault> {
    overlay.handle(&name(1), Message::Post { post, is_oldest: true }, &All, NOW)
}

fn delivered(overlay: &mut Overlay) -> usize {
    std::iter::from_fn(|| overlay.poll_delivery()).filter(|told| matches!(told, Delivery::Said(_))).count()
}

#[test]
fn numbers_at_the_end_of_what_there_is_do_no_harm() {
    let mut overlay = victim();
    for number in [0, MAX_NUMBER + 1, u64::MAX - 1, u64::MAX] {
        assert_eq!(sent(&mut overlay, post("n01", 2000, number, "x")), Err(Fault::Unsound));
        assert_eq!(sent(&mut overlay, post("n01", number.max(MAX_NUMBER + 1), 1, "x")), Err(Fault::Unsound));
        let runs = vec![(Run { name: name(1), began: 2000 }, number)];
        let said = overlay.handle(&name(1), Message::Have { runs, is_all: true }, &All, NOW);
        assert_eq!(said.is_err(), number > MAX_NUMBER);
    }
    // The last that there may be: what was before it is lost, and nothing comes after it.
    assert_eq!(sent(&mut overlay, post("n01", 2000, MAX_NUMBER, "x")), Ok(()));
    overlay.tick(NOW + GRACE);
    assert_eq!(overlay.poll_delivery().map(|told| matches!(told, Delivery::Lost { .. })), Some(true));
    assert_eq!(sent(&mut overlay, post("n01", 2000, MAX_NUMBER, "x")), Ok(()));
    assert_eq!(delivered(&mut overlay), 1);
    assert_eq!(sent(&mut overlay, post("n01", 2000, MAX_NUMBER, "y")), Ok(()));
    assert_eq!(delivered(&mut overlay), 0);
}

#[test]
fn texts_and_lists_have_an_end() {
    let mut overlay = victim();
    assert_eq!(sent(&mut overlay, post("n01", 2000, 1, &"x".repeat(MAX_TEXT + 1))), Err(Fault::Unsound));
    assert_eq!(sent(&mut overlay, post("n01", 2000, 1, "")), Err(Fault::Unsound));
    let runs = vec![(Run { name: name(1), began: 2000 }, 1); ENTRIES + 1];
    let said = overlay.handle(&name(1), Message::Have { runs, is_all: true }, &All, NOW);
    assert_eq!(said, Err(Fault::TooMany));
    let message = Message::Have { runs: Vec::new(), is_all: true };
    assert_eq!(overlay.handle(&name(9), message, &All, NOW), Err(Fault::NoLink));
}

#[test]
fn nobody_speaks_for_another() {
    let mut overlay = victim();
    let mut forged = post("n02", 2000, 1, "pay ann");
    forged.text = "pay bob".into();
    sent(&mut overlay, forged).unwrap();
    assert_eq!((delivered(&mut overlay), overlay.counts().unproven), (0, 1));
    assert_eq!(overlay.poll_unproven(), Some(name(2)), "n02 itself is asked for its key");
    // The true one is taken, from whoever has it; the forger has not put itself before it.
    sent(&mut overlay, post("n02", 2000, 1, "pay ann")).unwrap();
    assert_eq!(delivered(&mut overlay), 1);
    // A copy of this node's own run, and somebody who is not wanted.
    sent(&mut overlay, post("n00", 1000, 1, "I am you")).unwrap();
    sent(&mut overlay, post("banned", 1000, 1, "hello")).unwrap();
    assert_eq!((delivered(&mut overlay), overlay.counts().ignored), (0, 2));
}

#[test]
fn a_flood_is_cut_to_what_a_person_says() {
    let mut overlay = victim();
    for number in 1..=100_000 {
        sent(&mut overlay, post("n01", 2000, number, "x")).unwrap();
    }
    assert_eq!(delivered(&mut overlay), usize::try_from(BURST).unwrap());
    let log = &overlay.runs[&Run { name: name(1), began: 2000 }];
    assert_eq!(log.last(), u64::from(BURST));
    assert!(overlay.counts().too_fast > 0);
}

#[test]
fn memory_ends_whatever_is_named() {
    let mut overlay = victim();
    // Runs that cannot be proven.
    for began in 0..5000 {
        let mut forged = post("n02", began, 1, "x");
        forged.text = "y".into();
        sent(&mut overlay, forged).unwrap();
        let runs = vec![(Run { name: name(2), began }, 1)];
        overlay.handle(&name(1), Message::Have { runs, is_all: false }, &All, NOW).unwrap();
    }
    assert_eq!(overlay.runs.len(), 1);
    // Runs of one's own: the newest are kept, and older ones do not come back.
    for began in 2000..2100 {
        sent(&mut overlay, post("n01", began, 1, "x")).unwrap();
    }
    assert_eq!((delivered(&mut overlay), overlay.runs.len()), (100, 1 + RUNS));
    sent(&mut overlay, post("n01", 2001, 1, "x")).unwrap();
    assert_eq!((delivered(&mut overlay), overlay.runs.len()), (0, 1 + RUNS));
    // Names, of which the exit would have to vouch for each.
    for at in 0..NAMES + 50 {
        sent(&mut overlay, post(&format!("x{at}"), 2000, 1, "x")).unwrap();
    }
    assert!(overlay.authors.len() <= NAMES && overlay.runs.len() <= 1 + RUNS + NAMES);
}

#[test]
fn asking_again_and_again_brings_everything_once_a_second() {
    let mut overlay = victim();
    for _ in 0..100 {
        overlay.say("x", 0, NOW, sign).unwrap();
    }
    let mut sent = 0;
    for _ in 0..50 {
        let runs = vec![(Run { name: name(0), began: 1000 }, 0)];
        overlay.handle(&name(1), Message::Have { runs, is_all: true }, &All, NOW).unwrap();
        let messages = std::iter::from_fn(|| overlay.poll_message(&name(1)));
        sent += messages.filter(|message| matches!(message, Message::Post { .. })).count();
    }
    assert_eq!(sent, 200, "at the beginning, and when it asks for the first time");
}

#[test]
fn no_node_says_more_at_once_than_is_kept() {
    let mut overlay = victim();
    let long = "x".repeat(MAX_TEXT);
    let said = (0..100).filter(|_| overlay.say(&long, 0, NOW, sign).is_ok()).count();
    assert_eq!(said, 24, "96 KiB of the 128 that are kept");
    assert_eq!(overlay.say(&long, 0, NOW, sign), Err(SayError::TooFast));
    assert!(overlay.say(&long, 0, NOW + Duration::from_secs(1), sign).is_ok());
}
