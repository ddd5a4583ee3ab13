//! Whether the members of a folder's group are this user alone: Debian gives each user such a group, and the umask 002 with it,
//! which makes each folder writable for it.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::lgetxattr_query;
use rustix::io::Errno;

/// Whether this user alone may do what the folder's mode lets its group do. False where that cannot be known: the users are kept
/// elsewhere than in files, say.
pub(super) fn is_private(found: &Metadata, path: &Path) -> bool {
    let user = rustix::process::geteuid().as_raw();
    has_no_list(path) && Accounts::read(Path::new("/etc")).is_ok_and(|all| all.is_private(found.gid(), user))
}

/// Whether a folder has no access control list. If it has one, the bits of its group are the most that anybody in the list has.
fn has_no_list(path: &Path) -> bool {
    let list = lgetxattr_query(path, "system.posix_acl_access");
    matches!(list, Err(Errno::NODATA | Errno::OPNOTSUPP))
}

/// The files that say who is in which group.
struct Accounts {
    users: Vec<u8>,
    groups: Vec<u8>,
    /// Where else the system looks, which it need not say.
    sources: Vec<u8>,
}

impl Accounts {
    fn read(folder: &Path) -> io::Result<Self> {
        let sources = match fs::read(folder.join("nsswitch.conf")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            result => result,
        };
        Ok(Self {
            users: fs::read(folder.join("passwd"))?,
            groups: fs::read(folder.join("group"))?,
            sources: sources?,
        })
    }

    /// Whether the group is the user's own, is named as the user is, and nobody else is in it.
    fn is_private(&self, group: u32, user: u32) -> bool {
        self.are_complete() && self.only_name(group, user).is_some_and(|name| self.has_only(group, name))
    }

    /// Whether these files are all that the system asks about users and groups. What systemd adds are users of services, each with
    /// a group of its own.
    fn are_complete(&self) -> bool {
        lines(&self.sources).all(|line| {
            let line = line.split(|byte| *byte == b'#').next().unwrap_or_default();
            let mut words = line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
            let asked = matches!(words.next(), Some(b"passwd:" | b"group:" | b"initgroups:"));
            !asked || words.all(|source| matches!(source, b"files" | b"systemd"))
        })
    }

    /// The name of the user whose own group it is; `None` if it is that of others too, or of none.
    fn only_name(&self, group: u32, user: u32) -> Option<&[u8]> {
        let mut only = None;
        for line in lines(&self.users) {
            let [name, _, id, own, ..] = fields(line)[..] else { return None };
            if number(own)? != group {
                continue;
            }
            if number(id)? != user || only.is_some_and(|only| only != name) {
                return None;
            }
            only = Some(name);
        }
        only
    }

    /// Whether the group has that name, and no other members.
    fn has_only(&self, group: u32, user: &[u8]) -> bool {
        let mut is_there = false;
        for line in lines(&self.groups) {
            let [name, _, id, members] = fields(line)[..] else { return false };
            let Some(id) = number(id) else { return false };
            if id != group {
                continue;
            }
            let mut members = members.split(|byte| *byte == b',').filter(|member| !member.is_empty());
            if name != user || !members.all(|member| member == user) {
                return false;
            }
            is_there = true;
        }
        is_there
    }
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty())
}

fn fields(line: &[u8]) -> Vec<&[u8]> {
    line.split(|byte| *byte == b':').collect()
}

fn number(field: &[u8]) -> Option<u32> {
    str::from_utf8(field).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "root:x:0:0:root:/root:/bin/bash\n\
        ana:x:1000:1000:Ana,,,:/home/ana:/bin/bash\n\
        eva:x:1001:1001::/home/eva:/bin/bash\n";
    const GROUPS: &str = "root:x:0:\nsudo:x:27:ana\nana:x:1000:\neva:x:1001:\n";
    const SOURCES: &str =
        "passwd:  files systemd # as Debian has it\ngroup: files systemd\nhosts: files dns\n";

    fn accounts(users: &str, groups: &str, sources: &str) -> Accounts {
        Accounts { users: users.into(), groups: groups.into(), sources: sources.into() }
    }

    fn is_anas(users: &str, groups: &str) -> bool {
        accounts(users, groups, SOURCES).is_private(1_000, 1_000)
    }

    #[test]
    fn a_group_of_the_users_own_is_private() {
        assert!(is_anas(USERS, GROUPS));
        assert!(is_anas(USERS, &GROUPS.replace("ana:x:1000:", "ana:x:1000:ana")));
        assert!(accounts(USERS, GROUPS, "").is_private(0, 0));
        assert!(is_anas(&format!("{USERS}j\u{f6}rg:x:1002:1002:J\u{f6}rg:/:/bin/sh\n"), GROUPS));
    }

    #[test]
    fn a_group_that_others_are_in_is_not() {
        assert!(!is_anas(USERS, &GROUPS.replace("ana:x:1000:", "ana:x:1000:eva")));
        assert!(!is_anas(USERS, &GROUPS.replace("ana:x:1000:", "ana:x:1000:ana,eva")));
        assert!(!is_anas(&USERS.replace("1001:1001", "1001:1000"), GROUPS), "it is eva's own too");
        assert!(!is_anas(&format!("{USERS}ana2:x:1000:1000::/:/bin/sh"), GROUPS), "another name for ana");
    }

    #[test]
    fn a_group_that_is_another_users_or_has_another_name_is_not() {
        let all = accounts(USERS, GROUPS, SOURCES);
        for (group, user) in [(1_001, 1_000), (27, 1_000), (0, 1_000), (999, 1_000), (1_000, 1_001)] {
            assert!(!all.is_private(group, user), "{group} {user}");
        }
        assert!(!is_anas(USERS, &GROUPS.replace("ana:x:1000:", "users:x:1000:")));
        assert!(
            !is_anas(USERS, &GROUPS.replace("eva:x:1001", "users:x:1000")),
            "a second name for the group"
        );
    }

    #[test]
    fn what_cannot_be_known_is_not() {
        assert!(!is_anas(USERS, ""));
        assert!(!is_anas("", GROUPS));
        assert!(!is_anas(&format!("{USERS}+::::::\n"), GROUPS), "NIS");
        assert!(!is_anas(USERS, &format!("{GROUPS}+:::\n")), "NIS");
        for sources in ["passwd: files ldap", "group:\tsss files", "initgroups: files [success=continue] sss"]
        {
            assert!(!accounts(USERS, GROUPS, sources).is_private(1_000, 1_000), "{sources}");
        }
        assert!(Accounts::read(Path::new("/proc/self")).is_err());
    }
}
