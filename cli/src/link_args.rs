//! The options of the links that both proxies have.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::error::ErrorKind;
use tunnel::settings::{Classic, Payload, Rate, Sealed, TcpKeepalive};
use tunnel::udp::MAX_SEND;

use crate::units::{at_least, parse_rate, parse_size, parse_time};
use crate::values::{parse_count, path_parser};

/// Which link, and the options that both sides have.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = None::<&str>)]
pub struct LinkArgs {
    /// Speak the classic protocol: ten streams, no encryption, lost datagrams stay lost
    #[arg(long)]
    classic: bool,

    /// Close a stream that carried nothing for so long, 1s or more [default: never; with --classic 5m]
    #[arg(long, value_name = "TIME", value_parser = parse_idle)]
    idle: Option<Duration>,

    /// Check a TCP connection without traffic after so long, 1s to 9h, and end it if nothing answers for one and a half
    /// times as long; 'off' is never
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_tcp_keepalive)]
    tcp_keepalive: TcpKeepalive,

    /// Bytes that the data of all streams may take, 4MiB or more, with --classic 1MiB or more [default: 256MiB; with
    /// --classic 64MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_memory)]
    memory: Option<usize>,

    /// Size to ask for each UDP socket buffer; the system may grant less (root gets all of it for what arrives)
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = parse_size::<usize>)]
    socket_buffer: usize,

    #[command(flatten)]
    sealed: SealedArgs,

    #[command(flatten)]
    only_classic: ClassicArgs,
}

/// Options of the sealed link that both sides have.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Sealed link")]
struct SealedArgs {
    /// Folder of the keys and tickets [default: $XDG_STATE_HOME/paso or ~/.local/state/paso]
    #[arg(long, value_name = "DIR", conflicts_with = "classic", value_parser = path_parser())]
    state: Option<PathBuf>,

    /// Streams that a link may have at a time, 1 or more
    #[arg(long, value_name = "NUMBER", default_value = "4096", value_parser = parse_count, conflicts_with = "classic")]
    streams: u32,

    /// Largest datagram to try, in bytes of UDP payload, 1200 to 65507; the path decides what is used
    #[arg(long, value_name = "SIZE", default_value = "8972", value_parser = parse_datagram, conflicts_with = "classic")]
    max_datagram: u16,

    /// While streams are open and idle, proxy1 sends a packet so often that NATs on the way keep them, sooner where one forgets
    /// sooner; 0s is never
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = parse_time, conflicts_with = "classic")]
    keepalive: Duration,

    /// End a flow of UDP datagrams that carried none for so long, 1s or more
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_idle, conflicts_with = "classic")]
    udp_idle: Duration,
}

/// Options of the classic link that both sides have.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Classic link")]
struct ClassicArgs {
    /// Most data bytes in a datagram, 1 to 65505; 2 bytes of header come on top
    #[arg(long, value_name = "SIZE", default_value = "1400", value_parser = parse_payload, requires = "classic")]
    payload: Payload,

    /// After a FIN on this side, close when the other direction was silent for so long
    #[arg(long, value_name = "TIME", default_value = "300ms", value_parser = parse_time, requires = "classic")]
    linger: Duration,

    /// Bytes that may wait for one TCP connection; what exceeds them is dropped
    #[arg(long, value_name = "SIZE", default_value = "8MiB", value_parser = parse_size::<usize>, requires = "classic")]
    queue: usize,

    /// Send data no faster than this, like 500Mbit; 'auto' is what fills a receive buffer as this machine grants it to
    /// anybody in 25 ms, at most 2.1Gbit; 'none' is no limit
    #[arg(long, value_name = "RATE", default_value = "auto", value_parser = parse_pace, requires = "classic")]
    rate: Rate,
}

/// The kind of link that was asked for, and its numbers.
#[derive(Clone, Debug)]
pub enum ChosenLink {
    /// Ten streams, nothing repeated, nothing encrypted.
    Classic(Classic),
    /// Reliable, encrypted, many streams.
    Sealed(Sealed),
}

impl LinkArgs {
    /// The link that was asked for, in the numbers that both sides have.
    ///
    /// # Errors
    /// Memory that is enough for a classic link and not for a sealed one.
    pub fn link(&self) -> Result<ChosenLink, clap::Error> {
        if self.classic {
            return Ok(ChosenLink::Classic(self.classic()));
        }
        let sealed = self.sealed();
        if sealed.memory < Sealed::LEAST_MEMORY {
            let why = "--memory is too little for a sealed link: write 4MiB or more\n";
            return Err(clap::Error::raw(ErrorKind::ValueValidation, why));
        }
        Ok(ChosenLink::Sealed(sealed))
    }

    /// The state folder that was given.
    pub fn state(&self) -> Option<PathBuf> {
        self.sealed.state.clone()
    }

    fn classic(&self) -> Classic {
        let mut options = Classic {
            payload: self.only_classic.payload,
            queue: self.only_classic.queue,
            rate: self.only_classic.rate,
            socket_buffer: self.socket_buffer,
            tcp_keepalive: self.tcp_keepalive,
            ..Classic::default()
        };
        options.memory = self.memory.unwrap_or(options.memory);
        options.table.linger = self.only_classic.linger;
        options.table.idle_limit = self.idle.unwrap_or(options.table.idle_limit);
        options
    }

