//! The counters of a running session, in the log, when its operator asks for them: SIGUSR1, where there are signals.

use std::convert::Infallible;

use super::{LinkKind, Registry};
use crate::wish::Wish;

static TELL: Wish = Wish::new();

/// Asks all sessions of the process to log their counters, a line each.
pub fn ask() {
    TELL.ask();
}

/// Logs those of one session whenever that is asked for.
pub(crate) async fn tell(registry: Registry, kind: LinkKind) -> Infallible {
    let mut asked = TELL.listen();
    loop {
        asked.next().await;
        registry.totals().log(kind, "counted so far");
    }
}
