//! Every block of commands in the pages runs here, or says why not: an HTML comment in the line before it is its mark.
//!
//! - `<!-- runs: machine -->`, `<!-- runs: link -->`: it runs in a [`Scene`]. Blocks of a page with the same mark run one
//!   after the other in one scene; a word behind the kind, `link socks`, is another scene of that kind.
//! - `<!-- runs: tests/netns/forwards -->`: another file runs what it shows.
//! - `<!-- not run: REASON -->`.

use std::panic::resume_unwind;
use std::process::Command;
use std::thread;

use super::markdown::{Block, Page, root};
use super::scene::{Kind, Scene};
use crate::programs::is_missing;

/// What a mark says.
#[derive(Debug, PartialEq, Eq)]
enum Mark {
    /// In a scene of this name.
    Scene(Kind, String),
    /// Something else runs it, or it says why it is not run.
    Elsewhere,
}

/// The languages of commands.
const COMMANDS: [&str; 3] = ["sh", "bash", "console"];

/// Fewer than these are no proof of anything.
const LEAST_BLOCKS: usize = 12;

#[test]
fn every_command_block_says_whether_it_runs() {
    let faults: Vec<_> = pages().iter().flat_map(marks).filter_map(|(_, mark)| mark.err()).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_command_blocks_run() {
    // The pages ask their web servers with it.
    if is_missing("curl", Command::new("curl").arg("--version")) {
        return;
    }
    let scenes: Vec<_> = pages().iter().flat_map(scenes_of).collect();
    let blocks: usize = scenes.iter().map(|scene| scene.blocks.len()).sum();
    assert!(blocks >= LEAST_BLOCKS, "only {blocks} blocks run");
    // Few at a time: each has several processes, and most of the time goes into their starts.
    for some in scenes.chunks(3) {
        thread::scope(|scope| {
            let playing: Vec<_> = some.iter().map(|scene| scope.spawn(|| scene.play())).collect();
            for thread in playing {
                if let Err(panic) = thread.join() {
                    resume_unwind(panic);
                }
            }
        });
    }
}

/// Blocks that share a scene, with their places.
#[derive(Debug)]
struct Playable {
    kind: Kind,
    name: String,
    blocks: Vec<(String, Block)>,
}

impl Playable {
    fn play(&self) {
        let mut scene = Scene::new(self.kind);
        for (place, block) in &self.blocks {
            scene.run(block, place);
        }
    }
}

fn scenes_of(page: &Page) -> Vec<Playable> {
    let mut scenes: Vec<Playable> = Vec::new();
    for (block, mark) in marks(page) {
        let Ok(Mark::Scene(kind, name)) = mark else { continue };
        let place = format!("{}:{}", page.path.display(), block.line);
        match scenes.iter_mut().find(|scene| scene.name == name) {
            Some(scene) => scene.blocks.push((place, block)),
            None => scenes.push(Playable { kind, name, blocks: vec![(place, block)] }),
        }
    }
    scenes
}

/// The blocks of commands of a page, and what their marks say.
fn marks(page: &Page) -> Vec<(Block, Result<Mark, String>)> {
    let blocks = page.blocks().into_iter().filter(|block| COMMANDS.contains(&block.language.as_str()));
    let marked = blocks.map(|block| {
        let place = format!("{}:{}", page.path.display(), block.line);
        let mark = mark(block.mark.as_deref()).map_err(|why| format!("{place}: {why}"));
        (block, mark)
    });
    marked.collect()
}

fn mark(text: Option<&str>) -> Result<Mark, String> {
    let help = "write a comment in the line before it: <!-- runs: machine -->, <!-- runs: link -->, <!-- runs: \
                tests/netns/forwards --> or <!-- not run: REASON -->";
    let text = text.ok_or_else(|| format!("a block of commands does not say whether it runs; {help}"))?;
    if let Some(reason) = text.strip_prefix("not run: ") {
        let is_reason = reason.split_whitespace().count() >= 3;
        return is_reason
            .then_some(Mark::Elsewhere)
            .ok_or_else(|| format!("'{reason}' is no reason; {help}"));
    }
    let name = text.strip_prefix("runs: ").ok_or_else(|| format!("'{text}' is no mark; {help}"))?;
    if name.contains('/') {
        let is_there = root().join(name).is_file();
        return is_there.then_some(Mark::Elsewhere).ok_or_else(|| format!("there is no file {name}; {help}"));
    }
    let kind = name.split_whitespace().next().and_then(Kind::named);
    kind.map(|kind| Mark::Scene(kind, name.into()))
        .ok_or_else(|| format!("there is no scene '{name}'; {help}"))
}

/// The pages whose commands are looked at.
fn pages() -> Vec<Page> {
    let mut pages = Page::of_book();
    pages.push(Page::read("README.md"));
    pages
}

#[test]
fn marks_are_read() {
    assert_eq!(mark(Some("runs: link socks")), Ok(Mark::Scene(Kind::Link, "link socks".into())));
    assert_eq!(mark(Some("not run: needs a second machine")), Ok(Mark::Elsewhere));
    assert_eq!(mark(Some("runs: tests/netns/forwards")), Ok(Mark::Elsewhere));
    for wrong in [None, Some("runs: nothing"), Some("runs: tests/none"), Some("not run: no"), Some("other")] {
        assert!(mark(wrong).is_err(), "{wrong:?}");
    }
}
