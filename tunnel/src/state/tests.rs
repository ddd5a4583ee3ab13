use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// A folder that is deleted with the value.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("paso-state-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn state(&self) -> StateDir {
        StateDir::locate(Some(self.0.join("state"))).unwrap()
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
    assert_eq!(*ticket.acceptor(), first.key.public());
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
    for file in [KEY_FILE, TICKETS_FILE] {
        let path = state.path().join(file);
        assert_eq!(mode(&path), 0o600, "{file}");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        let error = state.server().unwrap_err().to_string();
        assert!(error.contains("chmod 600") && error.contains(file), "{error}");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    }
    std::fs::set_permissions(state.path(), PermissionsExt::from_mode(0o777)).unwrap();
    assert!(state.server().unwrap_err().to_string().contains("chmod 700"));
}

#[test]
fn tickets_are_added_shown_and_revoked_by_name() {
    let folder = Temporary::new();
    let state = folder.state();
    let key = state.server().unwrap().key;
    let ticket = state.add_ticket(&key, name("laptop")).unwrap();
    assert!(matches!(state.add_ticket(&key, name("laptop")), Err(StateError::NameTaken(_))));
    assert_eq!(state.show_ticket(&name("laptop")).unwrap(), ticket);
    assert!(matches!(state.show_ticket(&name("phone")), Err(StateError::NoSuchName(_))));
    assert!(matches!(state.revoke_ticket(&name("phone")), Err(StateError::NoSuchName(_))));
    state.revoke_ticket(&name("laptop")).unwrap();
    state.revoke_ticket(&name("laptop")).unwrap();
    assert!(matches!(state.show_ticket(&name("laptop")), Err(StateError::Revoked(_))));
    let text = std::fs::read_to_string(state.path().join(TICKETS_FILE)).unwrap();
    assert!(!text.contains(ticket.to_text().as_str()), "its secret must be gone");
}

#[test]
fn the_local_ticket_is_the_first_valid_one() {
    let folder = Temporary::new();
    let state = folder.state();
    assert!(matches!(state.local_ticket(), Err(StateError::NoTicket { .. })));
    let key = state.server().unwrap().key;
    let second = state.add_ticket(&key, name("second")).unwrap();
    state.revoke_ticket(&name(FIRST_TICKET)).unwrap();
    assert_eq!(state.local_ticket().unwrap(), second);
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
    assert_eq!(*state.local_ticket().unwrap().acceptor(), new.key.public());
    let aside = std::fs::read_to_string(state.path().join("tickets.old")).unwrap();
    assert_eq!(aside, *to_text(&old.tickets));
    // And as when only the list was put back.
    let lines =
        [&*to_text(&old.tickets), "\n", &to_text(&new.tickets).replace(FIRST_TICKET, "second")].concat();
    let list = state.path().join(TICKETS_FILE);
    std::fs::remove_file(&list).unwrap();
    files::create_secret(&list, &lines).unwrap();
    assert_eq!(*state.local_ticket().unwrap().acceptor(), new.key.public());
}

#[test]
fn what_is_no_folder_or_no_text_is_named() {
    let folder = Temporary::new();
    let file = folder.0.join("file");
    files::create_secret(&file, "").unwrap();
    std::fs::write(&file, [0xff, 0xfe]).unwrap();
    let error = StateDir::locate(Some(file.clone())).unwrap().server().unwrap_err();
    assert!(matches!(error, StateError::NoFolder { .. }), "{error}");
    let error = ticket_from_file(&file).unwrap_err();
    assert!(matches!(error, StateError::NoText { .. }), "{error}");
    let error = folder.state().all_tickets().unwrap_err();
    assert!(matches!(error, StateError::NoTickets { .. }), "{error}");
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
    let replace = |file: &str, text: &str| {
        let path = state.path().join(file);
        std::fs::remove_file(&path).unwrap();
        files::create_secret(&path, text).unwrap();
    };
    let line = to_text(&state.tickets().unwrap());
    replace(TICKETS_FILE, &format!("{}\nlaptop valid paso1aaaa\n", line.as_str()));
    let error = state.server().unwrap_err().to_string();
    assert!(error.contains("line 3") && error.contains("cut"), "{error}");
    replace(TICKETS_FILE, &line);
    replace(KEY_FILE, &server_key_to_text(&key)[..20]);
    assert!(state.server().unwrap_err().to_string().contains("holds no key"));
}

#[test]
fn a_change_that_is_under_way_is_waited_for_and_named() {
    let folder = Temporary::new();
    let state = folder.state();
    state.server().unwrap();
    let held = files::Replacement::begin(&state.path().join(TICKETS_FILE)).unwrap();
    let error = state.revoke_ticket(&name(FIRST_TICKET)).unwrap_err().to_string();
    assert!(error.contains("another program"), "{error}");
    drop(held);
    state.revoke_ticket(&name(FIRST_TICKET)).unwrap();
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

#[tokio::test]
async fn a_running_proxy2_notices_a_change() {
    let folder = Temporary::new();
    let state = folder.state();
    let tickets = state.server().unwrap().tickets;
    let (sender, mut receiver) = tokio::sync::watch::channel(tickets);
    let task = tokio::spawn(watch_tickets(state.clone(), sender));
    state.revoke_ticket(&name(FIRST_TICKET)).unwrap();
    let revoked = |records: &Vec<TicketRecord>| matches!(records[0].standing, Standing::Revoked(_));
    receiver.wait_for(revoked).await.unwrap();
    drop(receiver);
    task.await.unwrap();
}
