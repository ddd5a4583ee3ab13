//! `docs/top.svg` is what `paso top` draws: `UPDATE=1 cargo test -p paso-programs top::picture` writes it again.

use std::fmt::Write;
use std::{env, fs};

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use tunnel::view::{
    CounterValues, LimitedBy, LinkState, LinkView, Packets, PathView, RoundTrip, StreamState, StreamView,
};

use super::*;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/top.svg");
/// Of the terminal.
const COLUMNS: u16 = 118;
const ROWS: u16 = 14;
/// Of one character, in units of the picture.
const WIDTH: u16 = 8;
const HEIGHT: u16 = 18;

/// A link whose round trip goes up and down and that carries `rate` bytes a second.
fn link(number: u64, ticket: &str, seconds: u64, rate: u64, lost: u64, streams: Vec<StreamView>) -> LinkView {
    let sent = seconds * rate / 1_200;
    let smoothed = 21_000 * number + 3_000 * (seconds / 5 * (number + 1) % 7);
    LinkView {
        number,
        ticket: Some(ticket.into()),
        peer: format!("198.51.100.{}:40{number:03}", 7 * number).parse().ok(),
        state: LinkState::Up,
        answered: true,
        sent_bytes: seconds * rate,
        received_bytes: seconds * rate / 20,
        streams_open: streams.len() as u64,
        path: Some(PathView {
            round_trip_us: Some(RoundTrip { smoothed, ..RoundTrip::default() }),
            packets: Packets { sent, lost: sent * lost / 1_000, received: sent, missing: sent / 500 },
            data_bytes: seconds * rate,
            resent_bytes: seconds * rate * lost / 1_000,
            sent_bytes: seconds * rate * 21 / 20,
            received_bytes: seconds * rate / 18,
            limited_by: streams.last().map_or(LimitedBy::Application, |stream| stream.limited_by),
            ..PathView::default()
        }),
        streams,
        ..LinkView::default()
    }
}

fn stream(id: u64, target: &str, seconds: u64, rate: u64, limited_by: LimitedBy) -> StreamView {
    StreamView {
        id,
        client: format!("127.0.0.1:{}", 51_000 + id),
        target: target.into(),
        state: StreamState::Open,
        age_ms: 1_000 * (seconds + 90 * id),
        sent_bytes: seconds * rate,
        received_bytes: seconds * rate / 20,
        limited_by,
        ..StreamView::default()
    }
}

/// What a proxy2 with three links shows after a minute.
fn screen() -> Buffer {
    let mut top = Top { coloured: true, ..Top::default() };
    for seconds in 1..=60 {
        let (path, calm) = (LimitedBy::Congestion, LimitedBy::Application);
        let laptop = vec![
            stream(0, "git.example:22", seconds, 2_000, calm),
            stream(2, "mirror.example:443", seconds, 9_400_000, path),
        ];
        let links = vec![
            link(1, "laptop", seconds, 9_500_000, 12, laptop),
            link(
                2,
                "phone",
                seconds,
                180_000,
                55,
                vec![stream(0, "mail.example:993", seconds, 180_000, calm)],
            ),
            link(
                5,
                "backup",
                seconds,
                2_600_000,
                2,
                vec![stream(4, "db.example:5432", seconds, 2_600_000, LimitedBy::PeerCredit)],
            ),
        ];
        let mut counters = CounterValues::default();
        counters.set("paso_sent_bytes_total", links.iter().map(|link| link.sent_bytes).sum());
        counters.set("paso_received_bytes_total", links.iter().map(|link| link.received_bytes).sum());
        let view = SessionView {
            pid: 4_242,
            role: Role::Proxy2,
            since: 1,
            uptime_ms: 3_600_000 + seconds * 1_000,
            counters,
            links,
            ..SessionView::default()
        };
        top.on_view(Ok(vec![view]));
    }
    let mut terminal = Terminal::new(TestBackend::new(COLUMNS, ROWS)).unwrap();
    terminal.draw(|frame| draw::draw(&top, frame)).unwrap();
    terminal.backend().buffer().clone()
}

/// The picture of a screen: a dark terminal, whatever the page around it.
fn svg(screen: &Buffer) -> String {
    let (width, height) = (COLUMNS * WIDTH + 2 * WIDTH, ROWS * HEIGHT + 2 * WIDTH);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"t\"\n  \
         font-family=\"ui-monospace, monospace\" font-size=\"13\">\n  <title id=\"t\">paso top at a proxy2 with three links</title>\n  \
         <rect width=\"{width}\" height=\"{height}\" rx=\"6\" fill=\"#161b22\"/>\n"
    );
    for (y, row) in (0..).zip(screen.content().chunks(usize::from(COLUMNS))) {
        let mut x = 0;
        for run in row.chunk_by(|one, next| one.style() == next.style()) {
            put(&mut svg, x, y, run);
            x += u16::try_from(run.len()).unwrap();
        }
    }
    svg + "</svg>\n"
}

/// Characters of one style.
fn put(svg: &mut String, x: u16, y: u16, run: &[Cell]) {
    let text: String = run.iter().map(Cell::symbol).collect();
    let (style, length) = (&run[0], WIDTH * u16::try_from(run.len()).unwrap());
    let (left, top) = (WIDTH + x * WIDTH, WIDTH + y * HEIGHT);
    let reversed = style.modifier.contains(Modifier::REVERSED);
    if reversed {
        writeln!(
            svg,
            "  <rect x=\"{left}\" y=\"{top}\" width=\"{length}\" height=\"{HEIGHT}\" fill=\"#c9d1d9\"/>"
        )
        .unwrap();
    }
    if text.trim().is_empty() {
        return;
    }
    let fill = if reversed { "#161b22" } else { colour(style.fg) };
    let weight = if style.modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    // The length is said: fonts differ, columns must not.
    writeln!(
        svg,
        "  <text x=\"{left}\" y=\"{}\" fill=\"{fill}\"{weight} textLength=\"{length}\" xml:space=\"preserve\">{text}</text>",
        top + 13
    )
    .unwrap();
}

/// As terminals with a dark ground have it.
fn colour(colour: Color) -> &'static str {
    if colour == Color::Red {
        "#ff7b72"
    } else if colour == Color::Yellow {
        "#e3b341"
    } else if colour == Color::Green {
        "#7ee787"
    } else {
        "#c9d1d9"
    }
}

#[test]
fn the_picture_in_the_guides_is_what_is_drawn() {
    let picture = svg(&screen());
    if env::var_os("UPDATE").is_some() {
        fs::write(FILE, &picture).unwrap();
    }
    let is_drawn = fs::read_to_string(FILE).is_ok_and(|written| written == picture);
    assert!(
        is_drawn,
        "docs/top.svg is old: run `UPDATE=1 cargo test -p paso-programs top::picture` and commit what it writes"
    );
}
