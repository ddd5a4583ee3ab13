//! Where the commands of a page run: a folder for each machine that the page speaks of, the real programs, free ports, and a
//! web server.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use testbed::folder::{Folder, set_mode};
use testbed::process::Process;

use super::markdown::Block;
use super::ports::Ports;
use crate::programs::{PASO, PROXY1, PROXY2};

/// What there is before the first command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A web server at the ports 80 and 3000, which answers `it works`.
    Machine,
    /// Also a proxy2 on the machine `outside`, and a ticket of it in `exit.ticket` on `inside`, `shed` and `laptop`.
    Link,
}

/// Some machines, which are folders: a command runs in the one of its prompt, which is its home too.
#[derive(Debug)]
pub(crate) struct Scene {
    folder: Folder,
    ports: Ports,
    running: Vec<Process>,
}

/// A command, and what the page shows below it.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    machine: String,
    command: String,
    says: Vec<String>,
}

/// The prompts of the pages; `here` is where there is none.
const MACHINES: [&str; 5] = ["here", "outside", "inside", "shed", "laptop"];

/// How long a command may take that ends by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a server says when it can be used; the first of these that is in its output.
const READY: [&str; 4] = ["INFO ready", "listening address=", "listening on", "escuchando"];

impl Kind {
    /// What a page calls it.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "machine" => Some(Self::Machine),
            "link" => Some(Self::Link),
            _ => None,
        }
    }
}

impl Scene {
    /// Sets one up.
    pub(crate) fn new(kind: Kind) -> Self {
        let mut scene = Self { folder: Folder::new(), ports: Ports::free(), running: Vec::new() };
        let programs = [("paso", PASO), ("proxy1", PROXY1), ("proxy2", PROXY2)];
        fs::create_dir(scene.folder.path("programs")).unwrap();
        for (name, program) in programs {
            let text = format!("#!/bin/sh\nexec '{program}' \"$@\"\n");
            let _ = scene.folder.file(&format!("programs/{name}"), &text, 0o755);
        }
        // The machines of a page are on one: ssh to another is a change of the folder.
        let ssh = "#!/bin/sh\nexport HOME=\"$SCENE/$1\"\nshift\ncd \"$HOME\" && exec sh -c \"$*\"\n";
        let _ = scene.folder.file("programs/ssh", ssh, 0o755);
        for machine in MACHINES {
            fs::create_dir(scene.folder.path(machine)).unwrap();
            set_mode(scene.folder.path(machine).as_ref(), 0o700);
        }
        for port in [80, 3000] {
            serve_web(scene.ports.of(port));
        }
        if kind == Kind::Link {
            scene.begin_link();
        }
        scene
    }

    fn begin_link(&mut self) {
        self.run_line("outside", "proxy2 0.0.0.0:5000 localhost 80");
        for machine in ["inside", "shed", "laptop"] {
            let copied = "umask 077; cat > exit.ticket";
            self.run_line("outside", &format!("proxy2 ticket add {machine} | ssh {machine} '{copied}'"));
        }
    }

    fn run_line(&mut self, machine: &str, line: &str) {
        let step = Step { machine: machine.into(), command: line.into(), says: Vec::new() };
        self.run_step(&step, "the scene");
    }

    /// Runs the commands of a block, one after the other. Servers go on until the end of the scene.
    pub(crate) fn run(&mut self, block: &Block, place: &str) {
        let steps = steps(block);
        assert!(!steps.is_empty(), "{place}: there is no command in it");
        for step in steps {
            self.run_step(&step, place);
        }
    }

    fn run_step(&mut self, step: &Step, place: &str) {
        let says: Vec<_> = step.says.iter().map(|line| self.ports.here(line)).collect();
        let command = self.ports.here(&step.command);
        if is_server(&step.command) {
            let process = self.spawn(&step.machine, &format!("exec {command}"));
            wait_for_any(&process, &READY);
            says.iter().for_each(|line| wait_for_any(&process, &[longest_part(line)]));
            self.running.push(process);
            return;
        }
        let mut process = self.spawn(&step.machine, &format!("set -eo pipefail\n{command}"));
        let status = process.wait_for_end(PATIENCE);
        let output = process.output();
        assert!(status.success(), "{place}: `{command}` ended with {status}:\n{output}{}", self.outputs());
        for line in says {
            let is_there = one_after_the_other(&output, &line);
            assert!(is_there, "{place}: `{command}` does not say\n{line}\nbut\n{output}");
        }
    }

    fn outputs(&self) -> String {
        let outputs = self.running.iter().map(Process::output);
        outputs.map(|output| format!("\n-- a server:\n{output}")).collect()
    }

