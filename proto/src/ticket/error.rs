//! Why a text is not a ticket.

use thiserror::Error;

/// Why a text is not a ticket (or a key file).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TicketError {
    /// It does not begin as one.
    #[error("this is not a ticket: a ticket begins with \"paso1\"")]
    NotATicket,
    /// There is nothing.
    #[error("there is no ticket: the text is empty")]
    Empty,
    /// Something stands before it.
    #[error("other text stands before the ticket: leave only the ticket, which begins with \"paso1\"")]
    Behind,
    /// It is a key of proxy2, or what proxy2 shows of a ticket.
    #[error(
        "this is a key and not a ticket: `proxy2 ticket add NAME` makes a ticket, which begins with \"paso1\""
    )]
    Key,
    /// Two stand there.
    #[error("there are two tickets, or one twice: leave one")]
    Two,
    /// It begins as one of another version.
    #[error("this ticket has version {0:?}, and this program reads version '1'")]
    Version(char),
    /// It has a character that no ticket has.
    #[error("the ticket is mistyped: character {place}, {character:?}, cannot stand in a ticket")]
    Character {
        /// Counts from 1, blanks left out.
        place: usize,
        /// It; no part of the secret, as it can be none.
        character: char,
    },
    /// It has fewer characters than a ticket has.
    #[error("the ticket is cut: it has {has} characters of {needs}")]
    Cut {
        /// Characters that are there, blanks left out.
        has: usize,
        /// Characters that a ticket of this kind has; so many as tell that, if they are not all there.
        needs: usize,
    },
    /// It has more characters than a ticket has.
    #[error("the ticket has {0} characters too many at its end")]
    TooLong(usize),
    /// Its checksum is wrong.
    #[error("the ticket is mistyped: its checksum is wrong")]
    Checksum,
    /// It is intact, and says something that this version does not know.
    #[error("the ticket holds something that this program does not know; it is perhaps newer")]
    Unknown,
}
