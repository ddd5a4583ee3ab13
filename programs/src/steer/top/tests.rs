use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tunnel::view::{LimitedBy, LinkState, LinkView, PathView, RoundTrip, StreamState, StreamView};

use super::state::{Move, Table};
use super::*;

fn stream(id: u64, seconds: u64) -> StreamView {
    StreamView {
        id,
        client: format!("192.0.2.{id}:51234"),
        target: if id == 2 { "evil\x1b[2J:80".into() } else { "db.example:5432".into() },
        state: StreamState::Open,
        age_ms: 60_000 + seconds * 1_000,
        sent_bytes: seconds * id * 125_000,
        queued_bytes: 4_000,
        ..StreamView::default()
    }
}

fn view(seconds: u64) -> SessionView {
    let link = |number: u64, ticket: &str| LinkView {
        number,
        ticket: Some(ticket.into()),
        peer: "198.51.100.7:40000".parse().ok(),
        state: LinkState::Up,
        answered: true,
        sent_bytes: seconds * 1_250_000 * number,
        path: Some(PathView {
            round_trip_us: Some(RoundTrip { smoothed: 10_000 * (seconds % 4 + 1), ..RoundTrip::default() }),
            limited_by: LimitedBy::Congestion,
            ..PathView::default()
        }),
        streams: vec![stream(1, seconds), stream(2, seconds)],
        ..LinkView::default()
    };
    SessionView {
        pid: 4_242,
        role: Role::Proxy2,
        since: 1,
        uptime_ms: seconds * 1_000,
        links: vec![link(1, "laptop"), link(3, "phone")],
        ..SessionView::default()
    }
}

fn top() -> Top {
    let mut top = Top::default();
    (1..=10).for_each(|seconds| top.on_view(Ok(vec![view(seconds)])));
    top
}

fn screen(top: &Top, width: u16, height: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw::draw(top, frame)).unwrap();
    let buffer = terminal.backend().buffer().clone();
    let rows = buffer.content().chunks(usize::from(width));
    let lines = rows.map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>());
    lines.map(|line| line.trim_end().to_owned()).collect()
}

fn press(top: &mut Top, keys: &str) -> Flow {
    let code = |letter| match letter {
        '\t' => KeyCode::Tab,
        '\n' => KeyCode::Enter,
        '\x1b' => KeyCode::Esc,
        '↓' => KeyCode::Down,
        letter => KeyCode::Char(letter),
    };
    let flows = keys.chars().map(|letter| top.on_key(KeyEvent::new(code(letter), KeyModifiers::NONE)));
    flows.last().unwrap_or(Flow::On)
}

#[test]
fn a_small_terminal_has_the_most_important_columns() {
    let lines = screen(&top(), 80, 24);
    assert_eq!(lines[0], "proxy2 4242, up 10.0 s, out 0 bit/s, in 0 bit/s, held by path");
    for title in ["LINK", "PEER", "STATE", "RTT", "OUT", "IN"] {
        assert!(lines[2].contains(title), "{title} in {lines:#?}");
    }
    assert!(lines[3].starts_with("L1 ") && lines[3].contains("10 Mbit/s"), "{lines:#?}");
    assert!(lines[4].starts_with("L3 ") && lines[4].contains("30 Mbit/s"), "{lines:#?}");
    assert!(!lines[2].contains("PROCESS"), "there is one");
    assert!(lines.iter().any(|line| line.starts_with("L3/2 ")), "{lines:#?}");
    assert!(lines[23].contains("sorted by LINK"), "{lines:#?}");
}

#[test]
fn a_large_terminal_has_all_and_nothing_moves_its_cursor() {
    let lines = screen(&top(), 120, 30);
    for title in ["LINK", "PEER", "TICKET", "LAST MINUTE", "LOST", "BACK", "RESENT", "HELD BY"] {
        assert!(lines[2].contains(title), "{title} in {lines:#?}");
    }
    assert!(lines[3].contains("laptop") && lines[3].contains("██"), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("evil?[2J:80")), "{lines:#?}");
    assert!(lines.iter().all(|line| !line.contains('\x1b')));
}

