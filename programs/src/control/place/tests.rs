use std::fs::File;
use std::os::unix::fs::{chown, symlink};
use std::os::unix::net::UnixListener;

use super::*;

/// A folder that goes with the value.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("paso-place-{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn folder(&self, name: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(&path).unwrap();
        path
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What a process leaves that was killed.
fn stale_socket(folder: &Path) -> PathBuf {
    let path = folder.join("proxy1-1.sock");
    drop(UnixListener::bind(&path).unwrap());
    path
}

#[test]
fn stale_sockets_are_removed_from_own_folders() {
    let all = Temporary::new("own");
    let (folder, link) = (all.folder("real"), all.0.join("link"));
    symlink(&folder, &link).unwrap();
    let stale = stale_socket(&folder);
    let living = folder.join("proxy2-2.sock");
    let _listener = UnixListener::bind(&living).unwrap();
    File::create(folder.join("file.sock")).unwrap();
    assert_eq!(Folder::find(link.clone()), None);
    assert_eq!(sockets_at(&link), [link.join("proxy2-2.sock")]);
    assert!(stale.exists(), "nothing is removed through a link");
    assert_eq!(sockets_at(&folder), std::slice::from_ref(&living));
    assert!(!stale.exists() && living.exists() && folder.join("file.sock").exists());
}

#[test]
fn nothing_of_other_users_is_removed_and_their_folders_are_their_own() {
    /// Some user.
    const OTHER: u32 = 12_345;
    let all = Temporary::new("other");
    let folder = all.folder("run/user/12345/paso");
    let stale = stale_socket(&folder);
    if chown(&folder, Some(OTHER), None).is_err() {
        // Only root can give files away, and only root looks there.
        return;
    }
    assert_eq!(foreign(&all.0), [], "it is not of the user that the folder around it belongs to");
    chown(all.0.join("run/user/12345"), Some(OTHER), None).unwrap();
    let [found] = <[_; 1]>::try_from(foreign(&all.0)).unwrap();
    assert_eq!((&found.path, found.owner), (&folder, OTHER));
    assert_eq!(found.sockets(), Vec::<PathBuf>::new());
    assert!(stale.exists());
    chown(&stale, Some(OTHER), None).unwrap();
    assert!(!remove_if_stale(&stale) && stale.exists());
}

#[test]
fn services_are_found_by_the_names_of_their_folders() {
    let all = Temporary::new("service");
    let wanted =
        ["run/paso-exit/control", "run/paso-home/control", "run/user/7/paso", "var/lib/paso/control"];
    let wanted = wanted.map(|name| all.folder(name));
    all.folder("run/other/control");
    symlink(all.folder("elsewhere/control"), all.folder("run/paso-evil").join("control")).unwrap();
    symlink(all.folder("elsewhere"), all.0.join("run/paso-link")).unwrap();
    let mut found: Vec<_> = foreign(&all.0).into_iter().map(|folder| folder.path).collect();
    found.sort();
    assert_eq!(found, wanted);
}

#[test]
fn one_folder_keeps_nobody_busy() {
    let all = Temporary::new("many");
    let listeners: Vec<_> = (0..MOST_SOCKETS + 3)
        .map(|at| UnixListener::bind(all.0.join(format!("{at}.sock"))).unwrap())
        .collect();
    assert_eq!(sockets_at(&all.0).len(), MOST_SOCKETS);
    drop(listeners);
}
