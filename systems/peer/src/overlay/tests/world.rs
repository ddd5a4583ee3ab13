//! A network of nodes in one thread: links that lose what is on them, restarts, partitions, and a record of what each is told.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::super::{Delivery, Hex, Keys, Limits, Message, Name, Overlay, Post, Run, Signature};
use crate::dice::Dice;

/// Which nodes have links.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    Ring,
    Star,
    Mesh,
    Line,
}

/// How many messages may be on a link each way.
const ROOM: usize = 4;
const STEP: Duration = Duration::from_millis(100);
/// All nodes began by then, and clocks are not equal.
const YEAR_2026: u64 = 1_767_225_600_000;

pub(super) struct World {
    seed: u64,
    dice: Dice,
    now: Duration,
    nodes: Vec<Node>,
    edges: Vec<(usize, usize)>,
    /// What is on the way, by its two ends; no entry: there is no link now.
    wires: BTreeMap<(usize, usize), VecDeque<Message>>,
    /// How many posts went over links.
    pub(super) posts_sent: usize,
    /// All that was said and may have left its author.
    said: BTreeMap<Run, u64>,
    runs: u64,
}

struct Node {
    name: Name,
    overlay: Overlay,
    keys: Known,
    /// What it was told in this run: of each run of others how far, from where, and how much of that was lost.
    told: BTreeMap<Run, Told>,
}

#[derive(Default)]
struct Told {
    last: u64,
    count: u64,
    lost: u64,
}

/// Whose keys a node has.
#[derive(Default)]
struct Known(BTreeSet<Name>);

impl Keys for Known {
    fn admits(&self, _: &Name) -> bool {
        true
    }

    fn is_genuine(&self, post: &Post) -> Option<()> {
        (self.0.contains(&post.run.name) && post.signature == sign(&post.signed_bytes())).then_some(())
    }
}

/// Stands for a signature: what others cannot know is not simulated here.
pub(super) fn sign(bytes: &[u8]) -> Signature {
    let mut sum = Dice::new(0);
    for &byte in bytes {
        sum = Dice::new(sum.next() ^ u64::from(byte));
    }
    let mut signature = [0; 64];
    signature[..8].copy_from_slice(&sum.next().to_be_bytes());
    Hex(signature)
}

pub(super) fn name(at: usize) -> Name {
    format!("n{at:02}").parse().unwrap()
}

impl World {
    /// All are up, and so are all links.
    pub(super) fn new(seed: u64, nodes: usize, shape: Shape) -> Self {
        let pairs = (0..nodes).flat_map(|a| (a + 1..nodes).map(move |b| (a, b)));
        let edges = pairs.filter(|&(a, b)| match shape {
            Shape::Mesh => true,
            Shape::Star => a == 0,
            Shape::Line => b == a + 1,
            Shape::Ring => b == a + 1 || (a == 0 && b == nodes - 1),
        });
        let mut world = Self {
            seed,
            dice: Dice::new(seed),
            now: Duration::ZERO,
            nodes: Vec::new(),
            edges: edges.collect(),
            wires: BTreeMap::new(),
            posts_sent: 0,
            said: BTreeMap::new(),
            runs: 0,
        };
        for at in 0..nodes {
            let node = world.new_node(at);
            world.nodes.push(node);
        }
        world.becomes_whole();
        world
    }

    fn new_node(&mut self, at: usize) -> Node {
        self.runs += 1;
        let run = Run { name: name(at), began: YEAR_2026 + self.runs };
        // The first know each other, as those that have met; who is restarted has to ask.
        let keys = if self.nodes.len() <= at { (0..64).map(name).collect() } else { BTreeSet::new() };
        let overlay = Overlay::new(run, Limits::default());
        Node { name: name(at), overlay, keys: Known(keys), told: BTreeMap::new() }
    }

    pub(super) fn links(&self) -> usize {
        self.edges.len()
    }

    pub(super) fn something_happens(&mut self) {
        let nodes = self.nodes.len() as u64;
        match self.dice.below(20) {
            0..10 => {
                let node = self.any(nodes);
                self.say(node);
            }
            10..12 => {
                let edge = self.any_edge();
                self.cut(edge);
            }
            12..15 => {
                let edge = self.any_edge();
                self.connect(edge);
            }
            15 => {
                let first = self.any(nodes);
                self.partition(first);
            }
            // A message is lost, which links do not do: comparing mends even that.
            16 => {
                let edge = self.any_edge();
                if let Some(wire) = self.wires.get_mut(&edge) {
                    wire.pop_front();
                }
            }
            17 if self.dice.below(4) == 0 => {
                let node = self.any(nodes);
                self.restart(node);
            }
            _ => self.becomes_whole(),
        }
        for _ in 0..self.dice.below(4) {
            self.step();
        }
    }

    fn any(&mut self, of: u64) -> usize {
        usize::try_from(self.dice.below(of)).unwrap()
    }

    fn any_edge(&mut self) -> (usize, usize) {
        let at = self.any(self.edges.len() as u64);
        self.edges[at]
    }

    pub(super) fn say(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        let text = format!("word {}", self.dice.next());
        let said = YEAR_2026 + u64::try_from(self.now.as_millis()).unwrap();
        if let Ok(post) = node.overlay.say(&text, said, self.now, sign) {
            self.said.insert(post.run, post.number);
        }
    }

    /// At the speed at which a node may.
    pub(super) fn say_much(&mut self, at: usize, count: usize) {
        for _ in 0..count {
            self.say(at);
            self.step();
        }
    }

