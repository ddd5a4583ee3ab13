//! What each command does.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use paso::visible;
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, spawn_blocking};

use super::answer::Answer;
use super::fetch::{Sized, fetch};
use super::giving::Giving;
use super::home::Home;
use super::presence::Presence;
use super::published::{Published, PublishedFiles, forget_list};
use super::shell::{Command, HELP, parse};
use crate::hash::FileId;
use crate::index::change::{Asker, Owner};
use crate::multifile::download::{Wanted, download};
use crate::multifile::holder::Address;
use crate::names::service_of;
use crate::wire::operation::Operation;
use crate::wire::outcome::Outcome;
use crate::wire::request::Request;

/// What a client is told at its start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it serves files if the server is one of plain TCP.
    pub listen: SocketAddr,
    /// The folder in which it keeps what each user has published.
    pub lists: PathBuf,
    /// Whether it says the size of a file before it.
    pub sized: Sized,
    /// Whether a bar shows how far a file has come.
    pub has_bar: bool,
}

/// A client at work.
#[derive(Debug)]
pub struct Session {
    home: Home,
    settings: Settings,
    connected: Option<Connected>,
}

/// The user is there.
#[derive(Debug)]
struct Connected {
    user: String,
    files: PublishedFiles,
    /// `None`: over plain TCP the server believes it until it is told otherwise.
    _presence: Option<Presence>,
    serving: AbortHandle,
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// What a command has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Lines for the user.
    pub text: String,
    /// Whether it has done what was wanted.
    pub is_done: bool,
    /// Whether the user wants to leave.
    pub is_last: bool,
}

impl Said {
    /// To what is no command.
    pub fn wrong(why: impl std::fmt::Display) -> Self {
        Self { text: format!("c> {why}\n"), is_done: false, is_last: false }
    }

    fn of(outcome: Outcome, operation: Operation) -> Self {
        Self {
            text: format!("c> {}\n", outcome.sentence(operation)),
            is_done: outcome == Outcome::Done,
            is_last: false,
        }
    }

    /// A failure, and why.
    fn failed(operation: Operation, why: impl std::fmt::Display) -> Self {
        Self::of(Outcome::Failed, operation).and(why)
    }

    fn and(mut self, line: impl std::fmt::Display) -> Self {
        self.text.push_str(&format!("\t{}\n", visible(&line.to_string())));
        self
    }
}

/// A row of the answer to [`Operation::Holders`].
struct HolderRow {
    user: String,
    address: Address,
    path: String,
    content: Option<(FileId, u64)>,
}

impl Session {
    /// That has asked nothing yet.
    pub const fn new(home: Home, settings: Settings) -> Self {
        Self { home, settings, connected: None }
    }

    /// Does what a line says.
    pub async fn run(&mut self, line: &str) -> Said {
        match parse(line) {
            Ok(Some(command)) => self.execute(command).await,
            Ok(None) => Said { text: String::new(), is_done: true, is_last: false },
            Err(wrong) => Said::wrong(wrong),
        }
    }

    /// Disconnects, if anybody is connected.
    pub async fn leave(&mut self) {
        if let Some(Connected { user, .. }) = &self.connected {
            let user = user.clone();
            self.disconnect(&user).await;
        }
    }

    async fn execute(&mut self, command: Command) -> Said {
        match command {
            Command::Register(user) => self.simple(Operation::Register, &[&user]).await,
            Command::Unregister(user) => {
                let said = self.simple(Operation::Unregister, &[&user]).await;
                if !said.is_done {
                    return said;
                }
                self.forget(&user);
                // Who registers it again begins with nothing.
                match forget_list(&self.list_of(&user)) {
                    Ok(()) => said,
                    Err(error) => {
                        said.and(format_args!("what it has published is still written down: {error}"))
                    }
                }
            }
            Command::Connect(user) => self.connect(&user).await,
            Command::Disconnect(user) => self.disconnect(&user).await,
            Command::Publish { file, description } => self.publish(&file, &description).await,
            Command::Delete(file) => self.delete(&file).await,
            Command::ListUsers => self.list(Operation::ListUsers, &[]).await,
            Command::ListContent(user) => self.list(Operation::ListContent, &[&user]).await,
            Command::GetFile { user, remote, local } => self.get_file(&user, &remote, &local).await,
            Command::GetMultifile { remote, local } => self.get_multifile(&remote, &local).await,
            Command::Help => Said { text: format!("{HELP}\n"), is_done: true, is_last: false },
            Command::Quit => {
                self.leave().await;
                Said { text: String::new(), is_done: true, is_last: true }
            }
        }
    }

    async fn ask(&self, operation: Operation, fields: &[&str]) -> io::Result<Answer> {
        self.home.ask(&Request::new(operation, fields)).await
    }

