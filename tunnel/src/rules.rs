//! What a ticket may do: rules that allow, and nothing without one. Text and values in, an answer out; `docs/rules.md` is the manual.
//!
//! - `rule`, `place`, `ports`, `cidr`, `glob`: the grammar, and the one text that each rule has
//! - `class`: which addresses are public, and what the others are
//! - `asked`: the place that somebody asks for, in the one form that is compared
//! - `set`, `places`, `nets`, `globs`: many rules, and the questions they answer; an answer takes less than a microsecond

mod asked;
mod cidr;
mod class;
mod error;
mod glob;
mod globs;
mod nets;
mod place;
mod places;
mod ports;
mod rule;
mod set;
#[cfg(test)]
mod tests;

pub use asked::Asked;
pub use cidr::Cidr;
pub use class::AddressClass;
pub use error::{Forbidden, RuleError, RuleFault};
pub use glob::NameGlob;
pub use place::{HostPattern, Place, UnixPattern};
pub use ports::{PortSet, Protocol};
pub use rule::Rule;
pub use set::{Rules, SocketGrant};
