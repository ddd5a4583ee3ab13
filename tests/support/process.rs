//! The real programs, as processes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::orphans;

/// How long a program may take for what should be immediate.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running program; killed when it is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    lines: Receiver<String>,
    output: Arc<Mutex<String>>,
    address: Option<SocketAddr>,
}

impl Process {
    /// Starts a program: `path` is `env!("CARGO_BIN_EXE_…")` of the test target, which alone knows it. Both its outputs are collected.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn spawn(path: &str, arguments: &[&str]) -> Self {
        Self::spawn_with(path, arguments, &[])
    }

    /// As [`spawn`](Self::spawn), with variables in its environment.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn spawn_with(path: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::start(path, arguments, variables, Stdio::null())
    }

    /// As [`spawn`](Self::spawn), with that text as its standard input.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn spawn_reading(path: &str, arguments: &[&str], text: &[u8]) -> Self {
        let (input, mut writer) = std::io::pipe().expect("there are descriptors");
        let process = Self::start(path, arguments, &[], input.into());
        // What it does not read is lost, and that is its own affair.
        _ = writer.write_all(text);
        process
    }

    /// As [`spawn`](Self::spawn), with a socket that it is started with, as systemd passes it.
    ///
    /// # Panics
    /// When it cannot be started.
    #[cfg(unix)]
    #[must_use]
    pub fn spawn_passing(path: &str, arguments: &[&str], socket: impl Into<std::os::fd::OwnedFd>) -> Self {
        let script = r#"exec 3<&0 </dev/null; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$0" "$@""#;
        Self::start("sh", &[&["-c", script, path], arguments].concat(), &[], socket.into().into())
    }

    fn start(path: &str, arguments: &[&str], variables: &[(&str, &str)], input: Stdio) -> Self {
        let mut command = Command::new(path);
        command.args(arguments).env_remove("RUST_LOG").env_remove("PASO_TICKET").env("NO_COLOR", "1");
        command.envs(variables.iter().copied());
        command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = orphans::start(path, command);
        let (sender, lines) = channel();
        let output = Arc::default();
        let readers: [Box<dyn Read + Send>; 2] = [
            Box::new(child.stdout.take().expect("it is piped")),
            Box::new(child.stderr.take().expect("it is piped")),
        ];
        for reader in readers {
            let (sender, output) = (sender.clone(), Arc::clone(&output));
            thread::spawn(move || {
                for line in BufReader::new(reader).lines().map_while(Result::ok) {
                    collect(&output, &line);
                    _ = sender.send(line);
                }
            });
        }
        Self { child, lines, output, address: None }
    }

    /// Starts a program and waits until it says where it listens.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn listening(path: &str, arguments: &[&str]) -> Self {
        Self::listening_with(path, arguments, &[])
    }

    /// As [`listening`](Self::listening), with variables in its environment.
    ///
    /// # Panics
    /// When it does not say where it listens.
    #[must_use]
    pub fn listening_with(path: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::spawn_with(path, arguments, variables).until_listening()
    }

    /// Waits until it says where it listens.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn until_listening(mut self) -> Self {
        let line = self.wait_for("listening");
        let address = line.split(|c: char| c.is_whitespace() || c == '=').find_map(|word| word.parse().ok());
        self.address = Some(address.unwrap_or_else(|| panic!("no address in: {line}")));
        self
    }

    /// Where it said that it listens.
    ///
    /// # Panics
    /// When it was not started by [`listening`](Self::listening).
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address.expect("started by `listening`")
    }

    /// Its number in the system.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line that contains `text`.
    ///
    /// # Panics
    /// When there is none for ten seconds, or the program ends before.
    pub fn wait_for(&self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let line = self.next_line(text, deadline);
            if line.contains(text) {
                return line;
            }
        }
    }

    /// The next line, for somebody who waits for one with `text`.
    fn next_line(&self, text: &str, deadline: Instant) -> String {
        match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => panic!("no line with `{text}` in time:\n{}", self.output()),
            Err(RecvTimeoutError::Disconnected) => panic!("ended without `{text}`:\n{}", self.output()),
        }
    }

    /// Waits until each of `texts` stands in a line, in whatever order: for what several processes write to one place.
    ///
    /// # Panics
    /// As [`Process::wait_for`].
    pub fn wait_for_all(&self, texts: &[&str]) {
        let (mut missing, deadline) = (texts.to_vec(), Instant::now() + PATIENCE);
        while let Some(text) = missing.first() {
            let line = self.next_line(text, deadline);
            missing.retain(|text| !line.contains(text));
        }
    }

    /// Everything it wrote so far, both outputs together.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn output(&self) -> String {
        self.output.lock().expect("nobody panics with the lock").clone()
    }

    /// Sends a signal by its name: `TERM`, `INT`, `KILL`, `STOP`, `CONT`.
    ///
    /// # Panics
    /// When it cannot be sent.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "cannot send SIG{name}");
    }

    /// Waits for the end, and for the last of its output.
    ///
    /// # Panics
    /// When it does not end for ten seconds.
    pub fn wait(&mut self) -> ExitStatus {
        self.wait_for_end(PATIENCE)
    }

    /// As [`wait`](Self::wait), for a program that may take so long.
    ///
    /// # Panics
    /// When it does not end in time.
    pub fn wait_for_end(&mut self, patience: Duration) -> ExitStatus {
        let deadline = Instant::now() + patience;
        // Its outputs end with it.
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end:\n{}", self.output()),
            }
        }
        self.child.wait().expect("it is our child")
    }

    /// Waits until it ends by itself, or has said this and is ended at once.
    ///
    /// # Panics
    /// When neither happens for ten seconds.
    pub fn wait_for_end_or(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains(text) => return self.kill(),
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => return self.kill(),
                Err(RecvTimeoutError::Timeout) => panic!("it does not end:\n{}", self.output()),
            }
        }
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn collect(output: &Mutex<String>, line: &str) {
    let mut output = output.lock().expect("nobody panics with the lock");
    output.push_str(line);
    output.push('\n');
}
