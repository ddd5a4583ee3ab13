//! Which ticket files are taken: none that a stranger could read or replace, whatever their mode is.
#![cfg(unix)]

use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::process::Command;

use super::*;

/// A user, and a group, that is neither this one nor root.
const NOBODY: u32 = 65_534;

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

fn ticket() -> Ticket {
    let key = PrivateKey::generate(&mut entropy::random());
    Ticket::generate(key.public(), true, &mut entropy::random())
}

/// Whether everybody may enter the folder for temporary files; aloud if not. macOS gives each user one that is closed.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn is_public_here() -> bool {
    let whole = env::temp_dir().canonicalize().unwrap();
    let is_public = whole.ancestors().all(|path| path.metadata().unwrap().permissions().mode() & 0o001 != 0);
    if !is_public {
        eprintln!("skipped: strangers cannot come to {}", whole.display());
    }
    is_public
}

/// A folder that everybody may enter, as a home folder or `/etc`, with a ticket in it.
fn public_ticket(mode: u32) -> (Temporary, PathBuf, Ticket) {
    let (folder, ticket) = (Temporary::new(), ticket());
    set_mode(&folder.0, 0o755);
    let path = folder.0.join("ticket");
    files::create_secret(&path, &ticket.to_text()).unwrap();
    set_mode(&path, mode);
    (folder, path, ticket)
}

#[track_caller]
fn is_exposed(path: &Path) {
    let error = ticket_from_file(path).unwrap_err().to_string();
    for words in ["others can read", "chmod 600", "--ticket-file -", path.to_str().unwrap()] {
        assert!(error.contains(words), "`{words}` is not in: {error}");
    }
}

#[track_caller]
fn is_replaceable(path: &Path, named: &Path) {
    let error = ticket_from_file(path).unwrap_err().to_string();
    for words in ["could put another", "--ticket-file -", named.to_str().unwrap()] {
        assert!(error.contains(words), "`{words}` is not in: {error}");
    }
}

#[test]
fn a_file_that_others_can_read_where_they_may_enter_is_refused() {
    if !is_public_here() {
        return;
    }
    for mode in [0o640, 0o604, 0o644, 0o440, 0o444, 0o660, 0o666] {
        let (_folder, path, _) = public_ticket(mode);
        is_exposed(&path);
    }
    for mode in [0o600, 0o400] {
        let (_folder, path, ticket) = public_ticket(mode);
        assert_eq!(ticket_from_file(&path).unwrap(), ticket);
    }
}

#[test]
fn a_file_below_a_folder_that_nobody_else_may_enter_is_taken_whatever_its_mode() {
    if !is_public_here() {
        return;
    }
    let (folder, ticket) = (Temporary::new(), ticket());
    let (closed, open) = (folder.0.join("closed"), folder.0.join("closed/open"));
    os::make_folder(&open).unwrap();
    set_mode(&folder.0, 0o755);
    set_mode(&open, 0o755);
    let path = open.join("ticket");
    files::create_secret(&path, &ticket.to_text()).unwrap();
    for mode in [0o644, 0o440, 0o444] {
        set_mode(&path, mode);
        for of_closed in [0o700, 0o744] {
            set_mode(&closed, of_closed);
            assert_eq!(ticket_from_file(&path).unwrap(), ticket, "{mode:o} {of_closed:o}");
        }
        for of_closed in [0o755, 0o711, 0o701] {
            set_mode(&closed, of_closed);
            is_exposed(&path);
        }
        // A link from a closed folder does not close the way to what it names.
        let link = folder.0.join(format!("link{mode:o}"));
        os::make_folder(&link).unwrap();
        symlink(&path, link.join("ticket")).unwrap();
        is_exposed(&path);
        assert!(ticket_from_file(&link.join("ticket")).is_err());
    }
    set_mode(&closed, 0o710);
    if chown(&closed, None, Some(NOBODY)).is_ok() {
        is_exposed(&path);
    }
}

#[test]
fn a_file_that_others_could_replace_is_refused() {
    let (folder, path, ticket) = public_ticket(0o600);
    for mode in [0o777, 0o757] {
        set_mode(&folder.0, mode);
        is_replaceable(&path, &folder.0);
    }
    set_mode(&folder.0, 0o755);
    let link = folder.0.join("link");
    symlink(&path, &link).unwrap();
    assert_eq!(ticket_from_file(&link).unwrap(), ticket);
    if std::os::unix::fs::lchown(&link, Some(NOBODY), None).is_ok() {
        is_replaceable(&link, &link);
        chown(&path, Some(NOBODY), None).unwrap();
        is_replaceable(&path, &path);
        chown(&path, Some(0), None).unwrap();
        chown(&folder.0, Some(NOBODY), None).unwrap();
        is_replaceable(&path, &folder.0);
    }
}

