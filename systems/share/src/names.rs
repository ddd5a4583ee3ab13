//! The names under which users are reached over the link.

use sha2::{Digest, Sha256};

use crate::index::change::{Asker, Owner};

/// All of them.
pub const GLOB: &str = "share.*";

/// The name of the server, if it is given no other.
pub const SERVER: &str = "share";

/// What stands in the names of users who use plain TCP. No ticket is called so: those of tickets begin with `of-`.
const PLAIN: &str = "plain";

/// How much of a ticket's name stands there, so that the whole is no longer than names may be: 64 bytes.
const MAX_TICKET: usize = 21;

/// The name of a user: `share.of-TICKET.HASH`, so that an exit can be told who may publish what (`publish:share.of-TICKET.*`), and
/// so that a user may have a name that no published name can be.
pub fn service_of(asker: &Asker) -> String {
    let ticket = match &asker.owner {
        Owner::Plain => PLAIN.to_owned(),
        Owner::Ticket(name) => format!("of-{}", name.chars().take(MAX_TICKET).collect::<String>()),
    };
    let hash =
        Sha256::new_with_prefix(asker.owner.as_str()).chain_update([0]).chain_update(&asker.user).finalize();
    let hash: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("share.{ticket}.{hash}").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_of_any_name_have_names_that_can_be_published() {
        let long = "T".repeat(64);
        for owner in [Owner::Plain, Owner::Ticket("laptop".into()), Owner::Ticket(long)] {
            let name = service_of(&Asker { user: "ñ \u{1f600}".repeat(30), owner });
            assert!(name.parse::<paso::ServiceName>().is_ok(), "{name}");
        }
        let of = |user: &str, ticket: &str| {
            service_of(&Asker { user: user.into(), owner: Owner::Ticket(ticket.into()) })
        };
        assert!(of("alice", "one").starts_with("share.of-one."));
        assert_ne!(of("alice", "one"), of("alice", "two"));
        assert_ne!(of("alice", "one"), of("bob", "one"));
    }
}
