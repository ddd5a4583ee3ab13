//! The end that joins: forwards, and a link that is up later.

use proto::ticket::Ticket;
use tokio::sync::{mpsc, watch};
use tracing::info;

use crate::bind_error::BindError;
use crate::control::client::{ControlTask, Registrations};
use crate::link::sealed;
use crate::local::forwarding::{Bound, Forwarding};
use crate::session::checks::{check_buffer, check_descriptors, check_places};
use crate::session::registration::Starting;
use crate::session::{LinkHandle, LinkStatus, Listening, Proxy, Session};
use crate::settings::ClientSettings;
use crate::udp::Udp;

pub(super) async fn client(mut settings: ClientSettings) -> Result<Session, BindError> {
    let ticket = find_exit(&settings).await?;
    // Streams of this process need no descriptors.
    if !settings.forwards.is_empty() || !settings.reverse.is_empty() {
        settings.link.max_streams = check_descriptors(settings.link.max_streams);
    }
    let forwards = bind_forwards(&settings).await?;
    let udp = Udp::bind_any(settings.link.socket_buffer).map_err(BindError::Socket)?;
    check_buffer(&udp, settings.link.socket_buffer)?;
    let udp_address = udp.local_addr().map_err(BindError::Socket)?;
    let listening: Vec<_> = forwards.iter().map(|forward| forward.bound().clone()).collect();
    tell_listening(&listening);
    let stdio = forwards.iter().find_map(Forwarding::stdio_status);

    let (requests, asked) = sealed::requests();
    let (told, status) = watch::channel(LinkStatus::default());
    let (commands, commanded) = mpsc::unbounded_channel();
    let keepalive = settings.link.tcp_keepalive;
    let link = LinkHandle {
        requests: requests.clone(),
        status: status.clone(),
        keepalive,
        commands,
        listening: Listening::new(&listening),
    };
    let mut starting = Starting::default();
    for reverse in &settings.reverse {
        starting.add(link.begin_to_register(reverse)?);
    }
    let registrations = Registrations::default();
    let resources = sealed::ClientResources {
        ticket,
        forwards,
        registrations: registrations.clone(),
        explain: link.commands.clone(),
        udp,
        requests: (requests.clone(), asked),
        status: told,
    };
    let client = sealed::Client::new(settings, resources);
    let counters = client.registry().of_process().into();
    let control = ControlTask::new(requests, status, commanded, registrations, counters);
    let session = Session::new(vec![udp_address], listening, Proxy::Client(Box::new(client)));
    Ok(Session { link: Some(link), control: Some(control), starting, stdio, ..session })
}

/// The ticket, once one of the places of proxy2 may be there. What cannot be looked up yet, the link says and tries again.
async fn find_exit(settings: &ClientSettings) -> Result<Ticket, BindError> {
    if !settings.places.is_empty() {
        check_places("HOST PORT", &settings.places).await?;
    }
    let ticket = settings.ticket.find()?;
    if settings.places.is_empty() {
        check_places("the ticket's", &sealed::places_of(&ticket)).await?;
    }
    Ok(ticket)
}

async fn bind_forwards(settings: &ClientSettings) -> Result<Vec<Forwarding>, BindError> {
    let mut forwards = Vec::with_capacity(settings.forwards.len());
    for forward in &settings.forwards {
        forwards.push(Forwarding::bind(forward, settings.link.tcp_keepalive).await?);
    }
    Ok(forwards)
}

/// Says where clients connect: one line for each place, or for all where they are many.
fn tell_listening(listening: &[Bound]) {
    /// As many lines as can be read at a glance.
    const LINES: usize = 8;
    if let (Some(first), Some(last), true) = (listening.first(), listening.last(), listening.len() > LINES) {
        info!(places = listening.len(), %first, %last, "proxy1 accepts connections");
        return;
    }
    for bound in listening {
        match bound {
            Bound::Tcp(address) => info!(listening = %address, "proxy1 accepts TCP connections"),
            Bound::Unix(path) => {
                info!(listening = %path.display(), "proxy1 accepts connections of a Unix socket")
            }
            Bound::Udp(address) => info!(listening = %address, "proxy1 accepts datagrams of clients"),
            Bound::Stdio => info!("proxy1 carries standard input and output"),
        }
    }
}
