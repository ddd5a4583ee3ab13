//! The names that proxy2 itself uses and publishes.

use crate::bind_error::BindError;
use crate::local::dial::OwnTarget;
use crate::local::forwarding::Forwarding;
use crate::names::Service;
use crate::settings::{CarryTo, Destination, Reverse, ReverseAt, ServerSettings};

/// proxy2's own listeners, and the names that their clients go to.
pub(super) async fn names_forwarded(
    settings: &ServerSettings,
) -> Result<Vec<(Forwarding, Service)>, BindError> {
    let mut forwards = Vec::with_capacity(settings.forwards.len());
    for forward in &settings.forwards {
        let CarryTo::Destination(Destination::Service { name, udp: false }) = &forward.to else {
            return Err(BindError::NoName(forward.listen.clone()));
        };
        let forwarding = Forwarding::bind(forward, settings.link.tcp_keepalive).await?;
        forwards.push((forwarding, Service { name: name.clone(), udp: false }));
    }
    Ok(forwards)
}

/// What proxy2 itself publishes.
pub(super) fn published(settings: &ServerSettings) -> Result<Vec<(Service, OwnTarget)>, BindError> {
    let own = |Reverse { at, to, .. }: &Reverse| match (at, OwnTarget::new(to)) {
        (ReverseAt::Publish(name), Some(target)) => {
            Ok((Service { name: name.clone(), udp: target.takes_datagrams() }, target))
        }
        (ReverseAt::Publish(_) | ReverseAt::Listen(_), _) => {
            Err(BindError::Publish { at: at.clone(), to: to.clone() })
        }
    };
    settings.publish.iter().map(own).collect()
}
