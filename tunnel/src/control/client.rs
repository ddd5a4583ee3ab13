//! proxy1's side: what it has registered at proxy2, and the control stream over which it is asked for.
//!
//! - `registrations`: for whom the clients of each registration are; nobody else can be reached
//! - `commands`: what this process asks for, and what it is told
//! - `task`: keeps a control stream while there is something to ask, and asks again on the next one
//! - `connection`: one control stream
//! - `announcements`: tells the log where clients are taken

mod announcements;
mod commands;
mod connection;
mod registrations;
mod task;

pub(crate) use self::commands::{Command, NameFeed, Question};
pub use self::commands::{Identity, NameEvent, RegistrationState, ServiceInfo};
pub use self::registrations::Caller;
pub(crate) use self::registrations::{Backlog, Recipient, Registered, Registrations};
pub(crate) use self::task::ControlTask;