    /// The nodes before this one and the others do not hear of each other.
    pub(super) fn partition(&mut self, first: usize) {
        for edge in self.edges.clone() {
            if (edge.0 < first) != (edge.1 < first) {
                self.cut(edge);
            }
        }
    }

    pub(super) fn becomes_whole(&mut self) {
        for edge in self.edges.clone() {
            self.connect(edge);
        }
    }

    fn cut(&mut self, (a, b): (usize, usize)) {
        if self.wires.remove(&(a, b)).is_some() {
            self.wires.remove(&(b, a));
            self.nodes[a].overlay.link_down(&name(b));
            self.nodes[b].overlay.link_down(&name(a));
        }
    }

    fn connect(&mut self, (a, b): (usize, usize)) {
        if !self.wires.contains_key(&(a, b)) {
            self.wires.insert((a, b), VecDeque::new());
            self.wires.insert((b, a), VecDeque::new());
            self.nodes[a].overlay.link_up(name(b));
            self.nodes[b].overlay.link_up(name(a));
        }
    }

    /// A crash and a new start: it knows nothing of what was.
    pub(super) fn restart(&mut self, at: usize) {
        for edge in self.edges.clone() {
            if edge.0 == at || edge.1 == at {
                self.cut(edge);
            }
        }
        self.nodes[at] = self.new_node(at);
    }

    /// A tenth of a second: links take and give, in an order that chance decides.
    fn step(&mut self) {
        self.now += STEP;
        let mut ways: Vec<(usize, usize)> = self.wires.keys().copied().collect();
        for at in 0..ways.len() {
            let other = at + self.any((ways.len() - at) as u64);
            ways.swap(at, other);
        }
        for (from, to) in ways {
            for _ in 0..ROOM {
                let wire = self.wires.get_mut(&(from, to)).unwrap();
                while wire.len() < ROOM {
                    let Some(message) = self.nodes[from].overlay.poll_message(&name(to)) else { break };
                    self.posts_sent += usize::from(matches!(message, Message::Post { .. }));
                    wire.push_back(message);
                }
                let Some(message) = wire.pop_front() else { break };
                let node = &mut self.nodes[to];
                node.overlay.handle(&name(from), message, &node.keys, self.now).unwrap();
                self.drain(to);
            }
        }
        for at in 0..self.nodes.len() {
            self.nodes[at].overlay.tick(self.now);
            self.drain(at);
        }
    }

    fn drain(&mut self, at: usize) {
        let seed = self.seed;
        let node = &mut self.nodes[at];
        while let Some(delivery) = node.overlay.poll_delivery() {
            match delivery {
                Delivery::Said(post) => {
                    assert_ne!(post.run.name, node.name, "seed {seed}: nobody is told what it says");
                    let told = node.told.entry(post.run.clone()).or_default();
                    let is_first = told.last == 0;
                    assert!(
                        is_first || post.number == told.last + 1,
                        "seed {seed}: {at} is told {} of {:?} after {}",
                        post.number,
                        post.run,
                        told.last
                    );
                    (told.last, told.count) = (post.number, told.count + 1);
                }
                Delivery::Lost { run, count } => {
                    let told = node.told.entry(run).or_default();
                    (told.last, told.lost) = (told.last + count, told.lost + count);
                }
            }
        }
        // Whoever is not known is asked, and answers if there is a way.
        while let Some(asked) = node.overlay.poll_unproven() {
            node.keys.0.insert(asked.clone());
            node.overlay.proven(&asked, self.now);
        }
    }

    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.step();
        }
    }

    /// Until nothing is sent any more but comparisons.
    pub(super) fn until_quiet(&mut self) {
        for _ in 0..100 {
            let before = self.posts_sent;
            // Longer than it takes to compare, to ask again, and to give up waiting for others.
            self.pass(Duration::from_secs(22));
            if self.posts_sent == before {
                return;
            }
        }
        panic!("seed {}: it never becomes quiet", self.seed);
    }

    /// Nobody lacks what anybody has, and what a living author says has arrived.
    pub(super) fn all_are_told_everything(&self) {
        let seed = self.seed;
        let of_first: Vec<_> = self.nodes[0].overlay.positions().filter(|(_, last)| *last > 0).collect();
        for (at, node) in self.nodes.iter().enumerate() {
            let own: Vec<_> = node.overlay.positions().filter(|(_, last)| *last > 0).collect();
            assert_eq!(own, of_first, "seed {seed}: {at} and 0 are not equally far");
            for (run, last) in own.into_iter().filter(|(run, _)| run.name != node.name) {
                let told = &node.told[run];
                assert_eq!((told.last, told.lost), (last, 0), "seed {seed}: {at} of {run:?}");
                assert_eq!(told.count, last, "seed {seed}: {at} was told all of {run:?}");
            }
        }
        for node in &self.nodes {
            let (run, last) = node.overlay.positions().find(|(run, _)| **run == node.overlay.me).unwrap();
            assert_eq!(self.said.get(run).copied().unwrap_or(0), last, "seed {seed}");
        }
    }

    /// How many posts of `author`, of all its runs, `at` was told.
    pub(super) fn told(&self, at: usize, author: usize) -> u64 {
        self.sum(at, author, |told| told.count)
    }

    pub(super) fn lost(&self, at: usize, author: usize) -> u64 {
        self.sum(at, author, |told| told.lost)
    }

    fn sum(&self, at: usize, author: usize, of: impl Fn(&Told) -> u64) -> u64 {
        let told = self.nodes[at].told.iter();
        told.filter(|(run, _)| run.name == name(author)).map(|(_, told)| of(told)).sum()
    }
}