    async fn simple(&self, operation: Operation, fields: &[&str]) -> Said {
        match self.ask(operation, fields).await {
            Ok(answer) => Said::of(answer.outcome, operation),
            Err(error) => Said::failed(operation, no_answer(&error)),
        }
    }

    async fn connect(&mut self, user: &str) -> Said {
        const OPERATION: Operation = Operation::Connect;
        if let Some(connected) = &self.connected {
            return match connected.user == user {
                true => Said::of(Outcome::AlreadyConnected, OPERATION),
                false => Said::failed(
                    OPERATION,
                    format!("{} is connected here: DISCONNECT it first", connected.user),
                ),
            };
        }
        let list = self.list_of(user);
        let (files, lost) = match spawn_blocking(move || PublishedFiles::load(list)).await {
            Ok(Ok(loaded)) => loaded,
            Ok(Err(error)) => {
                return Said::failed(OPERATION, format!("the list of published files: {error}"));
            }
            Err(error) => return Said::failed(OPERATION, error),
        };
        let giving = Giving::new(files.clone(), self.settings.sized);
        let begun = match &self.home {
            Home::Named { link, .. } => self.connect_by_name(link, user, giving).await,
            Home::Plain(_) => self.connect_by_port(user, giving).await,
        };
        match begun {
            Ok((serving, presence)) => {
                self.connected =
                    Some(Connected { user: user.to_owned(), files, _presence: presence, serving });
                let said = Said::of(Outcome::Done, OPERATION);
                lost.into_iter()
                    .fold(said, |said, lost| said.and(format_args!("not served any more: {lost}")))
            }
            Err(said) => said,
        }
    }

    /// Where it is written down what this user has published.
    fn list_of(&self, user: &str) -> PathBuf {
        self.settings.lists.join(format!("{}.list", service_of(&self.asker(user))))
    }

    /// Who this client is to the server.
    fn asker(&self, user: &str) -> Asker {
        let owner = match &self.home {
            Home::Named { ticket, .. } => Owner::Ticket(ticket.clone()),
            Home::Plain(_) => Owner::Plain,
        };
        Asker { user: user.to_owned(), owner }
    }

    async fn connect_by_name(
        &self,
        link: &paso::Link,
        user: &str,
        giving: Giving,
    ) -> Result<(AbortHandle, Option<Presence>), Said> {
        const OPERATION: Operation = Operation::Connect;
        let name = service_of(&self.asker(user));
        let listener = link.publish(&name).await;
        let listener =
            listener.map_err(|error| Said::failed(OPERATION, format!("cannot publish @{name}: {error}")))?;
        let serving = tokio::spawn(giving.serve_named(listener)).abort_handle();
        let refused = match Presence::begin(&self.home, user).await {
            Ok(Ok(presence)) => return Ok((serving, Some(presence))),
            Ok(Err(outcome)) => Said::of(outcome, OPERATION),
            Err(error) => Said::failed(OPERATION, no_answer(&error)),
        };
        serving.abort();
        Err(refused)
    }

    async fn connect_by_port(
        &self,
        user: &str,
        giving: Giving,
    ) -> Result<(AbortHandle, Option<Presence>), Said> {
        const OPERATION: Operation = Operation::Connect;
        let at = self.settings.listen;
        let bound = TcpListener::bind(at).await.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (at, listener) =
            bound.map_err(|error| Said::failed(OPERATION, format!("cannot listen on {at}: {error}")))?;
        let serving = tokio::spawn(giving.serve_plain(listener)).abort_handle();
        let refused = match self.ask(OPERATION, &[user, &at.port().to_string()]).await {
            Ok(Answer { outcome: Outcome::Done, .. }) => return Ok((serving, None)),
            Ok(Answer { outcome, .. }) => Said::of(outcome, OPERATION),
            Err(error) => Said::failed(OPERATION, no_answer(&error)),
        };
        serving.abort();
        Err(refused)
    }

    async fn disconnect(&mut self, user: &str) -> Said {
        let said = self.simple(Operation::Disconnect, &[user]).await;
        // Whatever the server says: its user does not want to be here any more.
        self.forget(user);
        said
    }

    fn forget(&mut self, user: &str) {
        self.connected.take_if(|connected| connected.user == user);
    }

