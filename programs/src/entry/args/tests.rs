use clap::CommandFactory;
use tunnel::address::Listen;
use tunnel::settings::{CarryTo, ClassicEntry, ClientSettings, Forward, ProxySettings, TicketSource};

use super::*;
use crate::entry::plan::Planner;

fn planner(words: &str, variables: &[(&str, OsString)]) -> Planner {
    let words = std::iter::once("proxy1").chain(words.split_whitespace()).map(OsString::from).collect();
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    Planner::new(sources(words, variables.collect()))
}

fn run_with(line: &str, variables: &[(&str, OsString)]) -> Result<ProxySettings, String> {
    let planner = planner(line, variables);
    let links = planner.read().and_then(|said| planner.links(said)).map_err(|error| error.to_string())?;
    assert_eq!(links.len(), 1, "without a file there is one link");
    links.into_iter().next().map(|link| link.settings).ok_or_else(String::new)
}

fn run(line: &str) -> Result<ProxySettings, String> {
    run_with(line, &[])
}

fn client(line: &str, variables: &[(&str, OsString)]) -> ClientSettings {
    let settings = run_with(line, variables).unwrap();
    let ProxySettings::Client(client) = settings else { panic!("{settings:?}") };
    client
}

#[test]
fn three_words_and_the_mode_are_enough() {
    let settings = run("--classic 8080 localhost 5000").unwrap();
    let ProxySettings::ClassicEntry(ClassicEntry { listen, peer, options: classic }) = settings else {
        panic!("{settings:?}")
    };
    assert_eq!(listen, Listen::loopback(8080));
    assert_eq!(peer.to_string(), "localhost:5000");
    let default = tunnel::settings::Classic::default();
    assert_eq!(classic.table, default.table, "the help must show the real defaults");
    assert_eq!(format!("{classic:?}"), format!("{default:?}"), "the help must show the real defaults");
}

#[test]
fn the_sealed_link_is_the_default() {
    let client = client("8080 localhost 5000", &[]);
    assert_eq!(client.places.len(), 1);
    let default = ClientSettings::new(TicketSource::State(None), client.places.clone());
    let default = default.forward(Forward::plain(Listen::loopback(8080)));
    assert_eq!(format!("{client:?}"), format!("{default:?}"), "the help must show the real defaults");
}

#[test]
fn ports_may_be_several_and_the_place_the_tickets() {
    let places = |line: &str| client(line, &[]).places.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(places("8080 localhost 5000,443,53"), ["localhost:5000,443,53"]);
    assert_eq!(places("8080 localhost:5000"), ["localhost:5000"]);
    assert_eq!(places("-D 1080 localhost:5000"), ["localhost:5000"]);
    assert_eq!(places("8080 --at a:1,2 --at b:3"), ["a:1,2", "b:3"]);
    assert!(places("8080").is_empty());
    assert!(places("-D 1080").is_empty());
    for (line, named) in [
        ("8080 localhost", "PORT"),
        ("8080 localhost 443,443", "443 is given twice"),
        ("8080 localhost 443 --at a:1", "--at says what the words say too"),
        ("--classic 8080", "HOST and PORT"),
        ("--classic 8080 localhost 5000,443", "one PORT"),
    ] {
        let error = run(line).unwrap_err();
        assert!(error.contains(named), "{line}: {error}");
    }
}

#[test]
fn words_come_before_variables() {
    let variables = [("PASO_AT", OsString::from("other:1")), ("PASO_LISTEN", "9090".into())];
    let here = client("8080 localhost 5000", &variables);
    assert_eq!(here.places[0].to_string(), "localhost:5000");
    assert_eq!(here.forwards, [Forward::plain(Listen::loopback(8080))]);
    let there = client("", &variables);
    assert_eq!(there.places[0].to_string(), "other:1");
    assert_eq!(there.forwards, [Forward::plain(Listen::loopback(9090))]);
    let forwards = client("exit:5000", &[("PASO_DYNAMIC", "1080 1081".into())]).forwards;
    assert_eq!(forwards.len(), 2);
}

#[test]
fn forwards_of_every_kind_are_read() {
    let planner = planner("-N -T -L 8080:web:80 -L 9000-9001:db:5000-5001 -D 1080 -W host:22 exit 5000", &[]);
    let links = planner.read().and_then(|said| planner.links(said)).unwrap();
    let ProxySettings::Client(client) = &links[0].settings else { panic!("{links:?}") };
    let texts: Vec<_> =
        client.forwards.iter().map(|forward| format!("{} {forward}", forward.option())).collect();
    assert_eq!(
        texts,
        [
            "-L 127.0.0.1:8080:web:80",
            "-L 127.0.0.1:9000:db:5000",
            "-L 127.0.0.1:9001:db:5001",
            "-D 127.0.0.1:1080",
            "-W host:22"
        ]
    );
    assert_eq!(client.forwards[3].to, CarryTo::AskedFor);
    let first = run("8080 exit 5000 -D 1080").unwrap();
    let ProxySettings::Client(client) = first else { panic!("{first:?}") };
    assert_eq!(client.forwards.len(), 2, "the first word may be beside them");
}

