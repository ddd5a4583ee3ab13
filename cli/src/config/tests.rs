//! A program with some options of every kind, and all places that can say them.

use std::path::PathBuf;

use super::*;

#[derive(Parser, Clone, Debug)]
#[command(name = "toy")]
struct Toy {
    #[arg(value_name = "WORD")]
    word: Option<String>,
    #[arg(short = 'L', long = "local", value_name = "FORWARD")]
    local: Vec<String>,
    #[arg(long, value_name = "TEXT")]
    ticket: Option<String>,
    #[arg(long, value_name = "FILE")]
    ticket_file: Option<PathBuf>,
    #[arg(long, value_name = "NUMBER", default_value = "4096", value_parser = crate::parse_count, conflicts_with = "classic")]
    streams: u32,
    #[arg(long)]
    classic: bool,
    #[arg(long, requires = "classic", default_value = "300ms", help_heading = "Classic link")]
    linger: String,
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
    #[command(flatten)]
    config: ConfigArgs,
}

static KINDS: Kinds = Kinds {
    additive: &["local"],
    alternatives: &[&["ticket", "ticket-file"]],
    secret: &["ticket"],
    of_program: &["verbose"],
    links: true,
};

/// A folder with a configuration file that its owner alone can read, deleted with the value.
struct File(PathBuf);

impl File {
    fn new(text: &str) -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("paso-config-{}-{}.toml", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        let file = Self(path);
        file.set_mode(0o600);
        file
    }

    #[cfg(unix)]
    fn set_mode(&self, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&self.0, PermissionsExt::from_mode(mode)).unwrap();
    }

    #[cfg(not(unix))]
    fn set_mode(&self, _: u32) {}

    fn name(&self) -> String {
        self.0.to_str().unwrap().into()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        _ = std::fs::remove_file(&self.0);
    }
}

fn plan(line: &str, variables: &[(&str, &str)]) -> Result<Plan, clap::Error> {
    let words = std::iter::once("toy").chain(line.split_whitespace()).map(OsString::from).collect();
    let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    Sources::new::<Toy>(words, environment, &KINDS).read()
}

/// The only link.
fn toy(line: &str, variables: &[(&str, &str)]) -> Result<(Toy, Values), String> {
    let plan = plan(line, variables).map_err(|error| error.to_string())?;
    let [link] = plan.links.as_slice() else { panic!("{plan:?}") };
    link.parse().map_err(|error| error.to_string())
}

fn with_file(text: &str, line: &str, variables: &[(&str, &str)]) -> Result<(Toy, Values), String> {
    let file = File::new(text);
    let result = toy(&format!("{line} --config {}", file.name()), variables);
    result.map_err(|error| error.replace(&file.name(), "FILE"))
}

#[test]
fn the_command_line_is_before_variables_and_these_before_the_file_and_that_before_the_default() {
    let file = "streams = 3";
    let streams = |line, variables: &[_]| with_file(file, line, variables).unwrap().0.streams;
    assert_eq!(streams("--streams 1", &[("PASO_STREAMS", "2")]), 1);
    assert_eq!(streams("", &[("PASO_STREAMS", "2")]), 2);
    assert_eq!(streams("", &[("PASO_STREAMS", " ")]), 3, "a blank variable is none");
    assert_eq!(toy("", &[]).unwrap().0.streams, 4096);
}

#[test]
fn of_alternatives_the_earliest_place_counts() {
    let file = "ticket = \"one\"";
    let (toy, values) = with_file(file, "--ticket-file x", &[("PASO_TICKET", "two")]).unwrap();
    assert_eq!((toy.ticket, toy.ticket_file), (None, Some("x".into())));
    assert_eq!(values.origin("ticket-file"), Origin::CommandLine);
    let (toy, values) = with_file(file, "", &[("PASO_TICKET_FILE", "y")]).unwrap();
    assert_eq!((toy.ticket, toy.ticket_file), (None, Some("y".into())));
    assert_eq!(values.origin("ticket-file").to_string(), "PASO_TICKET_FILE");
}

