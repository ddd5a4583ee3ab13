//! Why a text is no rule, and that something is not allowed.

use proto::target::TargetError;
use thiserror::Error;

use super::set::MAX_RULES;

/// No rule allows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no rule allows it")]
pub struct Forbidden;

/// A text that is no rule: which one, and what is wrong with which part of it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("'{}' is no rule: {fault}", .rule.escape_debug())]
pub struct RuleError {
    /// The whole text.
    pub rule: String,
    /// What is wrong.
    pub fault: RuleFault,
}

/// What is wrong with a rule. Each message has an example of what to write.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RuleFault {
    /// It begins with none of the four words.
    #[error(
        "'{0}' is none of dial, listen, publish and use; write it like dial:db.example:5432 or publish:files"
    )]
    Kind(String),
    /// A blank, a control character, or another one that changes what is seen.
    #[error(
        "there is a blank or an invisible character in it; a rule is one word, like dial:db.example:5432"
    )]
    Blank,
    /// No ports.
    #[error("'{0}' has no ports; write it like {0}:443, {0}:80,443, {0}:8000-8010 or {0}:*")]
    NoPorts(String),
    /// Something among the ports that is no port.
    #[error(
        "'{0}' is neither a port from 1 to 65535 nor a range; write ports like 443, 80,443, 8000-8010 or *"
    )]
    Ports(String),
    /// A range that ends before it begins.
    #[error("the range '{0}' ends before it begins; write it like 8000-8010")]
    Range(String),
    /// Not a host.
    #[error(
        "'{host}' is no host: {error}; write a name, *.example.com, 192.0.2.7, 10.0.0.0/8, [2001:db8::/32], private, target or *"
    )]
    Host {
        /// The part.
        host: String,
        /// What is wrong.
        error: TargetError,
    },
    /// A star that stands elsewhere than before a name.
    #[error("'{0}' is no host: a star is a host of its own, or stands before a name, like *.example.com")]
    Star(String),
    /// An IPv6 address with a zone.
    #[error("'{0}' has a zone, and a rule has none; write it like [fe80::1]:22")]
    Zone(String),
    /// The length of a prefix is no number that fits.
    #[error("'{0}' is no prefix length; write a block of addresses like 10.0.0.0/8 or [2001:db8::/32]")]
    PrefixLen(String),
    /// Bits behind the prefix.
    #[error("'{given}' has bits behind its prefix; write {meant}")]
    HostBits {
        /// The part.
        given: String,
        /// The block that it is in.
        meant: String,
    },
    /// The target has only a TCP port.
    #[error("the target is a TCP port; write dial:target, or give ports: dial:target:53/udp")]
    TargetUdp,
    /// A host that nobody listens at.
    #[error(
        "nobody listens at '{0}'; write the address to listen at: listen:127.0.0.1:8080, listen:private:8000-8010 or listen:*:8080"
    )]
    ListenHost(String),
    /// Not a path of a socket.
    #[error(
        "'{0}' is no path of a socket: it is absolute, without '.', '..' and '//'; write it like dial:unix:/run/app.sock or \
         dial:unix:/run/app/*"
    )]
    Path(String),
    /// Not a pattern of names.
    #[error(
        "'{0}' is no pattern of names: 1 to 64 letters, digits, '-', '_', '.', '*' and '?'; write it like files or team-*"
    )]
    Glob(String),
    /// Too many rules for one ticket.
    #[error("it is one too many: a ticket has at most {MAX_RULES} rules")]
    TooMany,
}
