//! An echo server, and a client that loads it and checks every byte that returns.
//!
//! The pair measures what lies between them: put two proxies there and the table at the end says what they lost, changed
//! or moved, how long a round trip takes and how many bits a second go through. Nothing in here knows the proxies.
//!
//! In a program of one's own (a test, the demo) use [`serve`] with a listener on port 0 and [`client::run`]:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let address = listener.local_addr()?.to_string();
//! tokio::spawn(echo::serve(listener, std::future::pending()));
//! let settings = echo::client::Settings { clients: 3, bytes: 100_000, ..echo::client::Settings::new(address) };
//! let report = echo::client::run(settings).await?;
//! assert!(report.is_clean());
//! # Ok(())
//! # }
//! ```

pub mod client;
mod figures;
pub mod pattern;
mod program;
mod server;
#[cfg_attr(unix, path = "stop_unix.rs")]
#[cfg_attr(not(unix), path = "stop_other.rs")]
mod stop;
mod verdict;

pub use program::{command, main};
pub use server::{Summary, serve};