#[test]
fn forwards_of_all_places_add_up() {
    let variables = [("PASO_LOCAL", "2 3\n4")];
    let (toy, values) = with_file("local = [\"5\",\n\"6\"]", "-L 1", &variables).unwrap();
    let all: Vec<_> = toy.local.iter().zip(values.origins("local")).collect();
    let all: Vec<_> = all.iter().map(|(text, origin)| format!("{text} {origin}")).collect();
    let lines: Vec<_> = all.iter().map(|line| line.rsplit(['/', '\\']).next().unwrap()).collect();
    assert_eq!(lines[..3], ["2 PASO_LOCAL", "3 PASO_LOCAL", "4 PASO_LOCAL"]);
    assert!(lines[3].ends_with(".toml:1") && lines[4].ends_with(".toml:2"), "{lines:?}");
    assert_eq!(lines[5], "1 command line");
}

#[test]
fn switches_can_be_off() {
    assert!(toy("", &[("PASO_CLASSIC", "1")]).unwrap().0.classic);
    assert!(with_file("classic = true\nlinger = \"1s\"", "", &[]).unwrap().0.classic);
    assert!(!with_file("classic = true", "", &[("PASO_CLASSIC", "off")]).unwrap().0.classic);
    let error = toy("", &[("PASO_CLASSIC", "perhaps")]).unwrap_err();
    assert!(error.contains("PASO_CLASSIC is a switch"), "{error}");
    assert_eq!(with_file("verbose = 2", "", &[]).unwrap().0.verbose, 2);
}

#[test]
fn each_link_has_its_own_and_what_is_said_for_all() {
    let file = File::new(
        "streams = 7\nlocal = \"0\"\n[[link]]\nname = \"home\"\nlocal = [\"1\"]\n[[link]]\nstreams = 8\nlocal = \"2\"",
    );
    let plan = plan(&format!("--config {}", file.name()), &[]).unwrap();
    assert_eq!(plan.file.as_deref(), Some(file.0.as_path()));
    let toys: Vec<_> =
        plan.links.iter().map(|link| (link.name.clone(), link.parse::<Toy>().unwrap().0)).collect();
    let all: Vec<_> =
        toys.iter().map(|(name, toy)| (name.as_deref().unwrap(), toy.streams, toy.local.join(","))).collect();
    assert_eq!(all, [("home", 7, "1,0".to_owned()), ("2", 8, "2,0".to_owned())]);
}

