//! A service manager is told when a program is ready, reloads and ends, what it does, and that it lives: `sd_notify(3)`.
#![cfg(unix)]

use std::io;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use testbed::client::exchange;
use testbed::folder::Folder;
use testbed::process::Process;
use testbed::target::{Manner, Target};
use tokio::net::TcpStream;

use crate::programs::{PROXY1, PROXY2, greeted};

/// Stands for the service manager.
struct Manager {
    socket: UnixDatagram,
    folder: Folder,
}

impl Manager {
    fn start() -> Self {
        let folder = Folder::new();
        let socket = UnixDatagram::bind(folder.path("notify")).unwrap();
        socket.set_read_timeout(Some(testbed::pair::PATIENCE)).unwrap();
        Self { socket, folder }
    }

    /// Starts a program of the service, which waits until it is known where it listens.
    fn program(&self, program: &str, words: &[&str], watchdog: Option<Duration>) -> Process {
        let usec = watchdog.map_or_else(String::new, |limit| limit.as_micros().to_string());
        let socket = self.folder.path("notify");
        let state = self.folder.path("state");
        let variables =
            [("NOTIFY_SOCKET", socket.as_str()), ("WATCHDOG_USEC", &usec), ("PASO_STATE", &state)];
        Process::listening_with(program, words, &variables)
    }

    /// The next message, as bytes. A read with a time-out is not begun again by itself where a signal interrupts it.
    fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.socket.recv(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                received => return received,
            }
        }
    }

    /// The next message.
    fn next(&self) -> String {
        let mut buffer = [0; 1_024];
        let length = self.receive(&mut buffer).expect("the manager is told something");
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    /// The next message that begins so.
    fn wait_for(&self, start: &str) -> String {
        loop {
            let message = self.next();
            if message.starts_with(start) {
                return message;
            }
        }
    }
}

fn words_of(target: &Target) -> [String; 3] {
    ["0".into(), target.address().ip().to_string(), target.address().port().to_string()]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_told_of_readiness_reloads_links_streams_and_the_end() {
    let target = Target::start(Manner::Echo).await;
    let (manager, other) = (Manager::start(), Manager::start());
    let words = words_of(&target);
    let mut proxy2 = manager.program(PROXY2, &words.each_ref().map(String::as_str), None);
    manager.wait_for("READY=1");
    assert_eq!(manager.wait_for("STATUS="), "STATUS=0 links, 0 streams");

    let (port, state) = (proxy2.address().port().to_string(), manager.folder.path("state"));
    let mut proxy1 = other.program(PROXY1, &["0", "127.0.0.1", &port, "--state", &state], None);
    other.wait_for("READY=1");
    let _client = greeted(&proxy1).await;
    assert_eq!(manager.wait_for("STATUS=1 link, 1"), "STATUS=1 link, 1 stream");
    assert_eq!(other.wait_for("STATUS=1 of 1 link up, 1"), "STATUS=1 of 1 link up, 1 stream");

    for (manager, proxy) in [(&manager, &mut proxy2), (&other, &mut proxy1)] {
        proxy.signal("HUP");
        let reloading = manager.wait_for("RELOADING=1");
        let time = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect("both in one message");
        assert!(time.parse::<u64>().unwrap() > 0);
        assert_eq!(manager.wait_for("READY=1"), "READY=1");
        proxy.signal("TERM");
        assert_eq!(manager.wait_for("STOPPING=1"), "STOPPING=1");
        assert!(proxy.wait().success(), "{}", proxy.output());
    }
}

#[test]
fn a_busy_program_says_what_it_does_once_a_second_at_most() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (manager, other) = (Manager::start(), Manager::start());
    let target = runtime.block_on(Target::start(Manner::Echo));
    let words = words_of(&target);
    let proxy2 = manager.program(PROXY2, &words.each_ref().map(String::as_str), None);
    let (port, state) = (proxy2.address().port().to_string(), manager.folder.path("state"));
    let proxy1 = other.program(PROXY1, &["0", "127.0.0.1", &port, "--state", &state], None);
    let address = proxy1.address();
    runtime.spawn(async move {
        loop {
            // Their number is another one each time that somebody looks.
            let mut clients = Vec::new();
            for _ in 0..50 {
                let Ok(mut client) = TcpStream::connect(address).await else { return };
                exchange(&mut client, b"hola").await;
                clients.push(client);
            }
        }
    });
    manager.wait_for("STATUS=1 link");
    let (start, mut lines) = (Instant::now(), 0);
    while lines < 3 {
        manager.wait_for("STATUS=");
        lines += 1;
    }
    // A second between two lines; this thread may have been late for the first.
    let least = Duration::from_secs(2);
    assert!(start.elapsed() > least, "{lines} lines in {:?}", start.elapsed());
}

#[test]
fn signs_of_life_come_in_half_the_time_and_stop_with_the_loop() {
    let manager = Manager::start();
    // Twice as long as a machine under load may need, and short for a test.
    let limit = Duration::from_secs(2);
    let process = manager.program(PROXY2, &["0"], Some(limit));
    manager.wait_for("WATCHDOG=1");
    for _ in 0..3 {
        let before = Instant::now();
        manager.wait_for("WATCHDOG=1");
        assert!(before.elapsed() < limit, "the manager would have killed it: {:?}", before.elapsed());
    }
    process.signal("STOP");
    manager.socket.set_read_timeout(Some(limit)).unwrap();
    // What was on its way.
    let mut buffer = [0; 64];
    let silent = (0..3).any(|_| manager.receive(&mut buffer).is_err());
    assert!(silent, "signs of life of a program that stands still");
    process.signal("CONT");
    manager.wait_for("WATCHDOG=1");
}

#[test]
fn no_manager_is_no_mistake() {
    let folder = Folder::new();
    let (nobody, state) = (folder.path("nobody"), folder.path("state"));
    let variables = [("NOTIFY_SOCKET", nobody.as_str()), ("PASO_STATE", &state)];
    let mut process = Process::listening_with(PROXY2, &["0"], &variables);
    process.wait_for("ready");
    process.signal("TERM");
    assert!(process.wait().success(), "{}", process.output());
}
