//! The control socket of a proxy.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tunnel::handover::{self, Channel};
use tunnel::passed::{self, PassedSocket};
use tunnel::reload;
use tunnel::session::{Detail, NotHandedOver};
use tunnel::view::{ItemId, LinkKind, ListeningKind, ListeningView, OtherProcess, Role};

use super::place;
use super::protocol::{Answer, Command, LONGEST_REQUEST, Offer, Outcome, Request, VERSION};
use super::sessions::Sessions;
use super::{ControlSettings, Wishes};

/// A socket that answers, until this is dropped.
#[derive(Debug)]
pub(super) struct Server {
    path: PathBuf,
    /// Which file it is: another process may have put its own there meanwhile.
    inode: u64,
    /// Ends with the value.
    _task: JoinSet<()>,
}

/// Clients at a time: a few people and programs that look.
const CLIENTS: usize = 8;
/// How long a client may be silent between two requests.
const SILENCE: Duration = Duration::from_secs(60);
/// How long a client may take to read an answer.
const READING: Duration = Duration::from_secs(10);
/// How long no descriptor may be left before the next try.
const PAUSE: Duration = Duration::from_millis(200);

impl Server {
    /// Answers for these sessions, and tells `wishes` what the proxy is to do. `replaces`: another process that answers at the place named
    /// has been taken over.
    ///
    /// # Errors
    /// There can be no socket: why, in one sentence.
    pub(super) fn start(
        role: Role,
        settings: &ControlSettings,
        sessions: &Sessions,
        wishes: Wishes,
        replaces: bool,
    ) -> Result<Self, String> {
        let path = match &settings.args.control {
            Some(path) => path.clone(),
            None => {
                let folder = place::folder(settings.state.clone())?;
                // Those of processes that were killed are removed.
                folder.sockets();
                folder.path.join(place::name(role))
            }
        };
        let failed = |error: io::Error| format!("{}: {error}", path.display());
        let listener = bind(&path, replaces).map_err(failed)?;
        let inode = fs::symlink_metadata(&path).map_err(failed)?.ino();
        let listener = listener.set_nonblocking(true).and_then(|()| UnixListener::from_std(listener));
        let listener = listener.map_err(failed)?;
        let mut task = JoinSet::new();
        task.spawn(serve(listener, Asked { role, sessions: sessions.clone(), wishes }));
        Ok(Self { path, inode, _task: task })
    }

    /// Where it is.
    pub(super) fn path(&self) -> Option<&Path> {
        Some(&self.path)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode) {
            // One that stays is removed by who looks next.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Listens at `path` with the mode 0600 from the first moment on: the socket is made in a folder that nobody else can go into, and
/// moved to its place when it has its mode.
fn bind(path: &Path, replaces: bool) -> io::Result<net::UnixListener> {
    // The way by which it gets there is shorter, but nobody could connect.
    net::SocketAddr::from_pathname(path)?;
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            return Err(io::Error::new(ErrorKind::AlreadyExists, "there is a file that is no socket"));
        }
        Ok(_) if !replaces && !place::remove_if_stale(path) => {
            return Err(io::Error::new(
                ErrorKind::AddrInUse,
                "another process answers there, or it is of another user",
            ));
        }
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let private = parent.unwrap_or_else(|| Path::new(".")).join(format!(".p{}", std::process::id()));
    let at = private.join("s");
    DirBuilder::new().mode(0o700).create(&private)?;
    let made = net::UnixListener::bind(&at).and_then(|listener| {
        fs::set_permissions(&at, Permissions::from_mode(0o600))?;
        fs::rename(&at, path)?;
        Ok(listener)
    });
    if made.is_err() {
        let _ = fs::remove_file(&at);
    }
    let _ = fs::remove_dir(&private);
    made
}

/// What clients ask.
#[derive(Clone, Debug)]
struct Asked {
    role: Role,
    sessions: Sessions,
    wishes: Wishes,
}

async fn serve(listener: UnixListener, asked: Asked) {
    let mut clients = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(PAUSE).await;
            continue;
        };
        while clients.try_join_next().is_some() {}
        // Nobody else can connect, but for who may change the mode of the file.
        let own = rustix::process::geteuid().as_raw();
        let may = stream.peer_cred().is_ok_and(|peer| peer.uid() == own || peer.uid() == 0);
        if may && clients.len() < CLIENTS {
            clients.spawn(talk(stream, asked.clone()));
        }
    }
}