#[test]
fn what_is_wrong_in_a_file_is_named_with_its_place() {
    for (text, named) in [
        (
            "streams = 1\ntiket-file = \"x\"",
            "FILE:2:1: there is no key 'tiket-file': do you mean 'ticket-file'?",
        ),
        ("colour = 1", "FILE:1:1: there is no key 'colour': the keys are the long options, see `toy --help`"),
        ("config = \"x\"", "FILE:1:1: there is no key 'config'"),
        ("streams = 1\n streams = 2", "FILE:2:2: duplicate key"),
        ("streams = [1]", "FILE:1:11: 'streams' takes a text or a number, and this is of the type array"),
        ("classic = \"yes\"", "FILE:1:11: 'classic' takes true or false, and this is of the type string"),
        ("local = [\"1\", true]", "FILE:1:15: 'local' takes a text or a list of texts"),
        ("\nstreams = 0", "FILE:2: invalid value '0' for '--streams <NUMBER>'"),
        ("classic = true\nstreams = 1", "--streams is from FILE:2"),
        ("linger = \"1s\"", "--linger is from FILE:1"),
        ("link = 1", "FILE:1:8: 'link' is a table for each link: write [[link]]"),
        ("[[link]]\nverbose = 1", "FILE:2:1: 'verbose' is of the whole program"),
        ("[[link]]\nname = \"a b\"", "FILE:2:8: a link's name is one word"),
        ("[[link]]\nname = \"a\"\n[[link]]\nname = \"a\"", "FILE:4: there is a link 'a' already, at FILE:2"),
        ("[[link]]\nnam = \"a\"", "FILE:2:1: there is no key 'nam': do you mean 'name'?"),
        ("streams", "FILE:1:8:"),
        ("zebra = 1\nant = 1", "FILE:1:1: there is no key 'zebra'"),
    ] {
        let file = File::new(text);
        let line = format!("--config {}", file.name());
        let parsed = plan(&line, &[])
            .and_then(|plan| plan.links.iter().try_for_each(|link| link.parse::<Toy>().map(drop)));
        let error = parsed.unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let error = error.to_string().replace(&file.name(), "FILE");
        assert!(error.contains(named), "{text}:\n{error}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = plan("--config /nowhere/paso.toml", &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("there is no file /nowhere/paso.toml"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_ticket_is_read_from_a_file_that_nobody_else_can_read() {
    let file = File::new("streams = 1\nticket = \"paso1secret\"");
    let line = format!("--config {}", file.name());
    assert_eq!(toy(&line, &[]).unwrap().0.ticket.as_deref(), Some("paso1secret"));
    file.set_mode(0o644);
    let error = toy(&line, &[]).unwrap_err();
    assert!(error.contains(".toml:2: others can read") && !error.contains("paso1secret"), "{error}");
    std::fs::write(&file.0, "streams = 1").unwrap();
    assert_eq!(toy(&line, &[]).unwrap().0.streams, 1, "what holds no secret may be read by all");
}

#[test]
fn no_message_repeats_what_could_be_a_secret() {
    for text in [
        "ticket = \"paso1secret",
        "ticket = paso1secret",
        "ticket = [\"paso1secret\"]",
        "ticket = { x = \"paso1secret\" }",
    ] {
        let error = with_file(text, "", &[]).unwrap_err();
        assert!(error.contains("FILE:1:") && !error.contains("paso1secret"), "{error}");
    }
}

#[test]
fn what_is_in_force_is_printed_as_a_file_that_says_the_same() {
    let file =
        "verbose = 1\n[[link]]\nname = \"a\"\nticket = \"paso1secret\"\nlocal = [\"8080\",\n\"x\\\"y\"]";
    let file = File::new(file);
    let line = format!("--config {} -L 1", file.name());
    let plan = plan(&line, &[("PASO_STREAMS", "5")]).unwrap();
    let (_, values) = plan.links[0].parse::<Toy>().unwrap();
    let extra = Extra { key: "at", text: "exit:5000".into() };
    let printed = to_toml(&[(values, vec![extra])]).replace(&file.name(), "FILE");
    let expected = r#"
verbose = 1                                     # FILE:1

[[link]]
name = "a"
at = "exit:5000"                                # command line
local = [
  "8080",                                       # FILE:5
  "x\"y",                                       # FILE:6
  "1",                                          # command line
]
ticket = "(hidden)"                             # FILE:4
streams = 5                                     # PASO_STREAMS
classic = false                                 # default
"#;
    assert_eq!(printed, expected.trim_start());
}

/// As a shell's `<(…)`. What it said must not count as taken back when it says nothing more.
#[cfg(target_os = "linux")]
#[test]
fn a_pipe_says_the_same_when_it_is_read_again() {
    use std::io::Write;
    use std::os::fd::AsRawFd;
    let (reader, mut writer) = std::io::pipe().unwrap();
    // More than a ticket may have.
    writeln!(writer, "#{}\nstreams = 7", "-".repeat(20_000)).unwrap();
    drop(writer);
    let words = ["toy".into(), format!("--config=/dev/fd/{}", reader.as_raw_fd()).into()];
    let sources = Sources::new::<Toy>(words.into(), Environment::default(), &KINDS);
    for _ in 0..2 {
        let plan = sources.read().unwrap();
        assert_eq!(plan.links[0].parse::<Toy>().unwrap().0.streams, 7);
    }
}
