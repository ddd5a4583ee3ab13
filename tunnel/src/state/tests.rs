use std::sync::atomic::{AtomicU32, Ordering};

use std::time::Duration;

use super::tickets::to_text;
use super::*;

mod given;
mod paths;
mod running;

/// A folder that is deleted with the value.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("paso-state-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = env::temp_dir().join(name);
        os::make_folder(&path).unwrap();
        Self(path)
    }

    fn state(&self) -> StateDir {
        StateDir::locate(Some(self.0.join("state"))).unwrap()
    }

    /// Puts another text into a file of the state.
    fn replace(&self, file: &str, text: &str) {
        let path = self.0.join("state").join(file);
        std::fs::remove_file(&path).unwrap();
        files::create_secret(&path, text).unwrap();
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn name(text: &str) -> TicketName {
    text.parse().unwrap()
}

#[test]
fn the_first_start_makes_a_key_and_a_ticket_and_the_second_finds_them() {
    let folder = Temporary::new();
    let first = folder.state().server().unwrap();
    assert!(first.is_new);
    let ticket = folder.state().local_ticket().unwrap();
    assert_eq!(*ticket.server_key(), first.key.public());
    let second = folder.state().server().unwrap();
    assert!(!second.is_new);
    assert_eq!(second.key.public(), first.key.public());
    assert_eq!(second.tickets, first.tickets);
    assert_eq!(second.tickets[0].name.as_str(), FIRST_TICKET);
}

#[cfg(unix)]
#[test]
fn secrets_are_for_their_owner_alone() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let folder = Temporary::new();
    let state = folder.state();
    state.server().unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(state.path()), 0o700);
    for file in [KEY_FILE, TICKETS_FILE, LOCAL_TICKET_FILE] {
        let path = state.path().join(file);
        assert_eq!(mode(&path), 0o600, "{file}");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        let error = state.local_ticket().unwrap_err().to_string();
        assert!(error.contains("chmod 600") && error.contains(file), "{error}");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    }
    std::fs::set_permissions(state.path(), PermissionsExt::from_mode(0o777)).unwrap();
    assert!(state.server().unwrap_err().to_string().contains("chmod go-w"));
}

#[test]
fn tickets_are_added_found_and_revoked_by_name() {
    let folder = Temporary::new();
    let state = folder.state();
    drop(state.server().unwrap());
    let ticket = state.add_ticket(name("laptop"), Places::default()).unwrap();
    assert!(matches!(state.add_ticket(name("laptop"), Places::default()), Err(StateError::NameTaken(_))));
    let record = state.find_ticket(&name("laptop")).unwrap();
    assert!(record.is_valid() && record.client == ticket.client() && record.made.is_some());
    assert!(matches!(state.find_ticket(&name("phone")), Err(StateError::NoSuchName(_))));
    assert!(matches!(state.revoke_ticket(&name("phone")), Err(StateError::NoSuchName(_))));
    state.revoke_ticket(&name("laptop")).unwrap();
    state.revoke_ticket(&name("laptop")).unwrap();
    assert!(!state.find_ticket(&name("laptop")).unwrap().is_valid());
    assert!(matches!(state.add_ticket(name("laptop"), Places::default()), Err(StateError::NameRevoked(_))));
}

/// Whoever steals the folder is not every client.
#[test]
fn no_private_key_of_a_client_is_kept_but_the_local_one() {
    let folder = Temporary::new();
    let state = folder.state();
    drop(state.server().unwrap());
    let ticket = state.add_ticket(name("laptop"), Places::default()).unwrap();
    let secret = ticket.to_text();
    for entry in std::fs::read_dir(state.path()).unwrap().flatten().filter(|entry| entry.path().is_file()) {
        let text = std::fs::read_to_string(entry.path()).unwrap();
        assert!(!text.contains(&secret[60..100]), "{:?}", entry.path());
    }
    assert!(state.local_ticket().is_ok());
}

#[test]
fn a_ticket_goes_to_a_file_that_is_new() {
    let folder = Temporary::new();
    let state = folder.state();
    drop(state.server().unwrap());
    let file = folder.0.join("laptop.ticket");
    state.add_ticket_to_file(name("laptop"), Places::default(), &file).unwrap();
    let ticket = ticket_from_file(&file).unwrap();
    assert_eq!(ticket.client(), state.find_ticket(&name("laptop")).unwrap().client);
    let error = state.add_ticket_to_file(name("desk"), Places::default(), &file).unwrap_err();
    assert!(matches!(error, StateError::Io { .. }), "{error}");
    assert!(matches!(state.find_ticket(&name("desk")), Err(StateError::NoSuchName(_))));
    let other = folder.0.join("other.ticket");
    assert!(matches!(
        state.add_ticket_to_file(name("laptop"), Places::default(), &other),
        Err(StateError::NameTaken(_))
    ));
    assert!(!other.exists());
}