    fn spawn(&self, machine: &str, script: &str) -> Process {
        let home = self.folder.path(machine);
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{path}", self.folder.path("programs"));
        let root = super::markdown::root().to_str().unwrap();
        // Pages name files of the tree from its folder.
        let script =
            format!("unset XDG_STATE_HOME no_proxy NO_PROXY ALL_PROXY; ln -sfn '{root}/docs' docs; {script}");
        let script = format!("cd \"$HOME\" && {{ {script}\n}}");
        let scene = self.folder.path("");
        let variables =
            [("PATH", path.as_str()), ("HOME", &home), ("SCENE", &scene), ("PYTHONUNBUFFERED", "1")];
        Process::spawn_with("bash", &["-c", &script], &variables)
    }
}

/// Whether it goes on until it is ended.
fn is_server(command: &str) -> bool {
    let mut words =
        command.split_whitespace().skip_while(|word| word.contains('=') && !word.starts_with('-'));
    let (program, first) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let ends = ["--version", "--help", "--check", "--print-config", " -W "];
    if ends.iter().any(|option| command.contains(option)) {
        return false;
    }
    match program {
        "proxy1" | "python3" => true,
        "proxy2" => first != "ticket",
        "paso" => matches!(first, "in" | "out") || command.contains("echo serve"),
        _ => false,
    }
}

/// Waits until one of these is in the output.
fn wait_for_any(process: &Process, texts: &[&str]) {
    loop {
        let output = process.output();
        if texts.iter().any(|text| output.contains(text)) {
            return;
        }
        // Any further line.
        process.wait_for("");
    }
}

/// What a line of the log is looked for by: it is shown without its time, and with `…` for what differs.
fn longest_part(line: &str) -> &str {
    line.split('…').map(str::trim).max_by_key(|part| part.len()).unwrap_or_default()
}

/// Whether the parts between `…` are there in their order. How many blanks there are does not matter.
fn one_after_the_other(output: &str, line: &str) -> bool {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let output = words(output);
    let mut rest = output.as_str();
    line.split('…').map(words).all(|part| match rest.split_once(&part) {
        Some((_, behind)) => {
            rest = behind;
            true
        }
        None => false,
    })
}

/// The commands of a block. Of the shell's own language every line is one; of a console those behind a prompt, and the others are
/// what it says.
fn steps(block: &Block) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut goes_on = false;
    for line in &block.lines {
        let prompt = if block.language == "console" { prompt(line) } else { Some(("here", line.as_str())) };
        match (prompt, steps.last_mut()) {
            (_, Some(step)) if goes_on => step.command = format!("{}\n{line}", step.command),
            (Some((_, command)), _) if command.trim().is_empty() || command.starts_with('#') => continue,
            (Some((machine, command)), _) => {
                steps.push(Step { machine: machine.into(), command: command.into(), says: Vec::new() });
            }
            (None, Some(step)) if !line.trim().is_empty() => step.says.push(line.clone()),
            (None, _) => {}
        }
        goes_on = line.ends_with('\\') && steps.last().is_some_and(|step| step.says.is_empty());
    }
    steps
}

/// The machine and the command of a line that begins with a prompt.
fn prompt(line: &str) -> Option<(&str, &str)> {
    let (machine, command) = line.split_once("$ ")?;
    let is_name = machine.chars().all(|c| c.is_ascii_lowercase());
    is_name.then_some((if machine.is_empty() { "here" } else { machine }, command.trim_start()))
}

/// Answers every request, until the process ends.
fn serve_web(port: u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // A client that is gone has nothing to complain of.
            thread::spawn(move || _ = answer(stream));
        }
    });
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let head =
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\n";
    stream.write_all(format!("{head}it works\n").as_bytes())
}

#[test]
fn blocks_are_cut_into_commands() {
    let block = |language: &str, lines: &[&str]| Block {
        line: 1,
        language: language.into(),
        lines: lines.iter().map(|&line| line.into()).collect(),
        mark: None,
    };
    let console = block("console", &["outside$ proxy2 1 \\", "    a 2", "INFO ready", "$ ls", "", "x"]);
    let commands: Vec<_> =
        steps(&console).into_iter().map(|step| (step.machine, step.command, step.says.join(","))).collect();
    let expected = [("outside", "proxy2 1 \\\n    a 2", "INFO ready"), ("here", "ls", "x")];
    assert_eq!(commands, expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())));
    assert_eq!(steps(&block("sh", &["# no", "a", "b"])).len(), 2);
    assert!(is_server("PASO_STREAMS=5 paso in 1 2 3") && !is_server("proxy2 ticket list"));
    assert!(one_after_the_other("a  b c\nd", "a b … d") && !one_after_the_other("a b", "b … a"));
}
