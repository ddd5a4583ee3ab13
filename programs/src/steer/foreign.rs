//! What a proxy of another user says: nothing of it may play with the terminal.

use tunnel::view::{LinkState, LinkView, ListeningView, SessionView, StreamView};
use tunnel::visible::visible;

/// Its texts, as they may be shown. What is a text stands here, field by field: a new one is not forgotten.
pub(super) fn clean(view: &mut SessionView) {
    let SessionView {
        version,
        listening,
        links,
        pid: _,
        role: _,
        kind: _,
        since: _,
        taken_at: _,
        uptime_ms: _,
        udp: _,
        draining: _,
        // Looked up by name, and never shown.
        counters: _,
        links_left_out: _,
        predecessor: _,
        successor: _,
    } = view;
    clean_text(version);
    for ListeningView { at, link, kind: _ } in listening {
        clean_text(at);
        link.iter_mut().for_each(clean_text);
    }
    links.iter_mut().for_each(clean_link);
}

fn clean_link(link: &mut LinkView) {
    let LinkView {
        name,
        ticket,
        state,
        streams,
        number: _,
        kind: _,
        peer: _,
        local_port: _,
        since: _,
        state_since: _,
        answered: _,
        path: _,
        sent_bytes: _,
        received_bytes: _,
        counters: _,
        streams_open: _,
        streams_left_out: _,
    } = link;
    name.iter_mut().chain(ticket).for_each(clean_text);
    if let LinkState::Refused { why } = state {
        clean_text(why);
    }
    streams.iter_mut().for_each(clean_stream);
}

fn clean_stream(stream: &mut StreamView) {
    let StreamView {
        client,
        target,
        id: _,
        classic_id: _,
        kind: _,
        opened_by: _,
        state: _,
        age_ms: _,
        idle_ms: _,
        sent_bytes: _,
        received_bytes: _,
        queued_bytes: _,
        unread_bytes: _,
        limited_by: _,
    } = stream;
    clean_text(client);
    clean_text(target);
}

fn clean_text(text: &mut String) {
    let shown = visible(text);
    if shown != *text {
        *text = shown.into_owned();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVIL: &str = "a\x1b[2J\u{9b}1A\u{202e}\nproxy1 9, \u{e0001}\u{200b}";

    fn evil() -> SessionView {
        let stream = StreamView { client: EVIL.into(), target: EVIL.into(), ..StreamView::default() };
        let link = LinkView {
            name: Some(EVIL.into()),
            ticket: Some(EVIL.into()),
            state: LinkState::Refused { why: EVIL.into() },
            streams: vec![stream],
            ..LinkView::default()
        };
        let place = ListeningView { at: EVIL.into(), link: Some(EVIL.into()), ..ListeningView::default() };
        SessionView {
            version: EVIL.into(),
            listening: vec![place],
            links: vec![link],
            ..SessionView::default()
        }
    }

    #[test]
    fn no_text_of_a_view_has_what_is_not_visible() {
        let mut view = evil();
        clean(&mut view);
        let texts = serde_json::to_string(&view).unwrap();
        assert_eq!(texts.matches("a?[2J?1A??proxy1 9, ??").count(), 8, "{texts}");
        assert!(tunnel::visible::is_visible(&texts) && !texts.contains("\\n"), "{texts}");
    }
}