    async fn publish(&self, path: &str, description: &str) -> Said {
        const OPERATION: Operation = Operation::Publish;
        let Some(connected) = &self.connected else { return Said::of(Outcome::NotConnected, OPERATION) };
        if !paso::is_visible(path) {
            return Said::failed(OPERATION, "a name that a screen cannot show is not published");
        }
        if connected.files.at(path).is_some() {
            return Said::of(Outcome::AlreadyPublished, OPERATION);
        }
        let file = PathBuf::from(path);
        let file = match spawn_blocking(move || Published::read(&file)).await {
            Ok(Ok(file)) => file,
            Ok(Err(error)) => return Said::failed(OPERATION, error),
            Err(error) => return Said::failed(OPERATION, error),
        };
        let (id, size) = (file.id.to_string(), file.size.to_string());
        let offer = self.ask(Operation::Offer, &[&connected.user, path, description, &id, &size]).await;
        let answer = match (offer, &self.home) {
            // Servers of the course know no such operation, and end the connection.
            (Err(_), Home::Plain(_)) => self.ask(OPERATION, &[&connected.user, path, description]).await,
            (answer, _) => answer,
        };
        let outcome = match answer {
            Ok(answer) => answer.outcome,
            Err(error) => return Said::failed(OPERATION, no_answer(&error)),
        };
        // Published by this user before, here or elsewhere: it is served all the same.
        if !matches!(outcome, Outcome::Done | Outcome::AlreadyPublished) {
            return Said::of(outcome, OPERATION);
        }
        let (files, path) = (connected.files.clone(), path.to_owned());
        match spawn_blocking(move || files.add(&path, file)).await {
            Ok(Ok(())) => Said::of(outcome, OPERATION),
            Ok(Err(error)) => Said::failed(OPERATION, format!("it is not served: {error}; DELETE it")),
            Err(error) => Said::failed(OPERATION, error),
        }
    }

    async fn delete(&self, path: &str) -> Said {
        const OPERATION: Operation = Operation::Delete;
        let Some(connected) = &self.connected else { return Said::of(Outcome::NotConnected, OPERATION) };
        // First here: it is not served from now on, whatever becomes of the rest.
        let (files, name) = (connected.files.clone(), path.to_owned());
        let removed = spawn_blocking(move || files.remove(&name)).await;
        let said = self.simple(OPERATION, &[&connected.user, path]).await;
        match removed {
            Ok(Ok(())) => said,
            Ok(Err(error)) => said.and(format_args!("it is served again after a restart: {error}")),
            Err(error) => said.and(error),
        }
    }

    async fn list(&self, operation: Operation, arguments: &[&str]) -> Said {
        let Some(connected) = &self.connected else { return Said::of(Outcome::NotConnected, operation) };
        let fields: Vec<&str> =
            [connected.user.as_str()].into_iter().chain(arguments.iter().copied()).collect();
        match self.ask(operation, &fields).await {
            Ok(Answer { outcome, rows }) => {
                let said = Said::of(outcome, operation);
                rows.into_iter().fold(said, |said, row| said.and(row.join("  ")))
            }
            Err(error) => Said::failed(operation, no_answer(&error)),
        }
    }

    async fn get_file(&self, user: &str, remote: &str, local: &str) -> Said {
        const OPERATION: Operation = Operation::GetFile;
        let Some(connected) = &self.connected else { return Said::failed(OPERATION, "CONNECT first") };
        let found = match self.holders(&connected.user, user, remote).await {
            Ok(Ok(found)) => found.into_iter().next(),
            Ok(Err(outcome)) => return Said::of(outcome, OPERATION),
            Err(error) if matches!(self.home, Home::Named { .. }) => {
                return Said::failed(OPERATION, no_answer(&error));
            }
            // A server of the course does not know who has a file, but where a user is.
            Err(_) => self.listed(&connected.user, user, remote).await,
        };
        let Some(HolderRow { address, path, content, .. }) = found else {
            return Said::of(Outcome::NoFile, OPERATION);
        };
        if let Some((id, size)) = content {
            return self
                .download(OPERATION, Wanted { id, size, to: Path::new(local) }, &[address], &[])
                .await;
        }
        let bar = self.bar(0);
        let counted = bar.clone();
        let fetched = fetch(&address, &path, Path::new(local), move |bytes| counted.inc(bytes)).await;
        bar.finish_and_clear();
        match fetched {
            Ok(outcome) => Said::of(outcome, OPERATION),
            Err(error) => Said::failed(OPERATION, error),
        }
    }

