//! A proxy2 takes over from one that runs: open streams go on in the old process, what is new comes to the new one, and whichever is killed
//! takes no more with it than it must.
#![cfg(unix)]

use std::fs;
use std::process::Command;
use std::time::Duration;

use echo::client::Settings;
use testbed::client::{exchange, read_to_reset, run};
use testbed::folder::Folder;
use testbed::pair::PATIENCE;
use testbed::process::Process;
use testbed::seed::seed;
use testbed::target::{Manner, Target};
use tokio::net::TcpStream;
use tunnel::view::SessionView;

use crate::programs::{PASO, PROXY1, PROXY2, greeted, ticket_file, try_greeted};

/// A proxy2 with a place of its own for control sockets, before an echo server.
struct Scene {
    folder: Folder,
    target: Target,
    options: &'static [&'static str],
}

impl Scene {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn with(options: &'static [&'static str]) -> Self {
        let folder = Folder::new();
        fs::create_dir(folder.path("run")).unwrap();
        Self { folder, target: Target::start(Manner::Echo).await, options }
    }

    fn proxy2(&self, listen: &str, options: &[&str]) -> Process {
        let (host, port) = (self.target.address().ip().to_string(), self.target.address().port().to_string());
        let (state, run) = (self.folder.path("state"), self.folder.path("run"));
        let words = [&[listen, &host, &port, "--state", &state], self.options, options].concat();
        Process::spawn_with(PROXY2, &words, &[("XDG_RUNTIME_DIR", &run)])
    }

    fn first(&self) -> Process {
        self.proxy2("0", &[]).until_listening()
    }

    /// One that takes over, once it has.
    fn next(&self, first: &Process) -> Process {
        let next = self.proxy2(&first.address().to_string(), &["--take-over"]).until_listening();
        next.wait_for("taken over");
        next
    }

    fn proxy1(&self, first: &Process) -> Process {
        let (at, state) = (first.address(), self.folder.path("state"));
        Process::listening(PROXY1, &["0", "127.0.0.1", &at.port().to_string(), "--state", &state])
    }

    fn steer(&self, words: &[&str]) -> String {
        let done =
            Command::new(PASO).args(words).env("XDG_RUNTIME_DIR", self.folder.path("run")).output().unwrap();
        let [out, error] = [done.stdout, done.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        assert!(done.status.success(), "{out}{error}");
        out
    }

    fn status(&self, pid: u32) -> SessionView {
        let text = self.steer(&["status", "--json", "--pid", &pid.to_string()]);
        let [view] = <[_; 1]>::try_from(serde_json::from_str::<Vec<_>>(&text).unwrap()).unwrap();
        view
    }
}

