//! How a proxy2 asks one that runs to hand over: at its control socket (`docs/control.md`, "Taking over").

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;
use tracing::info;
use tunnel::handover::{self, Channel};
use tunnel::passed;

use super::ControlSettings;
use super::place;
use super::protocol::{Answer, Command, Offer, Outcome, Request};

/// How long a proxy may take to answer, and to pass its sockets.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer that is read, in bytes: sixteen addresses, and a sentence.
const LONGEST: usize = 16 << 10;

/// The sockets of the proxy2 that runs at one of these addresses, given to this process, and the way to it. `None`: none does.
///
/// # Errors
/// There is one that does not hand over: why, in one sentence.
pub(crate) async fn take_over(
    settings: &ControlSettings,
    wanted: &[SocketAddr],
) -> Result<Option<Channel>, String> {
    if settings.args.no_control {
        return Err(
            "a proxy2 that runs is found by its control socket: leave --no-control out, or --take-over"
                .into(),
        );
    }
    for path in candidates(settings) {
        match timeout(PATIENCE, take_from(&path, wanted)).await {
            Ok(Taken::Sockets(channel)) => return Ok(Some(channel)),
            Ok(Taken::Refused(why)) => return Err(why),
            Ok(Taken::Other) => {}
            Ok(Taken::Unclear(why)) => {
                info!(at = %path.display(), %why, "passed over: it does not say what it could hand over")
            }
            Err(_) => info!(at = %path.display(), "passed over: it does not answer"),
        }
    }
    // What that one has not handed over it keeps: two of them would have other ports, or take them from each other.
    let parent = std::os::unix::process::parent_id().to_string();
    if std::env::var(super::STARTED_BY).is_ok_and(|by| by == parent) {
        return Err(format!(
            "the proxy2 that started this one (process {parent}) does not serve the addresses that it is to serve: restart it the ordinary way"
        ));
    }
    Ok(None)
}

/// The sockets at which a proxy2 of this user may answer.
fn candidates(settings: &ControlSettings) -> Vec<PathBuf> {
    if let Some(path) = &settings.args.control {
        return vec![path.clone()];
    }
    let is_proxy2 = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("proxy2-"))
    };
    // That there can be no folder is said when this process makes its own socket.
    place::folder(settings.state.clone())
        .map(|folder| folder.sockets().into_iter().filter(is_proxy2).collect())
        .unwrap_or_default()
}

/// What came of asking one.
enum Taken {
    /// It hands over.
    Sockets(Channel),
    /// It is meant, and does not.
    Refused(String),
    /// It is another one, or there is none.
    Other,
    /// Nobody knows.
    Unclear(String),
}

async fn take_from(path: &Path, wanted: &[SocketAddr]) -> Taken {
    match ask(path, wanted).await {
        Ok(taken) => taken,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
            Taken::Other
        }
        Err(error) => Taken::Unclear(error.to_string()),
    }
}

async fn ask(path: &Path, wanted: &[SocketAddr]) -> std::io::Result<Taken> {
    let mut stream = UnixStream::from_std(place::connect(path)?)?;
    let peer = stream.peer_cred()?;
    let own = rustix::process::geteuid().as_raw();
    if peer.uid() != own {
        return Ok(Taken::Unclear("it is of another user".into()));
    }
    let pid = peer.pid().and_then(|pid| u32::try_from(pid).ok()).unwrap_or_default();
    say(&mut stream, Command::TakeOver).await?;
    let offer = match read_answer(&mut stream).await? {
        Outcome::Offer(offer) => offer,
        Outcome::Error(why) => return Ok(Taken::Unclear(why)),
        Outcome::Status(_) | Outcome::Done(_) | Outcome::Version(_) => {
            return Ok(Taken::Unclear("its answer is not understood".into()));
        }
    };
    let Offer { wire, udp, sockets, successor, why_not } = offer;
    // One that has handed over is not the one that reads.
    if successor.is_some() || !udp.iter().any(|address| wanted.contains(address)) {
        return Ok(Taken::Other);
    }
    if wire != handover::VERSION {
        let own = handover::VERSION;
        return Ok(Taken::Refused(format!(
            "the proxy2 that runs (process {pid}) hands over in another way than this program takes over (version {wire}, here {own}): \
             restart it the ordinary way"
        )));
    }
    if let Some(why) = why_not {
        return Ok(Taken::Refused(format!("the proxy2 that runs (process {pid}) does not hand over: {why}")));
    }
    say(&mut stream, Command::Take).await?;
    passed::give(handover::take(&stream, sockets).await?);
    Ok(Taken::Sockets(Channel::new(stream, pid, udp)))
}

async fn say(stream: &mut UnixStream, command: Command) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(&Request::from(command))?;
    line.push(b'\n');
    stream.write_all(&line).await
}

/// Byte by byte: what follows the line is to be read with its descriptors.
async fn read_answer(stream: &mut UnixStream) -> std::io::Result<Outcome> {
    let mut line = Vec::new();
    loop {
        match stream.read_u8().await? {
            b'\n' => break,
            _ if line.len() >= LONGEST => return Err(ErrorKind::InvalidData.into()),
            byte => line.push(byte),
        }
    }
    Ok(serde_json::from_slice::<Answer>(&line)?.outcome)
}