    fn sealed(&self) -> Sealed {
        let memory = self.memory.map(|bytes| u64::try_from(bytes).unwrap_or(u64::MAX));
        Sealed {
            max_streams: usize::try_from(self.sealed.streams).unwrap_or(usize::MAX),
            memory: memory.unwrap_or_else(|| Sealed::default().memory),
            max_datagram: self.sealed.max_datagram,
            keepalive: self.sealed.keepalive,
            idle: self.idle,
            udp_idle: self.sealed.udp_idle,
            tcp_keepalive: self.tcp_keepalive,
            socket_buffer: self.socket_buffer,
        }
    }
}

fn parse_payload(text: &str) -> Result<Payload, String> {
    let wrong = || format!("'{text}' is not a payload: write a size from 1 to {}", Payload::MAX.bytes());
    parse_size(text).ok().and_then(Payload::new).ok_or_else(wrong)
}

fn parse_datagram(text: &str) -> Result<u16, String> {
    let size = parse_size(text).ok().filter(|bytes| (1_200..=MAX_SEND).contains(bytes));
    let size = size.and_then(|bytes| u16::try_from(bytes).ok());
    size.ok_or_else(|| format!("'{text}' is not a datagram's size: write one from 1200 to {MAX_SEND}"))
}

fn parse_idle(text: &str) -> Result<Duration, String> {
    at_least(text, parse_time(text), Duration::from_secs(1), "1s")
}

fn parse_tcp_keepalive(text: &str) -> Result<TcpKeepalive, String> {
    if text == "off" {
        return Ok(TcpKeepalive::Off);
    }
    let idle = at_least(text, parse_time(text), TcpKeepalive::LEAST, "1s");
    let idle = idle.map_err(|error| format!("{error}, or 'off'"))?;
    if idle > TcpKeepalive::MOST {
        return Err(format!("'{text}' is too much: write 9h or less, or 'off'"));
    }
    Ok(TcpKeepalive::After(idle))
}

fn parse_memory(text: &str) -> Result<usize, String> {
    at_least(text, parse_size(text), Classic::LEAST_MEMORY, "1MiB")
}

fn parse_pace(text: &str) -> Result<Rate, String> {
    match text {
        "auto" => Ok(Rate::Auto),
        "none" => Ok(Rate::Unlimited),
        rate => parse_rate(rate).map(Rate::Bytes).map_err(|error| format!("{error}, or 'auto', or 'none'")),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser, Debug)]
    struct Cli {
        #[command(flatten)]
        link: LinkArgs,
    }

    fn link(line: &str) -> Result<ChosenLink, String> {
        let words = std::iter::once("proxy").chain(line.split_whitespace());
        Cli::try_parse_from(words).and_then(|cli| cli.link.link()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_mistake_is_named_with_its_option() {
        let names = |line: &str, what: &str| {
            let error = link(line).unwrap_err();
            let option =
                line.split_whitespace().find(|word| word.starts_with("--") && *word != "--classic").unwrap();
            assert!(error.contains(option) && error.contains(what), "{line}: {error}");
        };
        names("--idle 5", "'5' is not a time");
        names("--idle 999ms", "1s or more");
        names("--udp-idle 999ms", "1s or more");
        names("--tcp-keepalive 60", "'60' is not a time");
        names("--tcp-keepalive 999ms", "1s or more, or 'off'");
        names("--tcp-keepalive 10h", "9h or less, or 'off'");
        names("--memory 4095KiB", "4MiB or more");
        names("--classic --memory 1023KiB", "1MiB or more");
        names("--memory lots", "'lots' is not a size");
        names("--streams 0", "from 1");
        names("--streams some", "from 1");
        names("--max-datagram 1199", "from 1200 to 65507");
        names("--classic --payload 65506", "from 1 to 65505");
        names("--classic --rate fast", "'fast' is not a rate");
    }

    #[test]
    fn the_help_shows_the_real_defaults() {
        let ChosenLink::Sealed(sealed) = link("").unwrap() else { panic!("the sealed link is the default") };
        assert_eq!(sealed, Sealed::default());
        let ChosenLink::Classic(classic) = link("--classic").unwrap() else {
            panic!("--classic is the classic link")
        };
        assert_eq!(format!("{classic:?}"), format!("{:?}", Classic::default()));
    }

    #[test]
    fn tcp_keepalive_is_an_option_of_both_links() {
        for (words, expected) in
            [("off", TcpKeepalive::Off), ("2m", TcpKeepalive::After(Duration::from_secs(120)))]
        {
            let ChosenLink::Sealed(sealed) = link(&format!("--tcp-keepalive {words}")).unwrap() else {
                panic!()
            };
            assert_eq!(sealed.tcp_keepalive, expected);
            let ChosenLink::Classic(classic) = link(&format!("--classic --tcp-keepalive {words}")).unwrap()
            else {
                panic!()
            };
            assert_eq!(classic.tcp_keepalive, expected);
        }
    }

    #[test]
    fn sizes_have_units_and_a_classic_link_needs_little_memory() {
        let ChosenLink::Classic(classic) = link("--classic --payload 1KiB").unwrap() else {
            panic!("see above")
        };
        assert_eq!(classic.payload.bytes(), 1_024);
        let ChosenLink::Classic(classic) = link("--classic --memory 1MiB").unwrap() else {
            panic!("see above")
        };
        assert_eq!(classic.memory, 1 << 20);
    }
}
