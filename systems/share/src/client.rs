//! The client: asks the server, fetches from others, and serves what its user has published.
//!
//! - `answer`: the server's answers, as they arrive; no I/O
//! - `home`: the server
//! - `published`: the files that this user has published
//! - `giving`: serves them
//! - `presence`: stays connected for as long as the user wants it
//! - `fetch`: a file from one who is a client of the course
//! - `session`: what each command does
//! - `shell`: commands as they are typed

pub mod answer;
mod fetch;
mod giving;
mod home;
mod presence;
mod published;
mod session;
mod shell;

pub use fetch::Sized;
pub use home::Home;
pub use session::{Said, Session, Settings};
pub use shell::{Command, parse};
