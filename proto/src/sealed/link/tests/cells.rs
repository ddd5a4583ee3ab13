//! Radio cells and slow paths: how much of what they could carry arrives, and who waits for it.
//!
//! The recordings stay where they are: `PASO_TRACES=FOLDER cargo test -p paso-proto --lib cells:: -- --ignored --nocapture` reads
//! `NAME.up` and `NAME.down`, or these with `.gz`, from a folder (Mahimahi's repository has some), and prints the tables of
//! docs/congestion.md.

#![expect(clippy::print_stdout, reason = "tables and measurements, shown with --nocapture")]

use super::traffic::{
    Load, Outcome, after_late_packets, change, idle_share, on_new_link, overhead_share, run,
    while_the_way_back_stands_still,
};
use crate::sim::{Opportunities, Path};
use std::path::Path as File;
use std::process::Command;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

const UP: Load = Load { up: true, down: false, echo: false };
const DOWN: Load = Load { up: false, down: true, echo: false };
const NONE: Load = Load { up: false, down: false, echo: false };
const BOTH: Load = Load { up: true, down: true, echo: false };

const fn with_echo(load: Load) -> Load {
    Load { echo: true, ..load }
}

/// 40 ms round trip, a buffer of five seconds.
fn cell(opportunities: Opportunities) -> Path {
    Path {
        delay: 20 * MS,
        queue: Duration::from_secs(5),
        opportunities: Some(opportunities),
        ..Path::default()
    }
}

fn slow(rate: u64, queue: Duration) -> Path {
    Path { delay: 20 * MS, rate, queue, ..Path::default() }
}

