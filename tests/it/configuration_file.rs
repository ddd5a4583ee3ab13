//! One process with several links from a configuration file, which SIGHUP makes it follow without dropping what stays.
#![cfg(unix)]

use std::path::Path;
use std::time::Duration;

use testbed::client::{exchange, read_to_reset};
use testbed::folder::Folder;
use testbed::process::Process;
use testbed::target::{Manner, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::programs::{PASO, sealed_proxy1, sealed_proxy2};

/// Sends a greeting and waits until it is back.
async fn greet(client: &mut UnixStream) {
    let greeted = async {
        client.write_all(b"hola").await?;
        client.read_exact(&mut [0; 4]).await
    };
    timeout(Duration::from_secs(10), greeted).await.expect("an answer in time").expect("an open connection");
}

async fn greeted(path: &str) -> UnixStream {
    let mut client = UnixStream::connect(path).await.unwrap();
    greet(&mut client).await;
    client
}

/// Two proxy2s with state folders of their own, and what a configuration file says of links to them.
struct Proxies {
    folders: [Folder; 2],
    proxies: [Process; 2],
    files: Folder,
}

impl Proxies {
    fn start(target: &Target) -> Self {
        let folders = [Folder::new(), Folder::new()];
        let proxies = [&folders[0], &folders[1]].map(|folder| sealed_proxy2("0", target.address(), folder));
        Self { folders, proxies, files: Folder::new() }
    }

    /// The text of a link's table; its forwards are Unix sockets.
    fn link(&self, number: usize, forwards: &[&str]) -> String {
        let sockets: Vec<_> = forwards.iter().map(|name| format!("{:?}", self.socket(name))).collect();
        format!(
            "[[link]]\nname = \"link-{number}\"\nat = \"{}\"\nstate = {:?}\nlocal = [{}]\n",
            self.proxies[number].address(),
            self.folders[number].path("state"),
            sockets.join(", ")
        )
    }

    fn socket(&self, name: &str) -> String {
        self.files.path(name)
    }

    fn write(&self, text: &str) -> String {
        self.files.file("paso.toml", text, 0o600)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forwards_come_and_go_while_streams_go_on() {
    let target = Target::start(Manner::Echo).await;
    let proxies = Proxies::start(&target);
    let file = proxies.write(&(proxies.link(0, &["stays", "goes"]) + &proxies.link(1, &["other"])));
    let mut paso = Process::spawn(PASO, &["in", "--config", &file]);
    for _ in 0..2 {
        paso.wait_for("link up");
    }
    let mut stays = greeted(&proxies.socket("stays")).await;
    let mut goes = greeted(&proxies.socket("goes")).await;
    let mut other = greeted(&proxies.socket("other")).await;

    proxies.write(&(proxies.link(0, &["stays", "comes"]) + &proxies.link(1, &["other"])));
    paso.signal("HUP");
    paso.wait_for("the configuration file has been read again");
    assert!(!Path::new(&proxies.socket("goes")).exists(), "{}", paso.output());
    drop(greeted(&proxies.socket("comes")).await);
    for client in [&mut stays, &mut goes, &mut other] {
        greet(client).await;
    }

    // A file that is wrong changes nothing, and says where.
    let good = proxies.link(0, &["stays"]) + &proxies.link(1, &["other"]);
    proxies.write(&good.replace("local", "locla"));
    paso.signal("HUP");
    let line = paso.wait_for("what it said before stays");
    assert!(line.contains("paso.toml:5:1") && line.contains("do you mean 'local'?"), "{line}");
    drop(greeted(&proxies.socket("comes")).await);
    greet(&mut stays).await;

    // Other settings make a link begin again, and the others go on.
    proxies.write(&format!("{good}streams = 7\n"));
    paso.signal("HUP");
    let line = paso.wait_for("the link begins again");
    assert!(line.contains("link=link-1"), "{line}");
    paso.wait_for("the configuration file has been read again");
    assert_eq!(other.read(&mut [0]).await.unwrap_or(0), 0, "its stream has ended");
    drop(greeted(&proxies.socket("other")).await);
    greet(&mut stays).await;

    // What cannot be used changes nothing either.
    proxies.write(&format!("{good}streams = 7\nticket-file = {:?}\n", proxies.socket("nowhere")));
    paso.signal("HUP");
    let line = paso.wait_for("the ones before stay");
    assert!(line.contains("there is no file") && line.contains("nowhere"), "{line}");
    drop(greeted(&proxies.socket("other")).await);

    // A link that is not wanted any more ends alone.
    proxies.write(&proxies.link(0, &["stays"]));
    paso.signal("HUP");
    let line = paso.wait_for("not wanted any more");
    assert!(line.contains("link=link-1"), "{line}");
    paso.wait_for("the configuration file has been read again");
    greet(&mut stays).await;
    paso.signal("TERM");
    assert!(tokio::task::block_in_place(|| paso.wait()).success(), "{}", paso.output());
}

/// Runs a program that ends by itself; its exit code and all it said.
fn run(words: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut process = Process::spawn_with(PASO, words, variables);
    let code = tokio::task::block_in_place(|| process.wait().code());
    (code, process.output())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_checked_and_what_is_in_force_is_printed() {
    let target = Target::start(Manner::Echo).await;
    let proxies = Proxies::start(&target);
    let text = proxies.link(0, &["one"]) + &proxies.link(1, &["two"]);
    let file = proxies.write(&text);
    let (code, output) = run(&["in", "--config", &file, "--check"], &[]);
    assert!(code == Some(0) && output.contains("all is well"), "{output}");
    assert!(!Path::new(&proxies.socket("one")).exists(), "a check listens nowhere");

    let (code, printed) = run(&["in", "--print-config"], &[("PASO_CONFIG", &file), ("PASO_STREAMS", "9")]);
    assert_eq!(code, Some(0), "{printed}");
    for words in ["streams = 9 ", "# PASO_STREAMS", "name = \"link-1\"", "paso.toml:5", "# default"] {
        assert!(printed.contains(words), "`{words}` is not in:\n{printed}");
    }
    // It says the same again.
    let again = proxies.write(&printed);
    let (code, twice) = run(&["in", "--config", &again, "--print-config"], &[]);
    assert_eq!(code, Some(0), "{twice}");
    let values = |text: &str| {
        let before = |line: &str| line.split(" #").next().unwrap_or_default().trim_end().to_owned();
        text.lines().map(before).collect::<Vec<_>>()
    };
    assert_eq!(values(&printed), values(&twice));

    proxies.write(&text.replace(&proxies.folders[1].path("state"), "/nowhere"));
    let (code, output) = run(&["in", "--config", &file, "--check"], &[]);
    assert!(
        code == Some(1) && output.contains("the link 'link-1'") && output.contains("/nowhere"),
        "{output}"
    );
    proxies.write(&proxies.link(0, &["one", "one"]));
    let (code, output) = run(&["in", "--config", &file, "--check"], &[]);
    assert!(
        code == Some(2) && output.contains("on one address") && output.contains("paso.toml:5"),
        "{output}"
    );
    let (code, output) = run(&["in", "--config", "/nowhere/paso.toml"], &[]);
    assert!(code == Some(1) && output.contains("there is no file /nowhere/paso.toml"), "{output}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxy2_goes_on_unless_its_settings_change() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let text = format!("listen = 0\ntarget = \"{}\"\nstate = {:?}\n", target.address(), folder.path("state"));
    let file = folder.file("paso.toml", &text, 0o600);
    let (code, output) = run(&["out", "--config", &file, "--check"], &[]);
    assert!(code == Some(0) && output.contains("all is well"), "{output}");

    let proxy2 = Process::listening(PASO, &["out", "--config", &file]);
    let proxy1 = sealed_proxy1("0", proxy2.address(), &folder);
    let mut client = crate::programs::greeted(&proxy1).await;
    proxy2.signal("HUP");
    proxy2.wait_for("the configuration file has been read again");
    for (wrong, named) in [("target = 5", "paso.toml:4"), ("targt = 5", "do you mean 'target'?")] {
        _ = folder.file("paso.toml", &format!("{text}{wrong}\n"), 0o600);
        proxy2.signal("HUP");
        let line = proxy2.wait_for("what it said before stays");
        assert!(line.contains(named), "{line}");
    }
    assert_eq!(exchange(&mut client, b"hola").await, b"hola", "{}", proxy2.output());

    _ = folder.file("paso.toml", &format!("{text}links = 7\n"), 0o600);
    proxy2.signal("HUP");
    proxy2.wait_for("proxy2 begins again: its settings have changed");
    proxy2.wait_for("listening");
    read_to_reset(&mut client).await;
}
