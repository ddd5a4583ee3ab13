//! What proxy2's memory holds: its own key once, of a revoked ticket nothing, of a client's private key never anything.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::process::{Child, Command, Stdio};

use testbed::folder::Folder;
use testbed::process::Process;
use testbed::target::{Manner, Target};

use crate::programs::{PROXY2, greeted, sealed_proxy1, sealed_proxy2};

/// Handshakes after which no more copies may be there than are needed.
const HANDSHAKES: usize = 10;

/// A proxy2 whose process number is known.
struct Proxy2(Child);

impl Drop for Proxy2 {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

impl Proxy2 {
    fn start(target: u16, folder: &Folder) -> (Self, std::net::SocketAddr) {
        let (target, state) = (target.to_string(), folder.path("state"));
        let mut command = Command::new(PROXY2);
        command.args(["0", "127.0.0.1", &target, "--state", &state]).env("NO_COLOR", "1");
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let line = lines.find(|line| line.contains("listening=")).unwrap();
        let address = line.rsplit('=').next().unwrap().parse().unwrap();
        // It must not write into a pipe that nobody reads.
        std::thread::spawn(move || lines.count());
        (Self(child), address)
    }

    /// How often each of the secrets is in its memory.
    fn count(&self, secrets: &BTreeMap<&'static str, Vec<u8>>) -> BTreeMap<&'static str, usize> {
        let process = format!("/proc/{}", self.0.id());
        let memory = File::open(format!("{process}/mem")).unwrap();
        let mut counts: BTreeMap<_, _> = secrets.keys().map(|name| (*name, 0)).collect();
        for line in fs::read_to_string(format!("{process}/maps")).unwrap().lines() {
            let (range, rest) = line.split_once(' ').unwrap();
            let (start, end) = range.split_once('-').unwrap();
            let address = |text| u64::from_str_radix(text, 16).unwrap();
            // Secrets are in what can be written to.
            if !rest.starts_with("rw") {
                continue;
            }
            let mut bytes = vec![0; usize::try_from(address(end) - address(start)).unwrap()];
            if memory.read_exact_at(&mut bytes, address(start)).is_err() {
                continue;
            }
            for (name, secret) in secrets {
                let here = bytes.windows(secret.len()).filter(|window| window == secret).count();
                *counts.get_mut(name).unwrap() += here;
            }
        }
        counts
    }
}

fn base32(text: &str) -> Vec<u8> {
    let digit = |c: char| "abcdefghijklmnopqrstuvwxyz234567".find(c).unwrap();
    let bits: Vec<_> =
        text.trim().chars().flat_map(|c| (0..5).rev().map(move |at| digit(c) >> at & 1)).collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | u8::from(*bit == 1))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_in_memory_once_and_a_revoked_one_not_at_all() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    drop(sealed_proxy2("0", target.address(), &folder));
    let text = |file: &str| fs::read_to_string(folder.path(file)).unwrap();
    let key = base32(text("state/server.key").strip_prefix("pasokey1").unwrap());
    let ticket = base32(text("state/local.ticket").strip_prefix("paso1").unwrap());
    let secrets = BTreeMap::from([
        ("key", key[..32].to_vec()),
        ("client", ticket[33..65].to_vec()),
        ("preshared", ticket[65..97].to_vec()),
    ]);
    let (proxy2, address) = Proxy2::start(target.address().port(), &folder);
    // The Noise library leaves a copy behind now and then, in memory that a later handshake uses.
    let mut seen = Vec::new();
    let proxy1 = loop {
        let proxy1 = sealed_proxy1("0", address, &folder);
        let _client = greeted(&proxy1).await;
        let now = proxy2.count(&secrets);
        assert_eq!(now["client"], 0);
        if (1..=2).contains(&now["key"]) && (1..=3).contains(&now["preshared"]) {
            break proxy1;
        }
        seen.push(now);
        assert!(seen.len() < HANDSHAKES, "{seen:?}");
    };
    let revoke = ["ticket", "revoke", "default", "--state", &folder.path("state")];
    let mut revoke = Process::spawn(PROXY2, &revoke);
    assert!(revoke.wait().success(), "{}", revoke.output());
    proxy1.wait_for("revoked");
    let after = proxy2.count(&secrets);
    assert_eq!((after["preshared"], after["client"]), (0, 0), "{after:?}");
}
