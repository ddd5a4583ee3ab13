//! Who could put another key in place: the whole path is looked at, as OpenSSH's `StrictModes` does.
#![cfg(unix)]

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::process::Command;

use super::*;

/// A user, and a group, that is neither this one nor root.
const NOBODY: u32 = 65_534;

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// Gives a file away; false, aloud, where the test may not.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn give_away(path: &Path) -> bool {
    let given = std::os::unix::fs::lchown(path, Some(NOBODY), None);
    if given.is_err() {
        eprintln!("skipped: only root can give files away");
    }
    given.is_ok()
}

#[track_caller]
fn is_open(state: &StateDir, path: &Path) {
    for error in [state.server().map(drop).unwrap_err(), state.local_ticket().map(drop).unwrap_err()] {
        let (StateError::Open { path: named, .. } | StateError::OpenToGroup { path: named, .. }) = &error
        else {
            panic!("{error}")
        };
        assert_eq!(named, path);
    }
}

#[track_caller]
fn is_foreign(state: &StateDir, path: &Path) {
    for error in [state.server().map(drop).unwrap_err(), state.local_ticket().map(drop).unwrap_err()] {
        let named = matches!(&error, StateError::Foreign { path: named, owner: NOBODY, .. } if named == path);
        assert!(named, "{error}");
    }
}

#[test]
fn a_folder_above_that_others_can_write_to_is_refused() {
    let folder = Temporary::new();
    let state = StateDir::locate(Some(folder.0.join("a/b/state"))).unwrap();
    drop(state.server().unwrap());
    for mode in [0o777, 0o702, 0o1777] {
        let above = folder.0.join("a");
        set_mode(&above, mode);
        // The sticky bit makes a folder safe if it is root's.
        if mode & 0o1000 == 0 || above.metadata().unwrap().uid() != 0 {
            is_open(&state, &above);
        } else {
            state.local_ticket().unwrap();
        }
        set_mode(&above, 0o700);
    }
    set_mode(state.path(), 0o1777);
    is_open(&state, state.path());
}

#[test]
fn a_folder_that_a_group_can_write_to_is_refused_unless_nobody_else_is_in_it() {
    let folder = Temporary::new();
    let state = StateDir::locate(Some(folder.0.join("a/state"))).unwrap();
    drop(state.server().unwrap());
    let above = folder.0.join("a");
    for path in [above.as_path(), state.path()] {
        // Which it is on this machine is not known here.
        set_mode(path, 0o770);
        match state.local_ticket() {
            Ok(_) => {}
            Err(error) => assert!(error.to_string().contains("chmod g-w"), "{error}"),
        }
        if chown(path, None, Some(NOBODY)).is_ok() {
            is_open(&state, path);
        }
        set_mode(path, 0o700);
    }
}

/// Where a list gives others rights, the bits of the group are the most that any of them has.
#[cfg(target_os = "linux")]
#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn a_folder_that_a_list_lets_others_write_to_is_refused_whoever_is_in_its_group() {
    use rustix::fs::{XattrFlags, setxattr};
    /// Tag, rights and number of each entry: owner, the user nobody, group, mask, others.
    const ENTRIES: [(u16, u16, u32); 5] =
        [(1, 7, u32::MAX), (2, 7, NOBODY), (4, 7, u32::MAX), (0x10, 7, u32::MAX), (0x20, 0, u32::MAX)];
    let folder = Temporary::new();
    let state = folder.state();
    drop(state.server().unwrap());
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, rights, number) in ENTRIES {
        list.extend(tag.to_le_bytes().into_iter().chain(rights.to_le_bytes()).chain(number.to_le_bytes()));
    }
    match setxattr(&folder.0, "system.posix_acl_access", &list, XattrFlags::empty()) {
        Ok(()) => is_open(&state, &folder.0),
        Err(error) => eprintln!("skipped: no access control lists here: {error}"),
    }
}

#[test]
fn what_belongs_to_another_user_is_refused() {
    let folder = Temporary::new();
    let state = StateDir::locate(Some(folder.0.join("a/state"))).unwrap();
    drop(state.server().unwrap());
    let local = state.path().join(LOCAL_TICKET_FILE);
    for path in [
        folder.0.join("a"),
        state.path().into(),
        state.path().join(KEY_FILE),
        state.path().join(TICKETS_FILE),
    ] {
        if !give_away(&path) {
            return;
        }
        is_foreign(&state, &path);
        chown(&path, Some(0), None).unwrap();
    }
    assert!(give_away(&local));
    assert!(matches!(state.local_ticket().unwrap_err(), StateError::Foreign { .. }));
}

#[test]
fn a_symbolic_link_leads_to_what_is_looked_at_and_is_looked_at_itself() {
    let folder = Temporary::new();
    let (real, link) = (folder.0.join("real"), folder.0.join("link"));
    os::make_folder(&real).unwrap();
    symlink("./../".to_owned() + folder.0.file_name().unwrap().to_str().unwrap() + "/real", &link).unwrap();
    let state = StateDir::locate(Some(link.join("state"))).unwrap();
    drop(state.server().unwrap());
    set_mode(&real, 0o777);
    is_open(&state, &real);
    set_mode(&real, 0o700);
    if give_away(&link) {
        is_foreign(&state, &link);
    }
    let around = folder.0.join("around");
    symlink(&around, &around).unwrap();
    let error = StateDir::locate(Some(around)).unwrap().server().unwrap_err();
    assert!(matches!(error, StateError::Io { .. }), "{error}");
}

#[test]
fn a_pipe_a_device_or_a_link_in_the_place_of_a_file_is_refused_and_nobody_waits() {
    let folder = Temporary::new();
    let state = folder.state();
    drop(state.server().unwrap());
    for file in [KEY_FILE, TICKETS_FILE] {
        let path = state.path().join(file);
        let aside = folder.0.join("aside");
        std::fs::rename(&path, &aside).unwrap();
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let error = state.server().unwrap_err();
        assert!(matches!(error, StateError::NoFile { .. }), "{error}");
        std::fs::remove_file(&path).unwrap();
        for target in [Path::new("/dev/zero"), &aside] {
            symlink(target, &path).unwrap();
            let error = state.server().unwrap_err();
            assert!(matches!(error, StateError::NoFile { .. }), "{error}");
            std::fs::remove_file(&path).unwrap();
        }
        std::fs::rename(&aside, &path).unwrap();
    }
    state.server().unwrap();
}

/// The umask belongs to the process, so another process makes the folders.
#[test]
fn folders_are_for_their_owner_alone_whatever_the_umask_is() {
    const FOLDER: &str = "PASO_TEST_UMASK_FOLDER";
    if let Some(path) = env::var_os(FOLDER) {
        drop(StateDir::locate(Some(path.into())).unwrap().server().unwrap());
        return;
    }
    let folder = Temporary::new();
    let (above, state) = (folder.0.join("a"), folder.0.join("a/b/state"));
    let this = "state::tests::paths::folders_are_for_their_owner_alone_whatever_the_umask_is";
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", r#"umask 0; exec "$0" --exact "$1""#]).arg(env::current_exe().unwrap()).arg(this);
    assert!(shell.env(FOLDER, &state).output().unwrap().status.success());
    let mode = |path: &Path| path.metadata().unwrap().mode() & 0o777;
    for path in [&above, &folder.0.join("a/b"), &state, &state.join("running")] {
        assert_eq!(mode(path), 0o700, "{}", path.display());
    }
    for path in [KEY_FILE, TICKETS_FILE, LOCAL_TICKET_FILE, "tickets.lock"] {
        assert_eq!(mode(&state.join(path)), 0o600, "{path}");
    }
}