/// Answers one client until it goes, is silent for too long, or says what cannot be understood.
async fn talk(stream: UnixStream, asked: Asked) {
    let mut stream = BufReader::new(stream);
    let mut offered = None;
    loop {
        let mut line = Vec::new();
        let mut bounded = (&mut stream).take(LONGEST_REQUEST);
        let Ok(Ok(_)) = timeout(SILENCE, bounded.read_until(b'\n', &mut line)).await else { return };
        if line.is_empty() {
            return;
        }
        let whole = line.ends_with(b"\n");
        let (outcome, goes_on) = match serde_json::from_slice::<Request>(&line) {
            Ok(Request { v: VERSION, command: Command::Take }) if whole => match offered.take() {
                Some(offered) => return asked.pass(stream, offered).await,
                None => (Outcome::Error("nothing was offered: ask with take-over before".into()), false),
            },
            Ok(Request { v: VERSION, command: Command::TakeOver }) if whole => match asked.offer() {
                Ok((offer, sockets)) => {
                    // Who takes what is not handed over gets nothing.
                    let all = Offered { udp: offer.udp.clone(), sockets };
                    offered = offer.why_not.is_none().then_some(all);
                    (Outcome::Offer(offer), true)
                }
                Err(why) => (Outcome::Error(why), true),
            },
            Ok(request) if request.v == VERSION && whole => (asked.answer(request.command).await, true),
            Ok(_) if whole => (Outcome::Error(format!("this program speaks version {VERSION}")), true),
            Ok(_) | Err(_) => (Outcome::Error("that is no request".into()), false),
        };
        let Ok(mut text) = serde_json::to_vec(&Answer::from(outcome)) else { return };
        text.push(b'\n');
        let written = timeout(READING, stream.get_mut().write_all(&text)).await;
        if !goes_on || !matches!(written, Ok(Ok(()))) {
            return;
        }
    }
}

/// What was offered on a connection.
struct Offered {
    udp: Vec<SocketAddr>,
    sockets: Vec<PassedSocket>,
}

impl Asked {
    /// What another process could take over from this one, and the sockets that it would get.
    fn offer(&self) -> Result<(Offer, Vec<PassedSocket>), String> {
        let viewer = self.sessions.first().filter(|_| self.role == Role::Proxy2);
        let viewer = viewer.ok_or("only a proxy2 that runs hands over what it has")?;
        let sockets = passed::lent().map_err(|error| format!("its sockets cannot be passed: {error}"))?;
        let is_other = |place: &ListeningView| place.kind != ListeningKind::Tcp;
        let why_not = if viewer.kind() == LinkKind::Classic {
            Some("only a proxy2 with sealed links hands over what it has".to_owned())
        } else if let Some(OtherProcess { pid, .. }) = viewer.predecessor() {
            Some(NotHandedOver::Predecessor { pid }.to_string())
        } else {
            let other = viewer.listening().into_iter().find(is_other);
            other.map(|place| {
                format!("it listens itself at {}, and only listeners for TCP are passed", place.at)
            })
        };
        let (udp, successor) = (viewer.udp().to_vec(), viewer.successor());
        let offer = Offer { wire: handover::VERSION, udp, sockets: sockets.len(), successor, why_not };
        Ok((offer, sockets))
    }

    /// Passes what was offered. From then on the connection is for the two processes.
    async fn pass(&self, stream: BufReader<UnixStream>, offered: Offered) {
        if !stream.buffer().is_empty() {
            return;
        }
        let stream = stream.into_inner();
        let pid = stream.peer_cred().ok().and_then(|peer| peer.pid());
        let pid = pid.and_then(|pid| u32::try_from(pid).ok()).unwrap_or_default();
        if let Ok(Ok(())) = timeout(READING, handover::give(&stream, &offered.sockets)).await {
            // Where another is on its way already this one is hung up on.
            let _ = self.wishes.take_overs.try_send(Channel::new(stream, pid, offered.udp));
        }
    }

    async fn restart(&self) -> Outcome {
        if self.role != Role::Proxy2 {
            return Outcome::Error("only a proxy2 is restarted without the loss of a stream".into());
        }
        let (answer, answered) = oneshot::channel();
        if self.wishes.restarts.try_send(answer).is_err() {
            return Outcome::Error("it is about to restart already, or to end".into());
        }
        match answered.await {
            Ok(Ok(done)) => Outcome::Done(done),
            Ok(Err(why)) => Outcome::Error(why),
            Err(_) => Outcome::Error("it has ended".into()),
        }
    }

    async fn answer(&self, command: Command) -> Outcome {
        match command {
            Command::Status { streams } => {
                let detail = if streams { Detail::Streams } else { Detail::Links };
                Outcome::Status(Box::new(self.sessions.view(detail).await))
            }
            Command::Close { id } => match id.parse::<ItemId>() {
                Ok(id) if self.sessions.close(id).await => {
                    tracing::info!(%id, "closed by the operator");
                    Outcome::Done(format!("{id} is closed"))
                }
                Ok(id) => Outcome::Error(format!("there is no {id}, or it does not answer")),
                Err(error) => Outcome::Error(error.to_string()),
            },
            Command::Reload => {
                reload::ask();
                Outcome::Done("tickets, names and the configuration file are read again".into())
            }
            Command::Drain { seconds } => {
                match self.wishes.drain.try_send(seconds.map(Duration::from_secs)) {
                    Ok(()) => Outcome::Done("nothing new is accepted; it ends with its last stream".into()),
                    Err(_) => Outcome::Error("it is draining already, or about to end".into()),
                }
            }
            Command::Version => Outcome::Version(crate::VERSION.into()),
            Command::Restart => self.restart().await,
            // Answered before: what follows them is another matter.
            Command::TakeOver | Command::Take => Outcome::Error("that is no request".into()),
        }
    }
}
