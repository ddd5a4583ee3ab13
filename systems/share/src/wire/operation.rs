//! What a client may ask the server for.

/// What a client may ask the server for. The first ten are the course's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A new user.
    Register,
    /// Removes a user, and what it has published.
    Unregister,
    /// The user is there now, and serves its files at this TCP port of its machine.
    Connect,
    /// The user goes.
    Disconnect,
    /// A file with a description.
    Publish,
    /// Takes a file back.
    Delete,
    /// Who is connected, and where.
    ListUsers,
    /// The files of a user.
    ListContent,
    /// Where a user's file is to be had.
    GetFile,
    /// Where a file is to be had from everybody who has one of this name.
    GetMultifile,
    /// Ours: the user is there for as long as this connection lasts, and serves its files under a published name.
    Attend,
    /// Ours: a file with a description, its hash and its size.
    Offer,
    /// Ours: everybody who has this file, with its hash and size. The fields are the user who asks, the user who has it or nothing, and
    /// a path, a name or a hash.
    Holders,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Register,
        Self::Unregister,
        Self::Connect,
        Self::Disconnect,
        Self::Publish,
        Self::Delete,
        Self::ListUsers,
        Self::ListContent,
        Self::GetFile,
        Self::GetMultifile,
        Self::Attend,
        Self::Offer,
        Self::Holders,
    ];

    /// The longest name in bytes.
    pub const MAX_NAME: usize = 16;

    /// As it is written on the wire and on the screen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Register => "REGISTER",
            Self::Unregister => "UNREGISTER",
            Self::Connect => "CONNECT",
            Self::Disconnect => "DISCONNECT",
            Self::Publish => "PUBLISH",
            Self::Delete => "DELETE",
            Self::ListUsers => "LIST_USERS",
            Self::ListContent => "LIST_CONTENT",
            Self::GetFile => "GET_FILE",
            Self::GetMultifile => "GET_MULTIFILE",
            Self::Attend => "ATTEND",
            Self::Offer => "OFFER",
            Self::Holders => "HOLDERS",
        }
    }

    /// What it is to a user who knows the course's.
    pub const fn course_name(self) -> &'static str {
        match self {
            Self::Attend => Self::Connect.name(),
            Self::Offer => Self::Publish.name(),
            Self::Holders => Self::GetMultifile.name(),
            Self::Register
            | Self::Unregister
            | Self::Connect
            | Self::Disconnect
            | Self::Publish
            | Self::Delete
            | Self::ListUsers
            | Self::ListContent
            | Self::GetFile
            | Self::GetMultifile => self.name(),
        }
    }

    /// The operation of this name; some clients write it in lower case.
    pub fn named(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// How many fields follow; the first is always the user who asks.
    pub const fn fields(self) -> usize {
        match self {
            Self::Register | Self::Unregister | Self::Disconnect | Self::ListUsers | Self::Attend => 1,
            Self::Connect | Self::Delete | Self::ListContent | Self::GetMultifile => 2,
            Self::Publish | Self::GetFile | Self::Holders => 3,
            Self::Offer => 5,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_in_upper_and_lower_case() {
        for operation in Operation::ALL {
            assert_eq!(Operation::named(operation.name().as_bytes()), Some(operation));
            assert_eq!(Operation::named(operation.name().to_ascii_lowercase().as_bytes()), Some(operation));
            assert!(operation.name().len() <= Operation::MAX_NAME);
        }
        assert_eq!(Operation::named(b"REGISTER "), None);
    }
}