/// Whoever reads the folder learns nothing more than before.
#[test]
fn places_go_into_the_ticket_alone() {
    let folder = Temporary::new();
    let state = folder.state();
    drop(state.server().unwrap());
    let places: Places = "exit.example:5000,443 192.0.2.1:53".parse().unwrap();
    let ticket = state.add_ticket(name("laptop"), places.clone()).unwrap();
    assert_eq!(ticket.places(), places.as_slice());
    let file = folder.0.join("desk.ticket");
    state.add_ticket_to_file(name("desk"), places.clone(), &file).unwrap();
    assert_eq!(ticket_from_file(&file).unwrap().places(), places.as_slice());
    assert_eq!(state.local_ticket().unwrap().places(), []);
    let record = state.find_ticket(&name("laptop")).unwrap();
    assert_eq!(record, TicketRecord::new(name("laptop"), &ticket.at(Places::default()), record.made));
}

#[test]
fn the_local_ticket_goes_when_it_is_revoked() {
    let folder = Temporary::new();
    let state = folder.state();
    assert!(matches!(state.local_ticket(), Err(StateError::NoTicket { .. })));
    drop(state.server().unwrap());
    assert!(state.local_ticket().is_ok());
    state.revoke_ticket(&name(FIRST_TICKET)).unwrap();
    assert!(matches!(state.local_ticket(), Err(StateError::NoTicket { .. })));
    let file = state.path().join(LOCAL_TICKET_FILE);
    assert!(!file.exists());
    state.add_ticket_to_file(name("second"), Places::default(), &file).unwrap();
    assert!(state.local_ticket().is_ok(), "another takes its place");
}

#[test]
fn commands_in_a_folder_without_a_key_make_nothing() {
    let folder = Temporary::new();
    let state = folder.state();
    let laptop = || name("laptop");
    for error in [
        state.add_ticket(laptop(), Places::default()).map(drop).unwrap_err(),
        state.all_tickets().map(drop).unwrap_err(),
        state.find_ticket(&laptop()).map(drop).unwrap_err(),
        state.revoke_ticket(&laptop()).unwrap_err(),
        state.convert().map(drop).unwrap_err(),
    ] {
        assert!(matches!(error, StateError::NoKey { .. }), "{error}");
    }
    assert!(!state.path().exists());
}

/// The files that the project's developers have.
#[test]
fn a_file_of_the_first_form_is_read_and_converted_and_no_ticket_is_lost() {
    let folder = Temporary::new();
    let state = folder.state();
    let key = state.server().unwrap().key;
    std::fs::remove_file(state.path().join(LOCAL_TICKET_FILE)).unwrap();
    let ticket = || Ticket::generate(key.public(), true, &mut entropy::random());
    let (first, laptop) = (ticket(), ticket());
    let text = format!("default valid {}\nlaptop valid {}\n", *first.to_text(), *laptop.to_text());
    folder.replace(TICKETS_FILE, &text);
    assert_eq!(state.local_ticket().unwrap(), first, "before");
    let before = state.tickets().unwrap();
    assert!(state.convert().unwrap() && !state.convert().unwrap());
    assert_eq!(state.tickets().unwrap(), before);
    assert_eq!(state.local_ticket().unwrap(), first, "after");
    let text = std::fs::read_to_string(state.path().join(TICKETS_FILE)).unwrap();
    assert!(!text.contains("paso1"), "{text}");

    folder.replace(TICKETS_FILE, &format!("default valid {}\n", *first.to_text()));
    state.revoke_ticket(&name("default")).unwrap();
    assert!(matches!(state.local_ticket(), Err(StateError::NoTicket { .. })), "any change converts");
}

#[test]
fn a_missing_tickets_file_is_not_an_empty_one() {
    let folder = Temporary::new();
    let state = folder.state();
    drop(state.server().unwrap());
    std::fs::remove_file(state.path().join(TICKETS_FILE)).unwrap();
    assert!(matches!(
        state.add_ticket(name("laptop"), Places::default()),
        Err(StateError::NoTicketsFile { .. })
    ));
    assert!(matches!(state.local_ticket(), Err(StateError::NoTicketsFile { .. })));
    assert!(state.server().unwrap().tickets.is_empty(), "a start begins anew");
    state.add_ticket(name("laptop"), Places::default()).unwrap();
}

