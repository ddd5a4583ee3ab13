//! Whether a proxy can do its work now.

use tunnel::view::{LinkState, LinkView, Role, SessionView};

use crate::source::Phase;

/// Why new clients should not be sent to this proxy, in a sentence; `None`: they may come.
pub(crate) fn why_not(phase: Phase, view: &SessionView) -> Option<String> {
    if view.draining.is_some() {
        return Some("it is draining: it accepts nothing new".into());
    }
    if view.udp.is_empty() {
        return Some("its UDP socket is not bound yet".into());
    }
    if view.role == Role::Proxy1 {
        if view.links.is_empty() {
            return Some("it has no link yet".into());
        }
        if let Some(why) = view.links.iter().find_map(why_not_up) {
            return Some(why);
        }
    }
    (phase == Phase::Starting).then(|| "it is starting: not all forwards are there yet".into())
}

fn why_not_up(link: &LinkView) -> Option<String> {
    let name = link.name.as_ref().map(|name| format!("the link '{name}'"));
    let name = name.as_deref().unwrap_or("the link");
    match &link.state {
        // A link without streams shows itself again when there is one: clients are welcome.
        LinkState::Up | LinkState::Dormant => None,
        LinkState::Joining => Some(format!("{name} is not up: proxy2 has not answered yet")),
        LinkState::Silent => Some(format!("{name} is not up: proxy2 does not answer")),
        LinkState::Refused { why } => Some(format!("{name} is not up: {why}")),
        LinkState::Ending => Some(format!("{name} ends")),
    }
}

#[cfg(test)]
mod tests {
    use tunnel::view::Draining;

    use super::*;

    fn proxy1(state: LinkState) -> SessionView {
        let link = LinkView { state, ..LinkView::default() };
        let udp = vec!["127.0.0.1:5000".parse().unwrap()];
        SessionView { links: vec![link], udp, ..SessionView::default() }
    }

    #[test]
    fn proxy1_is_ready_when_its_links_are_up_and_its_forwards_there() {
        assert_eq!(why_not(Phase::Running, &proxy1(LinkState::Up)), None);
        assert_eq!(why_not(Phase::Running, &proxy1(LinkState::Dormant)), None);
        for state in [
            LinkState::Joining,
            LinkState::Silent,
            LinkState::Ending,
            LinkState::Refused { why: "the ticket has been revoked".into() },
        ] {
            assert!(why_not(Phase::Running, &proxy1(state.clone())).is_some(), "{state:?}");
        }
        assert!(why_not(Phase::Starting, &proxy1(LinkState::Up)).is_some_and(|why| why.contains("starting")));
        let none = SessionView { links: Vec::new(), ..proxy1(LinkState::Up) };
        assert!(why_not(Phase::Running, &none).is_some());
    }

    #[test]
    fn one_of_several_links_that_is_not_up_is_named() {
        let mut view = proxy1(LinkState::Up);
        let other = LinkView { name: Some("office".into()), state: LinkState::Silent, ..LinkView::default() };
        view.links.push(other);
        let why = why_not(Phase::Running, &view).unwrap();
        assert_eq!(why, "the link 'office' is not up: proxy2 does not answer");
    }

    #[test]
    fn proxy2_is_ready_without_links_while_it_does_not_drain() {
        let ready = SessionView { role: Role::Proxy2, links: Vec::new(), ..proxy1(LinkState::Up) };
        assert_eq!(why_not(Phase::Running, &ready), None);
        let draining = SessionView { draining: Some(Draining::default()), ..ready.clone() };
        assert!(why_not(Phase::Running, &draining).is_some_and(|why| why.contains("draining")));
        let unbound = SessionView { udp: Vec::new(), ..ready };
        assert!(why_not(Phase::Running, &unbound).is_some());
    }
}