/// Lines of the recording `name` of the folder, unpacked where it is packed.
fn recording(folder: &File, name: &str) -> String {
    let plain = folder.join(name);
    if plain.is_file() {
        return std::fs::read_to_string(plain).unwrap();
    }
    let packed = folder.join(format!("{name}.gz"));
    let output = Command::new("gzip").arg("-dc").arg(&packed).output().expect("gzip unpacks recordings");
    assert!(output.status.success(), "{}: {}", packed.display(), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The names of the recordings in the folder that have both ways.
fn names(folder: &File) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let names = files.filter_map(|file| file.unwrap().file_name().into_string().ok());
    let mut names: Vec<String> =
        names.filter_map(|name| name.split_once(".down").map(|(stem, _)| stem.to_owned())).collect();
    names.sort();
    names
}

/// Bytes a second.
const MBIT: u64 = 125_000;

/// One row: the busy ways of an outcome, and its echo.
fn print(name: &str, load: Load, time: Duration, outcome: &Outcome) {
    for (way, busy, label) in [(0, load.up, "up"), (1, load.down, "down")] {
        let way = &outcome.ways[way];
        if !busy {
            continue;
        }
        let wait = |share| way.waits.quantile(share).as_millis();
        println!(
            "{name:24} {label:4} {:7.3} Mbit/s, {:3.0} % of possible, wait {:4} / {:4}, cost {:.3}, resent {:4.1} %, echo {:4} / {:4}",
            way.goodput as f64 / MBIT as f64 / time.as_secs_f64(),
            way.goodput as f64 * 100.0 / way.possible as f64,
            wait(0.5),
            wait(0.95),
            way.wire as f64 / way.goodput as f64,
            way.resent as f64 * 100.0 / way.wire as f64,
            outcome.echo(0.5).as_millis(),
            outcome.echo(0.95).as_millis(),
        );
    }
}

fn row(name: &str, ways: &[Path; 2], load: Load, seconds: u64) {
    let time = Duration::from_secs(seconds);
    print(name, load, time, &run(1, ways.clone(), load, time));
}

#[test]
#[ignore = "a table for somebody to read, of recordings that are not part of the project"]
fn table_of_recorded_cells() {
    let Some(folder) = std::env::var_os("PASO_TRACES") else {
        println!("SKIPPED: PASO_TRACES names no folder of recordings");
        return;
    };
    let folder = File::new(&folder);
    for name in names(folder) {
        let read = |way: &str| Opportunities::parse(&recording(folder, &format!("{name}.{way}"))).unwrap();
        let ways = ["up", "down"].map(read).map(cell);
        for load in [UP, DOWN, with_echo(UP), with_echo(DOWN)] {
            row(&name, &ways, load, 50);
        }
        // What the cell itself costs it, by its outages.
        let alone = run(1, ways, with_echo(NONE), Duration::from_secs(50));
        println!("{name:24} echo alone {} / {}", alone.echo(0.5).as_millis(), alone.echo(0.95).as_millis());
    }
}

#[test]
#[ignore = "a table for somebody to read"]
fn table_of_made_cells() {
    for (seed, mean) in [(1, 1_000_000), (2, 600_000), (3, 300_000), (4, 150_000), (5, 80_000), (6, 40_000)] {
        let ways = [seed, seed + 100].map(|seed| cell(Opportunities::made(seed, mean)));
        for load in [DOWN, with_echo(DOWN)] {
            row(&format!("made {seed}, {} kbit/s", mean / 125), &ways, load, 50);
        }
    }
}

#[test]
#[ignore = "a table for somebody to read"]
fn table_of_slow_paths() {
    for (name, rate, queue) in [("56 kbit/s", 7_000, 3), ("128 kbit/s", 16_000, 3), ("10 kB/s", 10_000, 3)] {
        let ways = [(); 2].map(|()| slow(rate, Duration::from_secs(queue)));
        for load in [UP, BOTH, with_echo(UP), with_echo(BOTH)] {
            row(name, &ways, load, 60);
        }
    }
}

#[test]
#[ignore = "a table for somebody to read"]
fn table_of_jitter_and_long_paths() {
    let path = |rate: u64, rtt: u32, queue: u64| Path {
        delay: MS * rtt / 2,
        rate: rate * MBIT,
        queue: Duration::from_millis(queue),
        ..Path::default()
    };
    let jitter = [(); 2].map(|()| Path { jitter: 100 * MS, ..path(30, 40, 100) });
    let far = [(); 2].map(|()| path(10, 750, 750));
    let corrupt = [(); 2].map(|()| Path { corrupt: 0.5, ..path(30, 40, 100) });
    for load in [UP, BOTH] {
        row("jitter 100 ms, 30 Mbit/s", &jitter, load, 30);
        row("750 ms, 10 Mbit/s", &far, load, 30);
        row("half corrupt, 30 Mbit/s", &corrupt, load, 30);
    }
}

/// Before the window followed the delay, the twentieth part that waited longest on these waited half a second to a second and more, and
/// as much arrived.
#[test]
fn a_cell_is_used_and_its_buffer_is_not() {
    for (seed, mean, longest) in [(1, 1_000_000, 190), (3, 300_000, 330), (4, 150_000, 450)] {
        let ways = [seed, seed + 100].map(|seed| cell(Opportunities::made(seed, mean)));
        let outcome = run(seed, ways, DOWN, Duration::from_secs(50));
        let way = &outcome.ways[1];
        let share = way.goodput as f64 / way.possible as f64;
        let waits = [0.5, 0.95].map(|share| way.waits.quantile(share));
        println!("seed {seed}: {share:.2} of what was possible, wait {waits:.0?}");
        assert!(share > 0.8, "seed {seed}: {share} of what was possible");
        assert!(waits[0] < 150 * MS && waits[1] < longest * MS, "seed {seed}: {waits:?} at the bottleneck");
    }
}

/// Goodput as a share of the rate, of which headers take 5 % and the acknowledgements of the other way 3 to 4, and the wait that one packet
/// in twenty exceeds: no more than three full packets take, four with bulk both ways, or 400 ms. Start-up is part of it. Without what is made of the first packet each had
/// seconds of queue, and 55 to 85 %.
#[test]
fn slow_paths_are_used_and_their_buffers_are_not() {
    for (rate, least) in [(7_000, [93, 91]), (16_000, [93, 91]), (10_000, [93, 91])] {
        let ways = [(); 2].map(|()| slow(rate, Duration::from_secs(3)));
        for (load, least) in [UP, BOTH].into_iter().zip(least) {
            let outcome = run(1, ways.clone(), load, Duration::from_secs(60));
            let packets = if load.down { 4 } else { 3 };
            let most = Duration::from_millis(packets * 1_500 * 1_000 / rate).max(400 * MS);
            for way in &outcome.ways[..if load.down { 2 } else { 1 }] {
                let (share, wait) = (way.goodput * 100 / way.possible, way.waits.quantile(0.95));
                println!("{rate} bytes a second, {load:?}: {share} %, wait {wait:?} of {most:?}");
                assert!(share >= least && wait <= most, "{rate}, {load:?}: {share} %, {wait:?}");
            }
        }
    }
}

/// An echo beside bulk waits for what four full packets take and the path's 40 ms, one in twenty longer.
#[test]
fn an_echo_beside_bulk_waits_for_four_packets_of_a_slow_path() {
    for (rate, most) in [(7_000, 897), (10_000, 640), (16_000, 415)] {
        let ways = [(); 2].map(|()| slow(rate, Duration::from_secs(3)));
        let waited = run(1, ways, with_echo(UP), Duration::from_secs(60)).echo(0.95);
        println!("{rate} bytes a second: {waited:?}");
        assert!(waited <= most * MS, "{rate} bytes a second: {waited:?}");
    }
}

/// Handshakes, probes, keepalives and second copies are together a twentieth of a slow path at the most: of a link with nothing to do, from its first packet
/// on, they are all that is sent; and with bulk both ways and an echo they are counted.
#[test]
fn what_is_no_payload_is_a_twentieth_of_a_slow_path() {
    for rate in [7_000, 10_000, 16_000] {
        let path = slow(rate, Duration::from_secs(3));
        let minute = Duration::from_secs(60);
        let (idle, busy) = (idle_share(&path, minute), overhead_share(&path, with_echo(BOTH), minute));
        println!("{rate} bytes a second: idle {idle:.4?}, busy {busy:.4?} of what passes");
        assert!(idle.iter().chain(&busy).all(|share| *share <= 0.05), "{rate}: {idle:.4?}, {busy:.4?}");
    }
}

/// From the third round trip after the rate became a tenth (40 ms and what four packets take then) no more is sent than the path takes, with a
/// quarter to spare for what a single packet is of it; and from the tenth after it became ten times as much it is used (80 to 100 % of it). With looks for more
/// every six rounds, each only bolder than the last, 10 Mbit/s that became 100 were used to 36 %.
#[test]
fn a_tenth_of_the_rate_and_ten_times_of_it_are_followed() {
    let rates = [7_000, 16_000, 125_000, 1_250_000].map(|rate| (rate, rate * 10));
    let down = rates.map(|(low, high)| (high, low));
    for (rate, after) in down.into_iter().chain(rates) {
        let round_trip = 40 * MS + Duration::from_nanos(4 * 1_500 * 1_000_000_000 / after);
        let spans =
            if after < rate { [round_trip * 2, round_trip * 14] } else { [round_trip * 10, round_trip * 6] };
        // When the path changes decides how soon the next one does.
        let sent = [0, 75, 150, 225, 300].map(|later| {
            change(&slow(rate, Duration::from_secs(3)), Duration::from_secs(10) + MS * later, after, &spans)
                [1]
        });
        println!("{sent:.2?}");
        let sent = sent.iter().sum::<f64>() / 5.0;
        println!("{rate} to {after} bytes a second: then {sent:.2} of what passes");
        if after < rate {
            assert!(sent <= 1.25, "{rate} to {after}: {sent} of what passes");
        } else {
            assert!(sent >= 0.8, "{rate} to {after}: {sent} of what passes");
        }
    }
}

/// The first full packet tells how slow the path is; bulk may come before it has arrived.
#[test]
fn bulk_on_a_new_link_does_not_flood_a_slow_path() {
    for (rate, after) in [7_000, 10_000, 16_000]
        .into_iter()
        .flat_map(|rate| [0, 30, 100, 300, 350, 1_000].map(|ms| (rate, ms)))
    {
        for load in [UP, BOTH, with_echo(UP), with_echo(BOTH)] {
            let path = slow(rate, Duration::from_secs(3));
            let ways = on_new_link(&path, load, MS * after, Duration::from_secs(60));
            for (dropped, waits) in &ways[..if load.down { 2 } else { 1 }] {
                let wait = waits.quantile(0.95);
                let what = format!(
                    "{rate} bytes a second, {load:?} {after} ms after its first packet: {dropped} dropped, wait {wait:?}"
                );
                println!("{what}");
                assert_eq!(*dropped, 0, "{what}");
            }
        }
    }
}

/// A packet that is late once, as where a radio slept, makes no slow path.
#[test]
fn a_path_is_not_slow_because_its_first_packets_were_late() {
    for rate in [1_250_000, 12_500_000] {
        let path = Path { delay: 20 * MS, rate, ..Path::default() };
        let sent = after_late_packets(&path, 150 * MS, &[Duration::from_secs(1); 2]);
        println!("{rate} bytes a second: {sent:.2?} of what passes");
        assert!(sent[1] >= 0.8, "{rate}: {sent:.2?} of what passes");
    }
}

/// Where a window that bulk has filled opens only once the way back does, a message need not wait for that: it takes the path's 20 ms and
/// what bulk has left in the queue. How many bytes leave for such messages is bounded: 3,000 and headers, where all hundred were 13,400.
#[test]
fn a_message_passes_a_window_that_bulk_has_filled() {
    let path = Path { delay: 20 * MS, rate: 250_000, queue: Duration::from_secs(1), ..Path::default() };
    let [(took, one), (_, hundred)] = [1, 100].map(|count| while_the_way_back_stands_still(&path, count));
    println!("{took:?}, {one} bytes for one and {hundred} for a hundred");
    assert!(took <= 50 * MS, "{took:?}");
    assert!(hundred <= one + 4_000, "{one} bytes for one, {hundred} for a hundred");
}