/// As when the key file was lost.
#[test]
fn tickets_of_another_key_are_put_aside() {
    let folder = Temporary::new();
    let state = folder.state();
    let old = state.server().unwrap();
    std::fs::remove_file(state.path().join(KEY_FILE)).unwrap();
    assert!(matches!(state.local_ticket(), Err(StateError::NoTicket { .. })));
    let new = state.server().unwrap();
    assert!(new.is_new && new.key.public() != old.key.public());
    assert_eq!(*state.local_ticket().unwrap().server_key(), new.key.public());
    let aside = |name: &str| std::fs::read_to_string(state.path().join(name)).unwrap();
    assert_eq!(aside("tickets.old"), *to_text(&old.tickets));
    std::fs::remove_file(state.path().join(KEY_FILE)).unwrap();
    drop(state.server().unwrap());
    assert_eq!(aside("tickets.old"), *to_text(&old.tickets), "none is overwritten");
    assert_eq!(aside("tickets.old2"), *to_text(&new.tickets));
}

#[test]
fn what_is_no_folder_or_no_text_is_named() {
    let folder = Temporary::new();
    let file = folder.0.join("file");
    files::create_secret(&file, "").unwrap();
    std::fs::write(&file, [0xc3, 0x28]).unwrap();
    let error = StateDir::locate(Some(file.clone())).unwrap().server().unwrap_err();
    assert!(matches!(error, StateError::NoFolder { .. }), "{error}");
    let error = ticket_from_file(&file).unwrap_err();
    assert!(matches!(error, StateError::NoText { .. }), "{error}");
}

#[test]
fn commands_name_the_folder_only_if_the_user_did() {
    assert_eq!(StateDir { path: "/var/lib/paso".into(), given: false }.option(), "");
    let given = |path: &str| StateDir::locate(Some(path.into())).unwrap().option();
    assert_eq!(given("/var/lib/paso"), " --state /var/lib/paso");
    assert_eq!(given("/home/a b/it's"), r" --state '/home/a b/it'\''s'");
    assert!(given("here").ends_with("/here") && given("here").starts_with(" --state /"));
}

#[test]
fn damage_is_named() {
    let folder = Temporary::new();
    let state = folder.state();
    let key = state.server().unwrap().key;
    let lines = to_text(&state.tickets().unwrap());
    folder.replace(TICKETS_FILE, &format!("{}\nlaptop valid paso1aaaa\n", lines.as_str()));
    let error = state.server().unwrap_err().to_string();
    assert!(error.contains("line 3") && error.contains("cut"), "{error}");
    folder.replace(TICKETS_FILE, &lines);
    folder.replace(KEY_FILE, &server_key_to_text(&key)[..20]);
    assert!(state.server().unwrap_err().to_string().contains("holds no key"));
}

#[test]
fn a_change_that_is_under_way_is_waited_for_and_named() {
    let folder = Temporary::new();
    let state = folder.state();
    drop(state.server().unwrap());
    let held = Change::begin(state.path()).unwrap();
    let error = state.revoke_ticket(&name(FIRST_TICKET)).unwrap_err().to_string();
    assert!(error.contains("another program"), "{error}");
    drop(held);
    state.revoke_ticket(&name(FIRST_TICKET)).unwrap();
}

/// As after a crash.
#[test]
fn what_a_killed_program_left_is_in_nobodys_way() {
    let folder = Temporary::new();
    let state = folder.state();
    drop(state.server().unwrap());
    for left in ["tickets.new", "0123456789abcdef.new"] {
        std::fs::write(state.path().join(left), "half a tick").unwrap();
    }
    state.revoke_ticket(&name(FIRST_TICKET)).unwrap();
    assert!(!state.path().join("tickets.new").exists());
    assert!(!state.path().join("0123456789abcdef.new").exists());
}

#[test]
fn a_ticket_file_is_read_whatever_the_line_end() {
    let folder = Temporary::new();
    let state = folder.state();
    state.server().unwrap();
    let ticket = state.local_ticket().unwrap();
    let path = folder.0.join("ticket");
    files::create_secret(&path, &format!("{}\r\n", ticket.to_text().as_str())).unwrap();
    assert_eq!(ticket_from_file(&path).unwrap(), ticket);
    assert!(ticket_from_file(&folder.0.join("none")).unwrap_err().to_string().contains("none"));
}