#[test]
fn two_forwards_on_one_address_are_named_with_their_places() {
    let error = run_with("-L 8080:web:80 exit:5000", &[("PASO_DYNAMIC", "8080".into())]).unwrap_err();
    for named in ["-L 127.0.0.1:8080:web:80", "-D 127.0.0.1:8080", "command line", "PASO_DYNAMIC"] {
        assert!(error.contains(named), "{error}");
    }
    let error = run("8080 exit 5000 -L 8080:web:80").unwrap_err();
    assert!(error.contains("on one address"), "{error}");
    let error = run("--publish a=80 --publish a=81 exit:5000").unwrap_err();
    assert!(error.contains("--publish a="), "{error}");
}

#[test]
fn a_forward_that_is_wrong_is_named_with_its_place() {
    let error = run("-L 8080:web exit:5000").unwrap_err();
    assert!(error.contains("-L 8080:web:"), "{error}");
    let error = run_with("exit:5000", &[("PASO_LOCAL", "8080:web".into())]).unwrap_err();
    assert!(error.contains("PASO_LOCAL: -L 8080:web:"), "{error}");
}

#[test]
fn nothing_to_carry_is_a_mistake() {
    let error = run("").unwrap_err();
    assert!(error.contains("[ADDR:]PORT") && error.contains("--help"), "{error}");
}

#[test]
fn a_ticket_that_is_none_is_named_and_not_shown() {
    let error = run("8080 localhost 5000 --ticket paso1secret").unwrap_err();
    assert!(error.contains("--ticket: the ticket") && !error.contains("secret"), "{error}");
    let error = run_with("8080 localhost 5000", &[("PASO_TICKET", "paso1secret".into())]).unwrap_err();
    assert!(error.contains("variable PASO_TICKET: the ticket") && !error.contains("secret"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_named_and_not_passed_over() {
    use std::os::unix::ffi::OsStringExt;
    let value = OsString::from_vec(vec![0xff, 0xfe, b'p']);
    let error = run_with("8080 localhost 5000", &[("PASO_TICKET", value)]).unwrap_err();
    assert!(error.contains("PASO_TICKET") && error.contains("UTF-8"), "{error}");
}

#[test]
fn options_of_the_other_link_are_refused() {
    for line in [
        "8080 localhost 5000 --payload 100",
        "--classic 8080 localhost 5000 --streams 5",
        "--classic -L 1:a:1 localhost 5000",
        "--classic 8080 localhost 5000 --ticket-file x",
    ] {
        let error = run(line).unwrap_err();
        assert!(error.contains("--classic"), "{line}: {error}");
    }
}

#[test]
fn a_mistake_is_named_with_its_argument() {
    let names = |line: &str, argument: &str, what: &str| {
        let error = run(line).unwrap_err();
        assert!(error.contains(argument) && error.contains(what), "{line}: {error}");
    };
    names("80800 localhost 5000", "[ADDR:]PORT", "'80800' is not a port");
    names("--when-down never 8080 localhost 5000", "--when-down", "'never' is not 'wait', 'refuse'");
    names("--classic --id-rest 5 8080 localhost 5000", "--id-rest", "'5' is not a time");
}

#[test]
fn how_much_is_logged_is_no_option_of_the_link() {
    let help = Cli::command().render_help().to_string();
    let (general, link) = help.split_once("Classic link:").unwrap();
    assert!(general.contains("--quiet") && !link.contains("--quiet"), "{help}");
}

#[test]
fn the_command_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn the_example_of_the_page_is_a_configuration_file() {
    let page = include_str!("../../../../docs/configuration.md");
    let (_, example) = page.split_once("```toml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let path = std::env::temp_dir().join(format!("paso-example-{}.toml", std::process::id()));
    std::fs::write(&path, example).unwrap();
    let said = planner(&format!("--config {}", path.display()), &[]).read();
    std::fs::remove_file(&path).unwrap();
    let printed = said.unwrap().to_toml();
    for words in ["name = \"home\"", "name = \"office\"", "\"8080:web:80\"", "streams = 500", "verbose = 1"] {
        assert!(printed.contains(words), "`{words}` is not in:\n{printed}");
    }
}
