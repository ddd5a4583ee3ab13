//! What a control stream holds for its proxy1.

use std::sync::Arc;

use proto::destination::ServiceName;
use tokio::sync::oneshot;
use tracing::info;

use super::{Busy, Registered, Session};
use crate::control::messages::{Body, Event, Refused, RefusedCode, RegistrationId, RequestNumber};
use crate::control::places::{held_text, read_asked};
use crate::control::server::listening::{ListenRequest, Listening};
use crate::control::server::relay::Reach;
use crate::link::sealed::{LinkRequest, RequestSender};
use crate::local::forwarding::Bound;
use crate::local::grant::{Grant, PeerRegistration, Place};
use crate::names::Service;

impl Session {
    pub(super) fn begin_to_listen(
        &mut self,
        n: RequestNumber,
        id: RegistrationId,
        at: &str,
    ) -> Result<(), Refused> {
        let asked = read_asked(at)
            .map_err(|why| Refused::new(RefusedCode::Malformed, format!("'{}': {why}", at.escape_debug())))?;
        self.check_free(id)?;
        let request = ListenRequest {
            id,
            asked,
            ticket: Arc::clone(&self.port.ticket),
            listeners: self.port.exchange.listeners.clone(),
            wanted: self.want.clone(),
            keepalive: self.port.exchange.dialling.keepalive,
        };
        self.busy = Busy::Listening(n, id, Box::pin(request.listen()));
        Ok(())
    }

    pub(super) async fn listened(
        &mut self,
        n: RequestNumber,
        id: RegistrationId,
        done: Result<Listening, Refused>,
    ) {
        self.busy = Busy::Nothing;
        let checked = done.and_then(|listening| {
            // The rules may have changed meanwhile.
            let grant = &listening.registration.grant;
            let checked = grant.check(&self.access.rules());
            checked.map_err(|_| Refused::forbidden(grant, &self.access))?;
            Ok(listening)
        });
        match checked {
            Ok(Listening { registration, forwarding, kept }) => {
                let bound = forwarding.bound().clone();
                self.answer(n, Body::Bound { at: held_text(&bound) });
                if let Some(held_back) = self.port.ticket.pass_link_line() {
                    info!(ticket = self.access.name(), %bound, held_back, "listening for a proxy1");
                }
                self.registrations.insert(id, Registered::Listening(registration, bound));
                // Fails only where the link is over, and this stream with it.
                let _ = self.port.requests.send(LinkRequest::Listen(Box::new(forwarding), kept)).await;
            }
            Err(refused) => {
                self.count_refused();
                self.refuse(n, refused);
            }
        }
    }

    pub(super) fn publish(&mut self, id: RegistrationId, name: &str, udp: bool) -> Result<(), Refused> {
        let malformed =
            |error: &dyn std::fmt::Display| Refused::new(RefusedCode::Malformed, error.to_string());
        let name: ServiceName = name.parse().map_err(|error| malformed(&error))?;
        self.check_free(id)?;
        let grant = Grant::Publish(name.clone());
        grant.check(&self.access.rules()).map_err(|_| Refused::forbidden(&grant, &self.access))?;
        let registration = Arc::new(PeerRegistration { id, grant });
        let reach = Reach::Link {
            requests: self.port.requests.clone(),
            registration: Arc::clone(&registration),
            presence: Arc::clone(&self.port.presence),
        };
        let service = Service { name: name.clone(), udp };
        let published = self.port.exchange.names.publish(service, Some(self.access.name()), reach);
        let publication =
            published.map_err(|error| Refused::new(RefusedCode::Limit, format!("@{name}: {error}")))?;
        self.registrations.insert(id, Registered::Published(registration, publication));
        if self.registrations.len() == 1 {
            // Once it has answered it is known how long that takes.
            self.port.presence.ask();
        }
        Ok(())
    }

    fn check_free(&self, id: RegistrationId) -> Result<(), Refused> {
        match self.registrations.contains_key(&id) {
            true => {
                Err(Refused::new(RefusedCode::Taken, format!("the number {id} is of another registration")))
            }
            false => Ok(()),
        }
    }

    /// Another process of the same ticket wants the address of a registration.
    pub(super) async fn hand_over(&mut self, id: RegistrationId) {
        let Some(Registered::Listening(registration, _)) = self.registrations.get(&id) else { return };
        let Grant::Listen(Place { asked, .. }) = &registration.grant else { return };
        let sentence =
            format!("{asked} has gone to another process with this ticket, which has asked for it later");
        self.port.exchange.counters.count(|counters| counters.registrations_handed_over += 1);
        self.lose(id, Refused::new(RefusedCode::Moved, sentence)).await;
    }

    /// Takes away what the rules do not allow any more. The link sees to its streams.
    pub(super) async fn check_rules(&mut self) {
        let rules = self.access.rules();
        let forbidden = |(id, registered): (&RegistrationId, &Registered)| {
            let grant = &registered.of().grant;
            grant.check(&rules).is_err().then(|| (*id, Refused::forbidden(grant, &self.access)))
        };
        let lost: Vec<_> = self.registrations.iter().filter_map(forbidden).collect();
        for (id, why) in lost {
            self.port.exchange.counters.count(|counters| counters.registrations_lost += 1);
            self.lose(id, why).await;
        }
    }

    async fn lose(&mut self, id: RegistrationId, why: Refused) {
        if let Some(Registered::Listening(_, bound)) = self.registrations.remove(&id) {
            stop_listening(&self.port.requests, bound).await;
        }
        self.event(Event::Lost { id, why });
    }
}

/// Stops listening there.
pub(super) async fn stop_listening(link: &RequestSender, bound: Bound) {
    let (answer, removed) = oneshot::channel();
    // Both fail only where the link is over: then nobody listens there.
    if link.send(LinkRequest::Remove(bound, answer)).await.is_ok() {
        let _ = removed.await;
    }
}
