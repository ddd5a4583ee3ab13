//! Decides what an end dials. This is the one place where that is decided, before any dial.

use proto::target::Target;

use crate::address::HostPort;
use crate::settings::Allow;

/// This end does not dial that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Forbidden;

impl Allow {
    /// What to dial for a peer that asked for `asked`: the text of a target, or nothing for this end's own.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub(crate) fn check(&self, asked: &[u8]) -> Result<HostPort, Forbidden> {
        if asked.is_empty() {
            return self.target.clone().ok_or(Forbidden);
        }
        let asked = Target::from_wire(asked).map_err(|_| Forbidden)?.to_string();
        let is_asked = |allowed: &&HostPort| allowed.to_string().to_ascii_lowercase() == asked;
        self.target.iter().chain(&self.others).find(is_asked).cloned().ok_or(Forbidden)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn only_the_own_target_is_dialled() {
        let only = |target: &str| {
            let target: SocketAddr = target.parse().unwrap();
            Allow::only(target.into())
        };
        assert!(only("127.0.0.1:80").check(b"").is_ok());
        assert!(only("127.0.0.1:80").check(b"127.0.0.1:80").is_ok());
        assert!(only("[::1]:80").check(b"[::1]:80").is_ok());
        for wrong in [b"127.0.0.1:81".as_slice(), b"127.0.0.2:80", b"localhost:80", b"127.0.0.1:80 ", b"\xff"]
        {
            assert_eq!(only("127.0.0.1:80").check(wrong), Err(Forbidden));
        }
        assert_eq!(Allow::default().check(b""), Err(Forbidden), "nothing is the default");
    }

    #[test]
    fn others_are_dialled_for_those_that_name_them() {
        let db: HostPort = HostPort { host: "Db.example".parse().unwrap(), port: 5_432 };
        let allow = Allow { target: None, others: vec![db.clone()] };
        assert_eq!(allow.check(b"db.example:5432"), Ok(db));
        for wrong in [b"".as_slice(), b"db.example:5433", b"db.example.:5432"] {
            assert_eq!(allow.check(wrong), Err(Forbidden));
        }
    }
}
