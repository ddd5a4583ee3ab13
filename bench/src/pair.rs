//! Tunnels as the programs that they are: ours, and peers where they are installed.

use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::process::Process;

/// How TCP gets to its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tunnel {
    /// Straight, without a tunnel.
    Direct,
    /// This project, the sealed link.
    Paso,
    /// The least a tunnel can be, see `bare.rs`.
    Bare,
    /// Two plain TCP relays in a row.
    Socat,
    /// kcptun's fastest preset.
    Kcptun,
    /// A plain forwarder over quinn, see `bench/peers/quinn`.
    Quinn,
}

impl Tunnel {
    /// Its name in tables and files.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Paso => "paso",
            Self::Bare => "bare",
            Self::Socat => "socat",
            Self::Kcptun => "kcptun",
            Self::Quinn => "quinn",
        }
    }

    /// Whether it can be measured here.
    pub(crate) fn is_there(self, programs: &Programs) -> bool {
        match self {
            Self::Direct | Self::Paso | Self::Bare => true,
            Self::Socat => in_path("socat"),
            Self::Kcptun => in_path("kcptun-client"),
            Self::Quinn => programs.quinn.exists(),
        }
    }
}

/// Where the programs are.
#[derive(Debug)]
pub(crate) struct Programs {
    folder: PathBuf,
    quinn: PathBuf,
    /// The largest datagram to send, in bytes of UDP payload.
    pub(crate) datagram: u16,
}

impl Programs {
    /// Those built beside this one.
    ///
    /// # Errors
    /// They are not there.
    pub(crate) fn find(datagram: u16) -> Result<Self> {
        let own = std::env::current_exe().context("this program does not know where it is")?;
        let folder = own.parent().context("a program is in a folder")?.to_owned();
        for name in ["proxy1", "proxy2", "echo"] {
            if !folder.join(name).exists() {
                bail!("{} is not there: run `cargo build --release` first", folder.join(name).display());
            }
        }
        let quinn = folder.join("../../bench/peers/quinn/target/release/quinn-forward");
        Ok(Self { folder, quinn, datagram })
    }

    /// One of ours.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// How clients come to our link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forward {
    /// To proxy1: `-L`.
    Local,
    /// To proxy1, and say where they want to go: `-D`.
    Dynamic,
    /// To proxy2: `-R`.
    Remote,
}

/// A tunnel in front of a target.
#[derive(Debug)]
pub(crate) struct Pair {
    /// Where clients connect.
    pub(crate) address: SocketAddr,
    /// What they ask for there, as clients of a SOCKS proxy; `None`: the tunnel knows.
    pub(crate) asked: Option<SocketAddr>,
    /// Inside and outside; none without a tunnel.
    pub(crate) ends: Vec<Process>,
    /// Holds key and tickets.
    _state: Option<Folder>,
}

impl Pair {
    /// Starts both ends.
    ///
    /// # Errors
    /// One of them cannot be started.
    pub(crate) fn start(tunnel: Tunnel, programs: &Programs, target: SocketAddr) -> Result<Self> {
        match tunnel {
            Tunnel::Direct => Ok(Self { address: target, asked: None, ends: Vec::new(), _state: None }),
            Tunnel::Paso => Self::paso(programs, target, &[]),
            Tunnel::Bare => peer(|place| bare(programs, place, target)),
            Tunnel::Socat => peer(|place| socat(place, target)),
            Tunnel::Kcptun => peer(|place| kcptun(place, target)),
            Tunnel::Quinn => peer(|place| ends(|| Command::new(&programs.quinn), place, target)),
        }
    }

    /// Ours, with further options for both.
    ///
    /// # Errors
    /// One of them cannot be started.
    pub(crate) fn paso(programs: &Programs, target: SocketAddr, options: &[&str]) -> Result<Self> {
        let datagram = programs.datagram.to_string();
        let state = Folder::new()?;
        let folder = state.0.to_string_lossy().into_owned();
        let options = [options, &["--max-datagram", &datagram, "--state", &folder]].concat();
        Ok(Self { _state: Some(state), ..Self::ours(programs, target, &options)? })
    }

    /// Ours, with a forward and a proxy2 that has no target of its own.
    ///
    /// # Errors
    /// One of them cannot be started.
    pub(crate) fn forwarding(programs: &Programs, target: SocketAddr, forward: Forward) -> Result<Self> {
        let (state, datagram) = (Folder::new()?, programs.datagram.to_string());
        let start = |name: &str, words: &[&str]| {
            let mut command = Command::new(programs.path(name));
            Process::start(command.args(words).args(["--max-datagram", &datagram, "--state"]).arg(&state.0))
        };
        let proxy2 = start(
            "proxy2",
            &["127.0.0.1:0", "--allow", "dial:127.0.0.1:*", "--allow", "listen:127.0.0.1:*"],
        )?;
        let (to, fixed) = (proxy2.listening()?.to_string(), format!("127.0.0.1:0:{target}"));
        let proxy1 = start(
            "proxy1",
            &match forward {
                Forward::Local => ["-L", &fixed, &to],
                Forward::Dynamic => ["-D", "127.0.0.1:0", &to],
                Forward::Remote => ["-R", &fixed, &to],
            },
        )?;
        let address = proxy1.listening()?;
        let asked = (forward == Forward::Dynamic).then_some(target);
        Ok(Self { address, asked, ends: vec![proxy1, proxy2], _state: Some(state) })
    }

