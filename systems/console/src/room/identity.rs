//! Who a client is, and what it is called.

use std::fmt;

use super::Number;

/// Who a client is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its session.
    pub number: Number,
    /// The name of its ticket. Proxy2's own clients have none.
    pub ticket: Option<String>,
    /// It may steer the proxy2, and end sessions.
    pub is_operator: bool,
}

impl Identity {
    /// The ticket, as it is shown. No ticket is called as proxy2's own clients are.
    pub fn label(&self) -> &str {
        self.ticket.as_deref().unwrap_or("(proxy2)")
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.label(), self.number)
    }
}
