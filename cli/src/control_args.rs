//! The options that say how a running program is seen and steered.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::units::parse_time;

/// Where it is asked, and how it ends.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Control")]
pub struct ControlArgs {
    /// Answer `status`, `close`, `reload` and `drain` at this Unix socket [default: a file in $XDG_RUNTIME_DIR/paso, or else in
    /// the state folder]
    #[arg(long, value_name = "PATH")]
    pub control: Option<PathBuf>,

    /// Answer nobody
    #[arg(long, conflicts_with = "control")]
    pub no_control: bool,

    /// After SIGTERM accept nothing new, and let streams go on for so long before they are cut; 0s cuts them at once, as does a
    /// second signal
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = parse_time)]
    pub drain: Duration,
}