    /// Ours, the classic link, as fast as it goes without loss between two programs of root's, whose socket buffers are large
    /// enough for it. By itself it goes as fast as what `net.core.rmem_max` allows everybody.
    ///
    /// # Errors
    /// One of them cannot be started.
    pub(crate) fn classic(programs: &Programs, target: SocketAddr) -> Result<Self> {
        Self::ours(programs, target, &["--classic", "--rate", "2100Mbit"])
    }

    fn ours(programs: &Programs, target: SocketAddr, options: &[&str]) -> Result<Self> {
        let start = |name: &str, to: SocketAddr| {
            let mut command = Command::new(programs.path(name));
            command.args(["127.0.0.1:0", &to.ip().to_string(), &to.port().to_string()]);
            Process::start(command.args(options))
        };
        let proxy2 = start("proxy2", target)?;
        let proxy1 = start("proxy1", proxy2.listening()?)?;
        let address = proxy1.listening()?;
        Ok(Self { address, asked: None, ends: vec![proxy1, proxy2], _state: None })
    }

    /// CPU time of all its programs.
    pub(crate) fn cpu(&self) -> Duration {
        self.ends.iter().map(Process::cpu).sum()
    }
}

/// Where the two ends of a peer listen.
struct Place {
    inside: SocketAddr,
    outside: SocketAddr,
}

/// A peer that takes fixed ports: ones that are free now.
fn peer(commands: impl Fn(&Place) -> [Command; 2]) -> Result<Pair> {
    let inside = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let outside = UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
    let [mut near, mut far] = commands(&Place { inside, outside });
    let far = Process::start(&mut far)?;
    // Whether it listens on UDP, no peer says.
    std::thread::sleep(Duration::from_millis(500));
    let near = Process::start(&mut near)?;
    let end = Instant::now() + Duration::from_secs(5);
    while TcpStream::connect(inside).is_err() {
        if Instant::now() > end {
            bail!("it does not listen on {inside}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(Pair { address: inside, asked: None, ends: vec![near, far], _state: None })
}

fn socat(place: &Place, target: SocketAddr) -> [Command; 2] {
    let relay = |from: SocketAddr, to: SocketAddr| {
        let mut command = Command::new("socat");
        // 128 KiB at a time, as we read; its own default of 8 KiB is slower.
        command.args([
            "-b",
            "131072",
            &format!("TCP-LISTEN:{},bind=127.0.0.1,fork,reuseaddr,backlog=256,nodelay", from.port()),
        ]);
        command.arg(format!("TCP:{to},nodelay"));
        command
    };
    [relay(place.inside, place.outside), relay(place.outside, target)]
}

fn kcptun(place: &Place, target: SocketAddr) -> [Command; 2] {
    let tuned = ["--mode", "fast3", "--sndwnd", "2048", "--rcvwnd", "2048", "--nocomp"];
    let (inside, outside, target) = (place.inside.to_string(), place.outside.to_string(), target.to_string());
    let mut near = Command::new("kcptun-client");
    near.args(["-r", &outside, "-l", &inside]).args(tuned);
    let mut far = Command::new("kcptun-server");
    far.args(["-t", &target, "-l", &outside]).args(tuned);
    [near, far]
}

fn bare(programs: &Programs, place: &Place, target: SocketAddr) -> [Command; 2] {
    let command = || {
        let mut command = Command::new(programs.path("bench"));
        command.arg("bare");
        command
    };
    ends(command, place, target)
}

/// Both ends of a program that takes `near` or `far`, where to listen and where to go on to.
fn ends(command: impl Fn() -> Command, place: &Place, target: SocketAddr) -> [Command; 2] {
    let end = |role: &str, from: SocketAddr, to: SocketAddr| {
        let mut command = command();
        command.args([role, &from.to_string(), &to.to_string()]);
        command
    };
    [end("near", place.inside, place.outside), end("far", place.outside, target)]
}

/// A folder of the run's own, gone with it.
#[derive(Debug)]
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    /// A new one.
    ///
    /// # Errors
    /// There is no place for it.
    pub(crate) fn new() -> Result<Self> {
        let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_nanos();
        let path = std::env::temp_dir().join(format!("paso-bench-{}-{nanos}", std::process::id()));
        std::fs::create_dir(&path)?;
        Ok(Self(path.join("state")))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some(path) = self.0.parent() {
            let _ = std::fs::remove_dir_all(path);
        }
    }
}

/// Whether a program is installed.
pub(crate) fn in_path(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).exists())
}