/// The proxy1 has another link.
fn moved(proxy1: &Process) {
    proxy1.wait_for("proxy2 is replaced");
    proxy1.wait_for("link up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_streams_go_on_and_new_ones_come_to_the_new_process() {
    let scene = Scene::new().await;
    let mut old = scene.first();
    let proxy1 = scene.proxy1(&old);
    let mut stays = greeted(&proxy1).await;
    let new = scene.next(&old);
    old.wait_for("handed over");
    moved(&proxy1);
    assert_eq!(exchange(&mut stays, b"still here").await, b"still here");
    let mut comes = greeted(&proxy1).await;
    let (before, after) = (scene.status(old.id()), scene.status(new.id()));
    assert_eq!((before.successor, before.links.len()), (Some(new.id()), 1), "{before:#?}");
    let predecessor = after.predecessor.expect("the old one still has a link");
    assert_eq!((predecessor.pid, after.links.len()), (old.id(), 1), "{after:#?}");
    assert_eq!(after.links[0].streams.len(), 1, "the new client is here: {after:#?}");
    assert!(scene.steer(&["status"]).contains(&format!("process {} has taken over", new.id())));
    // The last stream of the old process takes it along.
    drop(stays);
    assert!(old.wait().success(), "{}", old.output());
    // Nobody has closed what asked proxy1 to move: its end has a reason of its own.
    let said = old.output();
    assert!(said.contains("proxy1 has another link for what is new"), "{said}");
    assert!(!said.contains("by the operator"), "{said}");
    new.wait_for("all links are here");
    assert_eq!(exchange(&mut comes, b"and here").await, b"and here");
    assert_eq!(scene.status(new.id()).predecessor, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_byte_of_transfers_is_lost_by_one_take_over_after_the_other() {
    let scene = Scene::new().await;
    let mut running = scene.first();
    let proxy1 = scene.proxy1(&running);
    for _ in 0..2 {
        let settings = Settings::new(proxy1.address().to_string());
        let settings =
            Settings { clients: 4, bytes: 4_000_000, silence: 10 * PATIENCE, seed: seed(), ..settings };
        let transfers = tokio::spawn(run(settings));
        // They are under way.
        while scene.status(running.id()).links.iter().map(|link| link.streams.len()).sum::<usize>() < 4 {}
        let next = scene.next(&running);
        let report = transfers.await.unwrap();
        assert!(report.is_clean(), "\n{report}\n{}\n{}", proxy1.output(), next.output());
        moved(&proxy1);
        // Its clients have gone: nothing is left for it to do.
        let address = running.address();
        let mut former = std::mem::replace(&mut running, next);
        assert!(former.wait().success(), "{}", former.output());
        assert_eq!(running.address(), address);
        assert_eq!(exchange(&mut greeted(&proxy1).await, b"hola").await, b"hola");
        // What the next one waits for has been said already.
        running.wait_for("all links are here");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_without_streams_ends_at_once() {
    let scene = Scene::new().await;
    let mut old = scene.first();
    let proxy1 = scene.proxy1(&old);
    drop(greeted(&proxy1).await);
    let new = scene.next(&old);
    assert!(old.wait().success(), "{}", old.output());
    drop(greeted(&proxy1).await);
    new.wait_for("link up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_old_process_reads_again_when_the_new_one_is_killed() {
    let scene = Scene::new().await;
    let old = scene.first();
    let proxy1 = scene.proxy1(&old);
    let mut stays = greeted(&proxy1).await;
    let mut new = scene.next(&old);
    moved(&proxy1);
    new.kill();
    old.wait_for("the proxy2 that took over has ended");
    assert_eq!(exchange(&mut stays, b"still here").await, b"still here");
    // The next one takes over in its place, and new clients come in again.
    let next = scene.next(&old);
    assert_eq!(exchange(&mut stays, b"and here").await, b"and here");
    // What was opened before the loss is noticed is reset with the process that is gone.
    let again = async { while try_greeted(proxy1.address()).await.is_err() {} };
    tokio::time::timeout(PATIENCE, again).await.expect("new clients come in again");
    assert_eq!(scene.status(next.id()).predecessor.map(|old| old.pid), Some(old.id()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_old_process_takes_only_its_own_streams_along() {
    let scene = Scene::new().await;
    let mut old = scene.first();
    let proxy1 = scene.proxy1(&old);
    let mut lost = greeted(&proxy1).await;
    let new = scene.next(&old);
    moved(&proxy1);
    let mut comes = greeted(&proxy1).await;
    old.kill();
    new.wait_for("was killed");
    // Contact is what shows it.
    tokio::io::AsyncWriteExt::write_all(&mut lost, b"?").await.unwrap();
    assert_eq!(read_to_reset(&mut lost).await, b"");
    assert_eq!(exchange(&mut comes, b"still here").await, b"still here", "{}", proxy1.output());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_ticket_ends_the_links_of_both_processes() {
    let scene = Scene::new().await;
    let mut old = scene.first();
    let (port, ticket) = (old.address().port().to_string(), ticket_file(&scene.folder, "shed"));
    let proxy1 = Process::listening(PROXY1, &["0", "127.0.0.1", &port, "--ticket-file", &ticket]);
    let mut stays = greeted(&proxy1).await;
    let new = scene.next(&old);
    moved(&proxy1);
    let mut comes = greeted(&proxy1).await;
    let revoke = ["ticket", "revoke", "shed", "--state", &scene.folder.path("state")];
    assert!(Command::new(PROXY2).args(revoke).output().unwrap().status.success());
    read_to_reset(&mut stays).await;
    read_to_reset(&mut comes).await;
    assert!(old.wait().success(), "{}", old.output());
    // It has ended in order.
    new.wait_for("all links are here");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_third_process_waits_until_the_first_has_ended() {
    let scene = Scene::new().await;
    let mut old = scene.first();
    let proxy1 = scene.proxy1(&old);
    let mut stays = greeted(&proxy1).await;
    let new = scene.next(&old);
    moved(&proxy1);
    let listen = old.address().to_string();
    let mut third = scene.proxy2(&listen, &["--take-over"]);
    assert_eq!(third.wait().code(), Some(1));
    let why = format!("process {}) still has links", old.id());
    assert!(third.output().contains(&why), "{}", third.output());
    assert_eq!(exchange(&mut stays, b"still here").await, b"still here");
    drop(stays);
    assert!(old.wait().success());
    new.wait_for("all links are here");
    let _third = scene.next(&new);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_there_again_within_a_moment_and_its_streams_go_on() {
    let scene = Scene::with(&["--allow", "publish:*", "--allow", "use:*"]).await;
    let old = scene.first();
    let (at, state) = (old.address().to_string(), scene.folder.path("state"));
    let ticket = ticket_file(&scene.folder, "shed");
    let service = format!("files={}", scene.target.address());
    let publisher = Process::spawn(PROXY1, &[&at, "--ticket-file", &ticket, "--publish", &service]);
    publisher.wait_for("ready");
    let user = Process::listening(PROXY1, &["-L", "0:@files", &at, "--state", &state]);
    let mut stays = greeted(&user).await;
    let new = scene.next(&old);
    publisher.wait_for("published at proxy2");
    // Whoever comes a moment too early is turned away, and comes again.
    let again = async {
        loop {
            if let Ok(client) = try_greeted(user.address()).await {
                return client;
            }
        }
    };
    let mut comes = tokio::time::timeout(PATIENCE, again).await.expect("it is published again");
    assert_eq!(exchange(&mut stays, b"still here").await, b"still here");
    assert_eq!(exchange(&mut comes, b"and here").await, b"and here");
    let (links, publishers) = (scene.status(new.id()).links.len(), publisher.output());
    assert_eq!(links, 2, "both have moved: {publishers}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_starts_the_program_again_with_the_same_words() {
    let scene = Scene::new().await;
    let mut old = scene.first();
    let proxy1 = scene.proxy1(&old);
    let mut stays = greeted(&proxy1).await;
    // A port of the system's choice is another one each time.
    let said = Command::new(PASO)
        .args(["restart", "--pid", &old.id().to_string()])
        .env("XDG_RUNTIME_DIR", scene.folder.path("run"))
        .output()
        .unwrap();
    assert!(!said.status.success(), "{said:?}");
    old.wait_for("does not serve the addresses that it is to serve");
    assert_eq!(exchange(&mut stays, b"still here").await, b"still here");
    let listen = old.address().to_string();
    old.kill();
    drop((stays, proxy1));

    let old = scene.proxy2(&listen, &[]).until_listening();
    let proxy1 = scene.proxy1(&old);
    let mut stays = greeted(&proxy1).await;
    let said = scene.steer(&["restart", "--pid", &old.id().to_string()]);
    assert!(said.contains("has taken over"), "{said}");
    let new = scene.status(old.id()).successor.expect("it has said so");
    let _ends = Ends(new);
    assert_eq!(exchange(&mut stays, b"still here").await, b"still here");
    moved(&proxy1);
    let mut comes = greeted(&proxy1).await;
    drop(stays);
    // Both write to the same place.
    old.wait_for_all(&["the last link has ended", "all links are here"]);
    assert_eq!(exchange(&mut comes, b"and here").await, b"and here");
    assert_eq!(scene.status(new).pid, new);
}

/// Ends a process that is nobody's child any more.
struct Ends(u32);

impl Drop for Ends {
    fn drop(&mut self) {
        _ = Command::new("kill").args(["-s", "KILL", &self.0.to_string()]).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_to_drain_ends_the_old_process_whatever_is_open() {
    let scene = Scene::with(&["--drain", "1s"]).await;
    let mut old = scene.first();
    let proxy1 = scene.proxy1(&old);
    let mut stays = greeted(&proxy1).await;
    let new = scene.next(&old);
    assert_eq!(exchange(&mut stays, b"still here").await, b"still here");
    assert!(old.wait_for_end(Duration::from_secs(20)).success(), "{}", old.output());
    read_to_reset(&mut stays).await;
    new.wait_for("all links are here");
    let mut comes = TcpStream::connect(proxy1.address()).await.unwrap();
    assert_eq!(exchange(&mut comes, b"hola").await, b"hola");
}
