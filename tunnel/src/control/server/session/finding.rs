//! Before names are told, those who publish them are asked whether they are there: one that was killed has told nobody.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proto::destination::ServiceName;
use tokio::time::timeout;

use super::{Busy, Session};
use crate::control::messages::RequestNumber;
use crate::control::server::relay::Reach;
use crate::link::sealed::Presence;
use crate::names::Service;
use crate::rules::NameGlob;

/// How long a search waits for the answers. Whoever is not known to be silent by then, as its path is long, is told as if it were there.
const PATIENCE: Duration = Duration::from_secs(1);
/// Publishers' links that one search asks: each gets a packet. The others are told as they are known.
const MAX_ASKED: usize = 1_024;

/// The search for those who may not be there.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    /// Behind which name it goes on.
    after: Option<Service>,
    /// Links that have been asked, each once, by where they are in memory: many names may be of one.
    asked: BTreeMap<usize, Arc<Presence>>,
}

impl Session {
    /// Asks the publishers of the next names.
    pub(super) fn doubt(&mut self, n: RequestNumber, glob: NameGlob, mut doubts: Doubts) -> Busy {
        let (publishers, next) = self.publishers(&glob, doubts.after.as_ref());
        let asked = &mut doubts.asked;
        for presence in publishers.into_iter().filter(|presence| !presence.is_fresh()) {
            if asked.len() < MAX_ASKED {
                asked.entry(address(&presence)).or_insert_with(|| {
                    presence.ask();
                    presence
                });
            }
        }
        match next {
            Some(next) if doubts.asked.len() < MAX_ASKED => {
                Busy::Doubting(n, glob, Doubts { after: Some(next), ..doubts })
            }
            _ if doubts.asked.is_empty() => Busy::Finding(n, glob, None),
            _ => Busy::Waiting(n, glob, Box::pin(all_decided(doubts.asked))),
        }
    }

    /// The links of those who publish the next names of this form that the ticket may use, and behind which name to go on.
    pub(super) fn publishers(
        &self,
        glob: &NameGlob,
        after: Option<&Service>,
    ) -> (Vec<Arc<Presence>>, Option<Service>) {
        let rules = self.access.rules();
        let may_use = |name: &ServiceName| rules.may_use(name).is_ok();
        let mut links = BTreeMap::new();
        // Nothing is asked of them here: others wait.
        let next = self.port.exchange.names.visit(glob, after, may_use, |reach| {
            if let Reach::Link { presence, .. } = reach {
                links.entry(address(presence)).or_insert_with(|| Arc::clone(presence));
            }
        });
        (links.into_values().collect(), next)
    }
}

/// Where it is in memory: what tells links apart.
fn address(presence: &Arc<Presence>) -> usize {
    Arc::as_ptr(presence).addr()
}

async fn all_decided(asked: BTreeMap<usize, Arc<Presence>>) {
    let all = async {
        // What comes of the others may not be known in time.
        for presence in asked.values().filter(|presence| !presence.is_slow()) {
            presence.decided().await;
        }
    };
    // Silent or not, time is up.
    let _ = timeout(PATIENCE, all).await;
}
