//! What can be said of the image without a Docker engine: what its recipe copies is there, and what it starts are programs and options
//! that exist. That it builds is not said here.

use std::path::Path;

use super::*;

fn lines(file: &str) -> Vec<String> {
    let text = fs::read_to_string(here().join("docker").join(file)).unwrap();
    // An instruction may go on in the next line.
    let whole = text.replace("\\\n", " ");
    whole.lines().map(str::trim).filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

/// The text after the first instruction of that name.
fn instruction(name: &str) -> String {
    let found =
        lines("Dockerfile").into_iter().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()));
    found.unwrap_or_else(|| panic!("the Dockerfile has no {name}"))
}

/// The words of a list as JSON and YAML have it.
fn list(text: &str) -> Vec<String> {
    let inner = text.trim().strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let inner = inner.unwrap_or_else(|| panic!("'{text}' is no list"));
    inner.split(", ").map(|word| word.trim_matches('"').to_owned()).collect()
}

/// What the value of a key is in `compose.yaml`, wherever it stands.
fn composed(key: &str) -> Vec<String> {
    let key = format!("{key}: ");
    lines("compose.yaml").iter().filter_map(|line| Some(line.strip_prefix(&key)?.to_owned())).collect()
}

fn root() -> &'static Path {
    here().parent().unwrap()
}

/// The folders and files that the build stage makes for the image.
fn made_in_image() -> String {
    instruction("RUN --mount")
}

#[test]
fn the_image_has_the_programs_that_the_build_makes() {
    let manifest = fs::read_to_string(root().join("programs/Cargo.toml")).unwrap();
    let run = made_in_image();
    assert!(run.contains("-p paso-programs") && manifest.contains("name = \"paso-programs\""), "{run}");
    let copied: Vec<_> = run.split(' ').filter_map(|word| word.strip_prefix("target/release/")).collect();
    let programs = programs::commands().map(|command| command.get_name().to_owned());
    assert_eq!(copied, programs, "all programs, and no other");
    for program in copied {
        assert!(manifest.contains(&format!("[[bin]]\nname = \"{program}\"")), "{program} is no program");
    }
    assert!(run.contains("/image/usr/bin/ "), "{run}");
    let [entry] = <[String; 1]>::try_from(list(&instruction("ENTRYPOINT"))).unwrap();
    assert_eq!(entry, "/usr/bin/paso");
    let build = fs::read_to_string(root().join("programs/build.rs")).unwrap();
    assert!(build.contains("PASO_COMMIT"), "the commit comes from outside, as .git is left out");
}

#[test]
fn what_is_copied_is_there() {
    let run = made_in_image();
    for copy in lines("Dockerfile").iter().filter_map(|line| line.strip_prefix("COPY ")) {
        let words: Vec<_> = copy.split(' ').collect();
        let [options @ .., from, to] = &words[..] else { panic!("{copy}") };
        if options.contains(&"--from=build") {
            assert_eq!(from.strip_prefix("/image"), Some(*to), "{copy}");
            assert!(run.contains(from), "{copy}: nothing makes it");
        } else {
            assert!(root().join(from).exists(), "{copy}");
        }
    }
    // What is left out of it is nothing that the build needs.
    for line in lines("Dockerfile.dockerignore").iter().filter(|line| !line.is_empty()) {
        let Some(tracked) = run_git(&["ls-files", "--", line]) else { return };
        assert_eq!(tracked, "", "{line} is left out");
    }
}

fn run_git(words: &[&str]) -> Option<String> {
    let folder = root().display().to_string();
    let output = run("git", &[&["-C", &folder], words].concat())?;
    // A package of the source has no repository.
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn its_user_owns_the_place_where_the_programs_keep_things() {
    let (run, volume, user) = (made_in_image(), instruction("VOLUME"), instruction("USER"));
    assert_eq!(instruction("ENV"), format!("XDG_STATE_HOME={}", volume.strip_suffix("/paso").unwrap()));
    assert!(run.contains(&format!("'paso:x:{user}:Paso:{volume}:")), "{run}");
    assert!(
        lines("Dockerfile").contains(&format!("COPY --from=build --chown={user} /image{volume} {volume}"))
    );
    assert!(run.contains(&format!("chmod 700 /image{volume}")), "{run}");
    let mounted = composed("volumes").concat();
    assert!(mounted.contains(&format!(":{volume}\"")), "{mounted}");
}

#[test]
fn what_is_started_exists() {
    let [paso, ..] = programs::commands();
    let parse = |words: &[String]| {
        let words = ["paso".to_owned()].into_iter().chain(words.iter().cloned());
        paso.clone().try_get_matches_from(words).map(drop)
    };
    let commands: Vec<_> = composed("command").iter().map(|command| list(command)).collect();
    assert_eq!(commands.len(), 2, "{commands:?}");
    for command in commands {
        parse(&command).unwrap_or_else(|error| panic!("{command:?}: {error}"));
    }
    let help = parse(&list(&instruction("CMD"))).unwrap_err();
    assert_eq!(help.kind(), clap::error::ErrorKind::DisplayHelp);
    // What its first lines advise.
    let advised = fs::read_to_string(here().join("docker/compose.yaml")).unwrap();
    let ticket = advised.split("exec exit paso ").nth(1).and_then(|rest| rest.lines().next()).unwrap();
    parse(&ticket.split(' ').map(str::to_owned).collect::<Vec<_>>()).unwrap();
    assert!(parse(&["out".into(), "--no-such".into()]).is_err(), "and what does not exist is told from it");
}
