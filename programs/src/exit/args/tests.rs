use clap::CommandFactory;
use tunnel::address::Listen;
use tunnel::settings::{Allow, ClassicExit, ProxySettings, Rule, ServerSettings, StateSource};

use super::*;
use crate::exit::plan;

fn run(line: &str) -> Result<ProxySettings, String> {
    run_with(line, &[])
}

fn run_with(line: &str, variables: &[(&str, &str)]) -> Result<ProxySettings, String> {
    let words = std::iter::once("proxy2").chain(line.split_whitespace()).map(OsString::from);
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).into()));
    let said = plan::read(&sources(words.collect(), variables.collect()));
    said.and_then(plan::Said::plan).map(|plan| plan.settings).map_err(|error| error.to_string())
}

fn server(line: &str) -> ServerSettings {
    let settings = run(line).unwrap();
    let ProxySettings::Server(server) = settings else { panic!("{settings:?}") };
    server
}

#[test]
fn three_words_and_the_mode_are_enough() {
    let settings = run("--classic 8080 localhost 5000").unwrap();
    let ProxySettings::ClassicExit(ClassicExit { listen, target, options: classic }) = settings else {
        panic!("{settings:?}")
    };
    assert_eq!(listen, Listen::loopback(8080));
    assert_eq!(target.to_string(), "localhost:5000");
    let default = tunnel::settings::Classic::default();
    assert_eq!(classic.table, default.table, "the help must show the real defaults");
    assert_eq!(format!("{classic:?}"), format!("{default:?}"), "the help must show the real defaults");
}

#[test]
fn the_sealed_link_is_the_default() {
    let server = server("8080 localhost 5000");
    let target = HostPort { host: "localhost".parse().unwrap(), port: 5_000 };
    let state = StateSource::Folder(None);
    let default = ServerSettings::new(Listen::loopback(8_080), state, Allow::only(target));
    assert_eq!(format!("{server:?}"), format!("{default:?}"), "the help must show the real defaults");
}

#[test]
fn ports_may_be_several() {
    let ports = |line: &str| server(line).also_ports;
    assert_eq!(ports("0.0.0.0:5000,443 --also-port 53,123 localhost 80"), [443, 53, 123]);
    assert_eq!(ports("5000 --also-port 53 --also-port 123 localhost 80"), [53, 123]);
    for (line, named) in [
        ("5000,443 --also-port 443 localhost 80", "443 is given twice"),
        ("5000,x localhost 80", "'x' is not a port"),
        ("5000 --also-port 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16 localhost 80", "at most 15"),
        ("--classic 5000,443 localhost 80", "one PORT"),
        ("--classic 5000 --also-port 443 localhost 80", "--classic"),
    ] {
        let error = run(line).unwrap_err();
        assert!(error.contains(named), "{line}: {error}");
    }
}

#[test]
fn rules_for_all_tickets_take_the_place_of_the_target() {
    let rules =
        |line: &str| -> Vec<String> { server(line).allow.rules.iter().map(Rule::to_string).collect() };
    assert_eq!(rules("8080 localhost 80"), ["dial:target"]);
    assert_eq!(rules("--allow dial:*:443 --allow use:* 8080 localhost 80"), ["dial:*:443", "use:*"]);
    let error = run("--allow dial:db 8080 localhost 80").unwrap_err();
    assert!(error.contains("--allow") && error.contains("'db' has no ports"), "{error}");
    assert!(run("--classic --allow use:x 8080 localhost 80").unwrap_err().contains("--classic"));
}

#[test]
fn handshakes_are_what_the_machine_can_do_unless_said_otherwise() {
    let handshakes = |line: &str| server(line).handshakes_per_second;
    assert_eq!(handshakes("8080 localhost 80"), None);
    assert_eq!(handshakes("--handshakes 7 8080 localhost 80"), Some(7));
}

#[test]
fn options_of_the_other_link_are_refused() {
    for line in ["8080 localhost 5000 --peers 100", "--classic 8080 localhost 5000 --links 5"] {
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
    names("80800 localhost 80", "[ADDR:]PORT", "'80800' is not a port");
    names("8080 localhost 0", "'PORT'", "'0' is not a port that can be reached");
    names("8080 local/host 80", "'HOST'", "'local/host' is not a host");
    names("8080 localhost:80 80", "'HOST'", "two words");
    names("8080 localhost", "PORT", "is missing: write localhost PORT");
    names("--classic --peers 0 8080 localhost 80", "--peers", "from 1");
    names("--links 0 8080 localhost 80", "--links", "from 1");
    names("--handshakes 0 8080 localhost 80", "--handshakes", "from 1");
    names("--handshakes many 8080 localhost 80", "--handshakes", "from 1");
    names("--dial-timeout 0s 8080 localhost 80", "--dial-timeout", "1ms or more");
}

#[test]
fn the_command_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn the_target_is_optional_and_may_be_one_word() {
    let target = |line: &str| server(line).allow.target.map(|target| target.to_string());
    assert_eq!(target("5000"), None);
    assert_eq!(target("5000 web:80"), Some("web:80".into()));
    assert_eq!(target("--listen 5000 --target web:80"), Some("web:80".into()));
    let settings = run_with("5000 web 80", &[("PASO_TARGET", "db:1"), ("PASO_ALLOW", "dial:*:443 use:*")]);
    let Ok(ProxySettings::Server(server)) = settings else { panic!("{settings:?}") };
    assert_eq!(server.allow.target.unwrap().to_string(), "web:80");
    assert_eq!(server.allow.rules.iter().count(), 2);
    for (line, named) in [
        ("5000 web 80 --target db:1", "--target says what the words say too"),
        ("", "[ADDR:]PORT"),
        ("--classic 5000", "HOST and PORT"),
        ("5000 -L 8080:web:80", "published name"),
        ("5000 -L 8080:@a -L 8080:@b", "on one address"),
    ] {
        let error = run(line).unwrap_err();
        assert!(error.contains(named), "{line}: {error}");
    }
}