    async fn get_multifile(&self, remote: &str, local: &str) -> Said {
        const OPERATION: Operation = Operation::GetMultifile;
        let Some(connected) = &self.connected else { return Said::failed(OPERATION, "CONNECT first") };
        let holders = match self.holders(&connected.user, "", remote).await {
            Ok(Ok(holders)) => holders,
            Ok(Err(outcome)) => return Said::of(outcome, OPERATION),
            Err(error) => {
                return Said::failed(OPERATION, no_answer(&error))
                    .and("a server of the course knows no hashes: GET_FILE fetches from one user");
            }
        };
        let mut files: BTreeMap<(FileId, u64), Vec<HolderRow>> = BTreeMap::new();
        for holder in holders.into_iter().filter(|holder| holder.user != connected.user) {
            if let Some(content) = holder.content {
                files.entry(content).or_default().push(holder);
            }
        }
        let mut files: Vec<_> = files.into_iter().collect();
        let Some(((first, _), _)) = files.first() else { return Said::of(Outcome::NoFile, OPERATION) };
        let first = *first;
        if files.iter().any(|((id, _), _)| *id != first) {
            let said = Said::failed(OPERATION, "several files are called so: say which by its hash");
            return files.into_iter().fold(said, |said, ((id, size), holders)| {
                let who: Vec<String> = holders.into_iter().map(|holder| holder.user).collect();
                said.and(format_args!("{id}  {size} bytes, of {}", who.join(", ")))
            });
        }
        // A hash is of one size. Of those who say another one nobody has the file: what most say is tried first.
        files.sort_by_key(|(_, holders)| Reverse(holders.len()));
        let mut said = Said::of(Outcome::NoFile, OPERATION);
        for ((id, size), holders) in files {
            let (names, addresses): (Vec<_>, Vec<_>) =
                holders.into_iter().map(|holder| (holder.user, holder.address)).unzip();
            let wanted = Wanted { id, size, to: Path::new(local) };
            said = self.download(OPERATION, wanted, &addresses, &names).await;
            if said.is_done {
                break;
            }
        }
        said
    }

    /// Who has the file; `user` is empty for everybody.
    async fn holders(&self, me: &str, user: &str, what: &str) -> io::Result<Result<Vec<HolderRow>, Outcome>> {
        let Answer { outcome, rows } = self.ask(Operation::Holders, &[me, user, what]).await?;
        if outcome != Outcome::Done {
            return Ok(Err(outcome));
        }
        Ok(Ok(rows.into_iter().filter_map(|row| self.holder_of(row)).collect()))
    }

    /// `None`: this client cannot reach it, or the row makes no sense.
    fn holder_of(&self, row: Vec<String>) -> Option<HolderRow> {
        let [user, service, ip, port, path, id, size] = <[String; 7]>::try_from(row).ok()?;
        let address = match &self.home {
            Home::Named { link, .. } if !service.is_empty() => Address::Named(link.clone(), service),
            Home::Named { .. } => return None,
            Home::Plain(_) => address_of(&ip, &port)?,
        };
        let content = id.parse().ok().zip(size.parse().ok());
        Some(HolderRow { user, address, path, content })
    }

    async fn listed(&self, me: &str, user: &str, path: &str) -> Option<HolderRow> {
        let users = self.ask(Operation::ListUsers, &[me]).await.ok()?;
        users.rows.into_iter().find_map(|row| {
            let [name, ip, port] = <[String; 3]>::try_from(row).ok()?;
            let address = (name == user).then(|| address_of(&ip, &port))??;
            Some(HolderRow { user: name, address, path: path.to_owned(), content: None })
        })
    }

    async fn download(
        &self,
        operation: Operation,
        wanted: Wanted<'_>,
        holders: &[Address],
        names: &[String],
    ) -> Said {
        let bar = self.bar(wanted.size);
        let counted = bar.clone();
        let fetched = download(wanted, holders, move |bytes| counted.inc(bytes)).await;
        bar.finish_and_clear();
        let fetched = match fetched {
            Ok(fetched) => fetched,
            Err(error) => return Said::failed(operation, error),
        };
        let mut said = Said::of(Outcome::Done, operation);
        if fetched.resumed > 0 {
            said = said.and(format_args!("{} of {} bytes were there already", fetched.resumed, wanted.size));
        }
        for (name, brought) in names.iter().zip(fetched.brought) {
            said = said.and(format_args!("{brought} blocks of {name}"));
        }
        said
    }

    /// Of a file of this size; 0: it is not known.
    fn bar(&self, size: u64) -> ProgressBar {
        const KNOWN: &str = "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        let bar = if size > 0 { ProgressBar::new(size) } else { ProgressBar::no_length() };
        if !self.settings.has_bar {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let template = if size > 0 { KNOWN } else { "{spinner} {bytes} {bytes_per_sec}" };
        bar.with_style(ProgressStyle::with_template(template).expect("the template is sound"))
    }
}

fn address_of(ip: &str, port: &str) -> Option<Address> {
    let port = port.parse().ok().filter(|port| *port != 0)?;
    ip.parse().ok().map(|ip| Address::At(SocketAddr::new(ip, port)))
}

fn no_answer(error: &io::Error) -> String {
    format!("the server does not answer: {error}")
}
