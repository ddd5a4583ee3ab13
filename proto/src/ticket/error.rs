//! Why a text is not a ticket.

use thiserror::Error;

/// Why a text is not a ticket (or a key file).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TicketError {
    /// It does not begin as one.
    #[error("this is not a ticket: a ticket begins with \"paso1\"")]
    NotATicket,
    /// It begins as one of another version.
    #[error("this ticket has version {0:?}, and this program reads version '1'")]
    Version(char),
    /// It has a character that no ticket has; the number counts from 1, blanks left out.
    #[error("the ticket is mistyped: character {0} cannot stand in a ticket")]
    Character(usize),
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
