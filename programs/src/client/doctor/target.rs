//! Whether proxy2 reaches what it should, and what the ticket may do: over an ordinary link.

use std::time::Duration;

use paso::{Link, OpenError, Stream};
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;
use tunnel::session::Identity;
use tunnel::settings::Destination;

use super::verdict::Cause;
use crate::client::Joining;
use crate::stdio;

/// How long proxy2 may take to reach the target: the whole answer is to come within 10 s.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long the target may take to end what was opened for nothing.
const ENDING: Duration = Duration::from_millis(300);

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct TargetCheck {
    /// Who this end is to proxy2, if it says so.
    pub(super) identity: Option<Identity>,
    /// What is wrong; none: the target accepts, or proxy2 has none.
    pub(super) cause: Option<Cause>,
    /// One sentence.
    pub(super) sentence: String,
    /// Something accepts there.
    pub(super) is_reached: bool,
}

/// Asks proxy2 to connect to the `target`, or to its own.
pub(super) async fn check(joining: Joining, target: Option<&Destination>) -> TargetCheck {
    let checked = async {
        let link = joining.join().await.map_err(|error| format!("{error:#}"))?;
        let identity = timeout(stdio::WHY, link.who_am_i()).await.ok().and_then(Result::ok);
        let mut checked = open(&link, target).await;
        checked.identity = identity;
        // The link was only for this.
        let _ = link.close().await;
        Ok::<_, String>(checked)
    };
    checked.await.unwrap_or_else(|sentence| TargetCheck {
        cause: Some(Cause::Lost),
        sentence,
        ..TargetCheck::default()
    })
}

async fn open(link: &Link, target: Option<&Destination>) -> TargetCheck {
    let name = target.map_or_else(|| "proxy2's own target".to_owned(), ToString::to_string);
    let is_flow = target.is_some_and(Destination::is_udp);
    let opening = async {
        match target {
            None => end(link.open_default().await?).await,
            Some(Destination::Udp(target)) => drop(link.open_udp(&target.to_string()).await?),
            Some(Destination::Service { name, udp: true }) => drop(link.open_udp(&format!("@{name}")).await?),
            Some(target) => end(link.open(&target.to_string()).await?).await,
        }
        Ok(())
    };
    let wrong = |cause, sentence| TargetCheck { cause: Some(cause), sentence, ..TargetCheck::default() };
    let Ok(opened) = timeout(PATIENCE, opening).await else {
        let sentence = format!("{name} has not answered proxy2 within {} s", PATIENCE.as_secs());
        return wrong(Cause::TargetSilent, sentence);
    };
    let error = match opened {
        Ok(()) => {
            let how = if is_flow { "proxy2 has a socket for" } else { "proxy2 is connected to" };
            return TargetCheck {
                sentence: format!("{how} {name}"),
                is_reached: true,
                ..TargetCheck::default()
            };
        }
        Err(error) => error,
    };
    if error == OpenError::Forbidden {
        return forbidden(link, target, &name).await;
    }
    wrong(cause_of(error), format!("{name}: {error}"))
}

/// What keeps a target from being reached.
fn cause_of(error: OpenError) -> Cause {
    // The list is the library's, and may grow.
    let causes = [
        (OpenError::Refused, Cause::TargetRefused),
        (OpenError::Unreachable, Cause::TargetUnreachable),
        (OpenError::TimedOut, Cause::TargetSilent),
        (OpenError::Limit, Cause::TargetLimit),
    ];
    causes.into_iter().find(|(known, _)| *known == error).map_or(Cause::Lost, |(_, cause)| cause)
}

/// The rules of the ticket do not allow the target, or proxy2 has none of its own.
async fn forbidden(link: &Link, target: Option<&Destination>, name: &str) -> TargetCheck {
    let Some(target) = target else {
        let sentence =
            "proxy2 has no target of its own that this ticket may use; -W HOST:PORT asks for another".into();
        return TargetCheck { sentence, ..TargetCheck::default() };
    };
    let why = timeout(stdio::WHY, link.why_forbidden(&target.to_string())).await.ok().flatten();
    let sentence = why.unwrap_or_else(|| format!("{name}: {}", OpenError::Forbidden));
    TargetCheck { cause: Some(Cause::TargetForbidden), sentence, ..TargetCheck::default() }
}

/// Ends a stream in order, if its target does so soon: a reset would stand in the logs of many.
async fn end(mut stream: Stream) {
    let ending = async {
        stream.shutdown().await?;
        // What a server says to everybody who comes is of no use here.
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
    };
    let _ = timeout(ENDING, ending).await;
}