#[test]
fn what_is_left_out_is_said() {
    let mut top = top();
    let lines = screen(&top, 80, 24);
    assert_eq!((&*lines[1], &*lines[5]), ("1 column does not fit", "1 column does not fit"));
    assert_eq!(screen(&top, 200, 24)[1], "", "all is shown");
    let mut one = view(11);
    one.links_left_out = 7;
    one.links[0].streams = (1..=50).map(|id| stream(id, 11)).collect();
    one.links[1].streams_left_out = 900;
    top.on_view(Ok(vec![one]));
    let lines = screen(&top, 200, 24);
    assert_eq!(lines[1], "7 more links not listed");
    assert_eq!(lines[5], "streams 1-16 of 52, 900 more streams not listed");
    assert!(lines[7].starts_with("L1/1 ") && lines[22].starts_with("L1/16 "), "{lines:#?}");
    press(&mut top, "\t");
    top.select(Move::Down(99));
    assert!(screen(&top, 200, 24)[5].starts_with("streams 37-52 of 52"));
    let lines = screen(&top, 40, 6);
    assert!(lines[1].starts_with("links 1-1 of 2") || lines[1].contains("of 2 links fits"), "{lines:#?}");
    let lines = screen(&top, 40, 10);
    assert!(lines.iter().any(|line| line.starts_with("streams ") && line.contains(" of 52")), "{lines:#?}");
}

/// Each process has a link 1.
#[test]
fn of_several_processes_each_row_says_which() {
    let mut top = top();
    top.on_view(Ok(vec![view(11), SessionView { pid: 5_151, ..view(11) }]));
    let lines = screen(&top, 80, 24);
    assert!(lines[3].contains("PROCESS"), "{lines:#?}");
    assert!(lines.iter().any(|line| line.starts_with("L1 ") && line.contains("5151")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.starts_with("L1/2 ") && line.contains("5151")), "{lines:#?}");
}

#[test]
fn no_size_is_too_small() {
    for (width, height) in [(1, 1), (5, 3), (20, 6), (300, 100)] {
        screen(&top(), width, height);
    }
}

#[test]
fn keys_sort_and_reverse() {
    let mut top = top();
    let first = |top: &Top| top.rows(Table::Links)[0].key.1;
    assert_eq!(first(&top), 1);
    press(&mut top, "r");
    assert_eq!(first(&top), 3);
    press(&mut top, "rssssssssss");
    assert!(screen(&top, 80, 24)[23].contains("sorted by OUT"));
    assert_eq!(first(&top), 3, "the fastest");
}

#[test]
fn a_filter_leaves_rows_out_until_it_is_cleared() {
    let mut top = top();
    assert_eq!(press(&mut top, "/PHONEq\x1b"), Flow::On);
    assert_eq!(top.filter, "");
    press(&mut top, "/PHONE\n");
    assert_eq!(top.rows(Table::Links).iter().map(|row| row.key.1).collect::<Vec<_>>(), [3]);
    assert!(screen(&top, 80, 24).iter().any(|line| line == "no streams with this text"));
    assert_eq!(press(&mut top, "\x1b"), Flow::On);
    assert_eq!(top.rows(Table::Links).len(), 2);
    assert_eq!(press(&mut top, "\x1b"), Flow::End);
}

#[test]
fn a_pause_keeps_what_is_shown() {
    let mut top = top();
    press(&mut top, "p");
    top.on_view(Ok(vec![]));
    assert_eq!(top.proxies.len(), 1);
    assert!(screen(&top, 80, 24)[23].starts_with("PAUSED"));
    press(&mut top, " ");
    top.on_view(Ok(vec![]));
    assert_eq!(top.proxies.len(), 0);
}

#[test]
fn a_selection_follows_its_row_in_its_table() {
    let mut top = top();
    press(&mut top, "↓");
    let selected = |top: &Top, table| {
        let rows = top.rows(table);
        top.selected(table, &rows).map(|at| rows[at].key)
    };
    press(&mut top, "r");
    assert_eq!(selected(&top, Table::Links), Some((4_242, 3, None)));
    press(&mut top, "\t");
    top.select(Move::Down(99));
    assert_eq!(selected(&top, Table::Streams), Some((4_242, 3, Some(2))));
    assert_eq!(press(&mut top, "?"), Flow::On);
    assert!(screen(&top, 80, 24)[23].contains("Tab table"));
}

#[test]
fn ctrl_c_and_q_end_it() {
    let mut top = top();
    assert_eq!(press(&mut top, "q"), Flow::End);
    press(&mut top, "/");
    assert_eq!(press(&mut top, "q"), Flow::On, "a letter of the filter");
    assert_eq!(top.on_key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Flow::End);
}

#[test]
fn a_proxy_that_is_gone_leaves_the_last_view_and_a_sentence() {
    let mut top = top();
    top.on_view(Err("no such proxy\x1b answers".into()));
    let lines = screen(&top, 80, 24);
    assert_eq!(lines[1], "No proxy answers now, asking again: no such proxy? answers");
    assert!(lines[4].starts_with("L1 "), "{lines:#?}");
    top.on_view(Ok(vec![view(12)]));
    assert!(!screen(&top, 80, 24)[1].contains("No proxy"));
}
