use tunnel::view::{CounterValues, ListeningView, Loss, PathView, RoundTrip};

use super::*;

fn stream(id: u64) -> StreamView {
    StreamView {
        id,
        client: "192.0.2.77:51234".into(),
        target: "db.example:5432".into(),
        state: StreamState::Open,
        age_ms: 65_000,
        sent_bytes: 1_234_567,
        received_bytes: 890,
        ..StreamView::default()
    }
}

fn view() -> SessionView {
    let path = PathView {
        round_trip_us: Some(RoundTrip { smoothed: 48_200, min: 45_000, latest: 50_000 }),
        loss: Loss { sending: Some(0.0123), receiving: None },
        resent: Some(0.013),
        rate_bps: 93_000_000,
        datagram_bytes: 1_452,
        keeps_ecn: true,
        marked: 12,
        limited_by: LimitedBy::Congestion,
        ..PathView::default()
    };
    let link = LinkView {
        number: 3,
        ticket: Some("laptop".into()),
        peer: "198.51.100.7:40000".parse().ok(),
        state: LinkState::Up,
        answered: true,
        sent_bytes: 1_234_567,
        received_bytes: 890,
        path: Some(path),
        streams_open: 3,
        streams: vec![
            stream(0),
            StreamView { limited_by: LimitedBy::Congestion, ..stream(2) },
            StreamView { client: String::new(), target: String::new(), ..stream(14) },
        ],
        ..LinkView::default()
    };
    SessionView {
        version: "0.1.0".into(),
        pid: 4_242,
        role: Role::Proxy2,
        uptime_ms: 7_500_000,
        udp: vec!["0.0.0.0:5000".parse().unwrap()],
        listening: vec![ListeningView { at: "127.0.0.1:8080".into(), ..ListeningView::default() }],
        counters: CounterValues::default(),
        links: vec![link],
        ..SessionView::default()
    }
}

const SHOWN: &str = "\
proxy2 0.1.0, process 4242, sealed, up 2h 05m
udp: 0.0.0.0:5000
clients at: 127.0.0.1:8080
1 link, 0 streams, 0 B sent, 0 B received

L3 up, ticket laptop, to 198.51.100.7:40000
  3 streams, 1.2 MB sent, 890 B received
  round trip 48 ms, path 93 Mbit/s, datagrams 1452 B, ECN
  lost there 1.2 %, back -, sent again 1.3 %
  full queues on the path marked 12 packets
  held back by path
  STREAM  CLIENT            TARGET             SENT  RECEIVED     AGE  HELD BY
  L3/0    192.0.2.77:51234  db.example:5432  1.2 MB     890 B  1m 05s  -
  L3/2    192.0.2.77:51234  db.example:5432  1.2 MB     890 B  1m 05s  path
  L3/14   -                 proxy2's         1.2 MB     890 B  1m 05s  -
";

#[test]
fn a_session_is_shown_with_its_links_and_streams() {
    let shown = render(&view(), Width::USUAL);
    assert_eq!(shown, SHOWN, "it is now:\n{shown}");
}

#[test]
fn no_line_is_wider_than_the_terminal_whatever_is_in_it() {
    let mut view = view();
    let long = "a-very-long-name-of-a-host-that-somebody-has-thought-of.example.org:65535".repeat(3);
    view.links[0].streams[1].client.clone_from(&long);
    view.links[0].streams[2].target = format!("{long}\x1b[2J\n");
    view.links[0].ticket = Some(long.clone());
    view.links[0].state = LinkState::Refused { why: long };
    for width in [40, 60, 80, 200] {
        let shown = render(&view, Width(width));
        assert!(shown.lines().all(|line| line.chars().count() <= width), "{width}:\n{shown}");
        assert!(!shown.contains('\x1b'), "{shown}");
    }
}

#[test]
fn what_is_left_out_and_what_does_not_answer_is_said() {
    let mut view = view();
    view.links_left_out = 7;
    view.links[0].streams_left_out = 90;
    (view.links[0].answered, view.links[0].path) = (false, None);
    view.draining = Some(Default::default());
    let shown = render(&view, Width::USUAL);
    for part in ["and 7 links more", "and 90 streams more", "too busy", "draining"] {
        assert!(shown.contains(part), "{part}:\n{shown}");
    }
}