/// In a folder with the sticky bit, as `/tmp`, others can neither rename nor delete it.
#[test]
fn a_file_in_a_sticky_folder_of_roots_is_taken() {
    let (folder, path, ticket) = public_ticket(0o600);
    set_mode(&folder.0, 0o1777);
    if chown(&folder.0, Some(0), None).is_ok() {
        assert_eq!(ticket_from_file(&path).unwrap(), ticket);
    }
}

#[test]
fn a_named_pipe_or_a_device_is_refused_and_nobody_waits() {
    let folder = Temporary::new();
    let pipe = folder.0.join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in [&pipe, Path::new("/dev/null"), &folder.0] {
        let error = ticket_from_file(path).unwrap_err().to_string();
        assert!(error.contains("regular file") && error.contains("--ticket-file -"), "{error}");
    }
}

/// As a shell's `<(…)`.
#[cfg(target_os = "linux")]
#[test]
fn a_pipe_that_a_shell_hands_over_is_read_to_its_end() {
    use std::io::Write;
    use std::os::fd::AsRawFd;
    let ticket = ticket();
    let (reader, mut writer) = io::pipe().unwrap();
    let path = PathBuf::from(format!("/dev/fd/{}", reader.as_raw_fd()));
    let reading = std::thread::spawn(move || ticket_from_file(&path));
    let text = ticket.to_text();
    let (first, second) = text.split_at(50);
    writer.write_all(first.as_bytes()).unwrap();
    // It has taken the first half, and there is no more yet.
    while rustix::io::ioctl_fionread(&reader).unwrap() > 0 {
        std::thread::yield_now();
    }
    writer.write_all(second.as_bytes()).unwrap();
    drop(writer);
    assert_eq!(reading.join().unwrap().unwrap(), ticket);
}

/// As the here-document of some shells.
#[cfg(target_os = "linux")]
#[test]
fn a_file_without_a_name_is_read() {
    if !is_public_here() {
        return;
    }
    use std::os::fd::AsRawFd;
    let (_folder, path, ticket) = public_ticket(0o644);
    let file = std::fs::File::open(&path).unwrap();
    let named = PathBuf::from(format!("/dev/fd/{}", file.as_raw_fd()));
    is_exposed(&path);
    assert!(ticket_from_file(&named).is_err(), "it has a name that others can open");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(ticket_from_file(&named).unwrap(), ticket);
}

#[test]
fn a_byte_order_mark_of_utf_8_is_skipped_and_one_of_utf_16_is_named() {
    let folder = Temporary::new();
    let ticket = ticket();
    let path = folder.0.join("ticket");
    let text = ticket.to_text();
    files::create_secret(&path, &format!("\u{feff}{}\r\n", *text)).unwrap();
    assert_eq!(ticket_from_file(&path).unwrap(), ticket);
    let little: Vec<u8> =
        format!("\u{feff}{}\r\n", *text).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = format!("\u{feff}{}\r\n", *text).encode_utf16().flat_map(u16::to_be_bytes).collect();
    for bytes in [&little[..], &big, &little[2..], &big[2..]] {
        std::fs::write(&path, bytes).unwrap();
        let error = ticket_from_file(&path).unwrap_err().to_string();
        assert!(error.contains("UTF-16") && error.contains("UTF-8"), "{error}");
    }
}

#[test]
fn one_line_is_read_of_the_standard_input() {
    let line = |input: &[u8]| files::read_line(input).map(|line| line.map(|line| line.as_str().to_owned()));
    assert_eq!(line(b"one\ntwo\n").unwrap().unwrap(), "one");
    assert_eq!(line(b"one\r\n").unwrap().unwrap().trim(), "one");
    assert_eq!(line(b"one").unwrap().unwrap(), "one");
    for blank in [&b""[..], b"\n", b" \r\nticket\n"] {
        assert!(line(blank).unwrap().is_none());
    }
    let mut rest = &b"one\ntwo\n"[..];
    files::read_line(&mut rest).unwrap();
    assert_eq!(rest, b"two\n", "the rest is for others");
    let long = line(&[b'a'; 1 << 20]).unwrap_err();
    assert!(matches!(long, StateError::LongLine { .. }), "{long}");
    let error = line(b"\xff\xfep\0a\0\n\0").unwrap_err().to_string();
    assert!(error.contains("standard input is UTF-16"), "{error}");
}
