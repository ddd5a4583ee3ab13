//! The parts of a command line that both programs have: the classic link's options, and how much to say.

use std::num::NonZeroU64;
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgAction, Args};
use tracing::level_filters::LevelFilter;

use crate::options::{Classic, Link, Payload, Rate};
use crate::units::{parse_rate, parse_size, parse_time};

/// Options of the classic link that both sides have.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Classic link")]
pub struct ClassicArgs {
    /// Speak the classic protocol: ten streams, no encryption, lost datagrams stay lost
    #[arg(long)]
    classic: bool,

    /// Most data bytes in a datagram, 1 to 65505; 2 bytes of header come on top
    #[arg(long, value_name = "SIZE", default_value = "1400", value_parser = parse_payload)]
    payload: Payload,

    /// Close a stream that carried nothing for so long, 1s or more
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = parse_idle)]
    idle: Duration,

    /// After a FIN on this side, close when the other direction was silent for so long
    #[arg(long, value_name = "TIME", default_value = "300ms", value_parser = parse_time)]
    linger: Duration,

    /// Bytes that may wait for one TCP connection; what exceeds them is dropped
    #[arg(long, value_name = "SIZE", default_value = "8MiB", value_parser = parse_size)]
    queue: usize,

    /// Bytes that may wait for all TCP connections together
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = parse_size)]
    memory: usize,

    /// Send data no faster than this, like 500Mbit; 'auto' is what fills a receive buffer like this machine's own in
    /// 25 ms, at most 2.1Gbit; 'none' is no limit
    #[arg(long, value_name = "RATE", default_value = "auto", value_parser = parse_pace)]
    rate: Rate,

    /// Size to ask for each UDP socket buffer; the system may grant less
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = parse_size)]
    socket_buffer: usize,
}

impl ClassicArgs {
    /// The link that was asked for.
    ///
    /// # Errors
    /// One sentence, if `--classic` is missing.
    pub fn link(&self) -> Result<Link, clap::Error> {
        if !self.classic {
            let text = "this version speaks only the classic protocol: add --classic";
            return Err(clap::Error::raw(clap::error::ErrorKind::MissingRequiredArgument, text));
        }
        let mut options = Classic {
            payload: self.payload,
            queue: self.queue,
            memory: self.memory,
            rate: self.rate,
            socket_buffer: self.socket_buffer,
            ..Classic::default()
        };
        options.table.idle_limit = self.idle;
        options.table.linger = self.linger;
        Ok(Link::Classic(options))
    }
}

/// Prints what the command line's parser has to say, and gives its exit code: 2 for bad usage, 0 for help.
pub fn explain(error: &clap::Error) -> ExitCode {
    // If the terminal is gone there is nobody left to tell.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// How much is written to the log.
#[derive(Args, Clone, Copy, Debug)]
pub struct Verbosity {
    /// Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)
    #[arg(short, long, action = ArgAction::Count, conflicts_with = "quiet")]
    verbose: u8,

    /// Log less: -q for warnings, -qq for errors only
    #[arg(short, long, action = ArgAction::Count)]
    quiet: u8,
}

impl Verbosity {
    /// The least important level that is written.
    pub const fn level(self) -> LevelFilter {
        match (self.quiet, self.verbose) {
            (0, 0) => LevelFilter::INFO,
            (0, 1) => LevelFilter::DEBUG,
            (0, _) => LevelFilter::TRACE,
            (1, _) => LevelFilter::WARN,
            (_, _) => LevelFilter::ERROR,
        }
    }
}

fn parse_payload(text: &str) -> Result<Payload, String> {
    let wrong = || format!("'{text}' is not a payload: write a size from 1 to {}", Payload::MAX.bytes());
    parse_size(text).ok().and_then(Payload::new).ok_or_else(wrong)
}

fn parse_idle(text: &str) -> Result<Duration, String> {
    let idle = parse_time(text).map_err(|error| error.to_string())?;
    if idle < Duration::from_secs(1) {
        return Err(format!("'{text}' is too short: write 1s or more"));
    }
    Ok(idle)
}

fn parse_pace(text: &str) -> Result<Rate, String> {
    match text {
        "auto" => Ok(Rate::Auto),
        "none" => Ok(Rate::Unlimited),
        rate => {
            let bytes = parse_rate(rate).map_err(|error| format!("{error}, or 'auto', or 'none'"))?;
            NonZeroU64::new(bytes).map(Rate::Bytes).ok_or_else(|| "a rate of nothing sends nothing".into())
        }
    }
}
