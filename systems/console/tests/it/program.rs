//! The program as its users start it: exit codes, scripts, signals.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use paso::{Allow, Exit, State};
use tokio::task::spawn_blocking;

/// An exit whose tickets are in files of a folder, which goes with the value.
struct Place {
    folder: PathBuf,
    at: String,
}

static PLACES: AtomicU32 = AtomicU32::new(0);

impl Place {
    async fn new() -> Self {
        let number = PLACES.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("console-program-{}-{number}", std::process::id()));
        let state = State::folder(folder.join("state"));
        for (name, rules) in [("server", &["publish:console"][..]), ("ana", &["use:console"]), ("eve", &[])] {
            let ticket = state.ticket(name).unwrap();
            state.allow(name, rules).unwrap();
            let mut options = std::fs::OpenOptions::new();
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.write(true).create_new(true).open(folder.join(name)).unwrap();
            file.write_all(ticket.to_text().as_bytes()).unwrap();
        }
        let exit = Exit::bind("127.0.0.1:0", &state, Allow::nothing()).await.unwrap();
        let at = exit.address().to_string();
        tokio::spawn(exit.run(std::future::pending()));
        Self { folder, at }
    }

    fn command(&self, ticket: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_console"));
        command.args(arguments).arg("--at").arg(&self.at).arg("--ticket-file").arg(self.folder.join(ticket));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// A server that is ready.
    async fn server(&self) -> Running {
        let mut server = Running(self.command("server", &["serve"]).spawn().unwrap());
        let mut log = std::io::BufReader::new(server.0.stderr.take().unwrap());
        spawn_blocking(move || {
            let mut line = String::new();
            while !line.contains("ready") {
                line.clear();
                assert!(std::io::BufRead::read_line(&mut log, &mut line).unwrap() > 0, "it has ended");
            }
            // Whatever else it says is read by nobody, but taken.
            std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        })
        .await
        .unwrap();
        server
    }

    /// Runs a client with this input to its end.
    async fn run(&self, ticket: &str, arguments: &[&str], input: &str) -> Output {
        let mut child = self.command(ticket, arguments).spawn().unwrap();
        let input = input.to_owned();
        spawn_blocking(move || {
            // One that has ended by then reads nothing.
            let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
            child.wait_with_output().unwrap()
        })
        .await
        .unwrap()
    }
}

/// A process that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Nothing, if it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn texts(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_gets_answers_and_an_exit_code() {
    let place = Place::new().await;
    let _server = place.server().await;
    let (code, out, err) = texts(&place.run("ana", &[], "whoami\nsay hola").await);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert!(out.contains("You are ana#1: ") && out.ends_with("<ana#1> hola\n* good bye\n"), "{out}");
    let (code, out, _) = texts(&place.run("ana", &["-c", "whomai", "-c", "time"], "").await);
    assert_eq!(code, Some(3), "{out}");
    assert!(out.starts_with("error: there is no command 'whomai'; did you mean whoami?\n20"), "{out}");
    assert!(out.contains("running for") && out.lines().count() == 2, "only the answers: {out}");
    let (code, _, err) = texts(&place.run("eve", &[], "").await);
    assert_eq!(code, Some(1));
    assert!(err.contains("error: @console: ") && err.contains("use:console"), "{err}");
    let (code, _, err) = texts(&place.run("ana", &["--name", "nothing"], "").await);
    assert_eq!(code, Some(1), "{err}");
    let (code, _, err) = texts(&place.run("ana", &["--nonsense"], "").await);
    assert_eq!(code, Some(2), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_publish_is_told_what_would_allow_it() {
    let place = Place::new().await;
    let (code, _, err) = texts(&place.run("ana", &["serve"], "").await);
    assert_eq!(code, Some(1));
    assert!(err.contains("cannot publish @console") && err.contains("publish:console"), "{err}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_the_server_in_order_and_its_clients_say_so() {
    let place = Place::new().await;
    let mut server = place.server().await;
    let mut client = Running(place.command("ana", &[]).spawn().unwrap());
    let mut out = std::io::BufReader::new(client.0.stdout.take().unwrap());
    // Its input stays open: it is a session that nobody ends but the server.
    let _input = client.0.stdin.take().unwrap();
    let rest = spawn_blocking(move || {
        let mut line = String::new();
        while !line.contains("`help` lists") {
            line.clear();
            assert!(std::io::BufRead::read_line(&mut out, &mut line).unwrap() > 0, "it has ended");
        }
        out
    });
    let mut out = rest.await.unwrap();
    let killed = Command::new("kill").arg("-TERM").arg(server.0.id().to_string()).status().unwrap();
    assert!(killed.success());
    let (rest, status, code) = spawn_blocking(move || {
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut out, &mut rest).unwrap();
        (rest, server.0.wait().unwrap(), client.0.wait().unwrap())
    })
    .await
    .unwrap();
    assert_eq!(rest, "* the console ends: good bye\n");
    assert_eq!((status.code(), code.code()), (Some(0), Some(1)));
}
