use std::collections::{BTreeMap, BTreeSet};

use tunnel::view::{CounterValues, LinkKind, Role};

use super::*;
use crate::tests::made_up::{link, view};

fn write(
    writer: &mut Writer,
    format: Format,
    view: &SessionView,
    tickets: BTreeMap<String, Counters>,
) -> String {
    let process = Process { resident_bytes: Some(5_000_000), open_files: Some(20), max_files: Some(1_024) };
    let lately = tunnel::view::rates(
        &SessionView { uptime_ms: 1, taken_at: 0, links: Vec::new(), ..view.clone() },
        view,
    );
    let scrape =
        Scrape { view, is_ready: true, lately: Some(lately), tickets, memory_budget: 256 << 20, process };
    writer.write(format, &scrape)
}

fn written(view: &SessionView) -> String {
    write(&mut Writer::default(), Format::Text, view, BTreeMap::new())
}

/// A series: its name and its labels as written.
type Series = (String, String);

/// Reads the text format as strictly as `promtool` does: each metric once, with help and kind before its values, no value twice.
fn parse(text: &str) -> BTreeMap<Series, f64> {
    let is_name = |name: &str| {
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !name.starts_with(|first: char| first.is_ascii_digit())
    };
    let (mut values, mut seen, mut current) = (BTreeMap::new(), BTreeSet::new(), None);
    let mut lines = text.lines();
    assert!(text.ends_with('\n'));
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, words) = help.split_once(' ').expect("a help");
            assert!(is_name(name) && words.ends_with('.') && seen.insert(name.to_owned()), "{line}");
            let kind =
                lines.next().and_then(|line| line.strip_prefix("# TYPE ")?.strip_prefix(name)).unwrap();
            assert!([" counter", " gauge"].contains(&kind), "{line}: {kind}");
            assert_eq!(name.ends_with("_total"), kind == " counter", "{name}");
            current = Some(name.to_owned());
            continue;
        }
        let (series, value) = line.rsplit_once(' ').expect("a value");
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        assert_eq!(Some(name), current.as_deref(), "{line}");
        assert!(labels.is_empty() || labels.ends_with("\"}"), "{line}");
        for label in labels.trim_end_matches('}').split("\",").filter(|label| !label.is_empty()) {
            let (label, value) = label.split_once("=\"").expect("a label");
            assert!(is_name(label) && !value.trim_end_matches('"').is_empty(), "{line}");
        }
        let old = values.insert((name.into(), labels.into()), value.parse().expect("a number"));
        assert_eq!(old, None, "{line}");
    }
    values
}

#[test]
fn a_strict_reader_takes_all_of_it() {
    let values = parse(&written(&view()));
    let value = |name: &str, labels: &str| values.get(&(name.into(), labels.into())).copied();
    assert_eq!(value("paso_sent_bytes_total", ""), Some(1_000.0));
    assert_eq!(value("paso_links_in_state", "state=\"up\"}"), Some(1.0));
    assert_eq!(value("paso_path_round_trip_seconds", ""), Some(0.025));
    assert_eq!(value("paso_path_rate_bytes_per_second", ""), Some(10_000_000.0));
    assert_eq!(value("paso_path_loss_ratio", "direction=\"sending\"}"), Some(0.01));
    let info = "version=\"0.1.0\",commit=\"abc1234\",role=\"proxy1\"}";
    assert_eq!(value("paso_build_info", info), Some(1.0));
    assert_eq!(value("paso_start_time_seconds", ""), Some(1_700_000_000.0));
}

#[test]
fn all_metrics_that_there_are_have_a_row_and_all_rows_are_written() {
    let proxy2 = SessionView { role: Role::Proxy2, links: vec![link(1, Some("alice"))], ..view() };
    let tickets = BTreeMap::from([("alice".to_owned(), Counters::default())]);
    let text = write(&mut Writer::default(), Format::Text, &proxy2, tickets.clone());
    let written: BTreeSet<_> = parse(&text).into_keys().map(|(name, _)| name).collect();
    let classic = SessionView { kind: LinkKind::Classic, ..proxy2 };
    let classic = write(&mut Writer::default(), Format::Text, &classic, tickets);
    let written: BTreeSet<_> = parse(&classic).into_keys().map(|(name, _)| name).chain(written).collect();
    let rows = DESCRIPTORS.iter().map(|row| row.name).chain(METRICS.iter().map(|row| row.name));
    assert_eq!(written, rows.map(str::to_owned).collect());
}

#[test]
fn openmetrics_is_the_same_with_an_end() {
    let text = write(&mut Writer::default(), Format::OpenMetrics, &view(), BTreeMap::new());
    assert!(text.contains("# TYPE paso_sent_bytes counter\npaso_sent_bytes_total 1000\n"), "{text}");
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn labels_are_bounded_and_counters_never_fall() {
    let mut writer = Writer::default();
    let names = |from: u64, to: u64| (from..to).map(|number| format!("ticket-{number:04}"));
    let sums = |names: &mut dyn Iterator<Item = String>| -> BTreeMap<String, Counters> {
        names.map(|name| (name, Counters { sent_bytes: 10, ..Counters::default() })).collect()
    };
    let with = |links: Vec<LinkView>| SessionView { role: Role::Proxy2, links, ..view() };
    let few = write(&mut writer, Format::Text, &with(Vec::new()), sums(&mut names(500, 510)));
    let links: Vec<_> =
        (1..=1_000).map(|number| link(number, Some(&format!("ticket-{number:04}")))).collect();
    let many = write(&mut writer, Format::Text, &with(links), sums(&mut names(1, 1_001)));
    let (few, many) = (parse(&few), parse(&many));
    for (series, value) in few.iter().filter(|((name, _), _)| name.starts_with("paso_ticket_")) {
        assert!(many.get(series).is_some_and(|later| later >= value), "{series:?}");
    }
    let of = |name: &str| many.iter().filter(|((metric, _), _)| metric == name).collect::<Vec<_>>();
    for name in ["paso_ticket_sent_bytes_total", "paso_ticket_links", "paso_path_round_trip_seconds"] {
        assert_eq!(of(name).len(), Groups::MAX + 1, "{name}");
    }
    let sum: f64 = of("paso_ticket_sent_bytes_total").iter().map(|(_, value)| **value).sum();
    assert_eq!(sum, 10_000.0, "nothing is lost");
    assert!(many.len() < 1_000, "{}", many.len());
}

#[test]
fn no_series_is_of_a_stream_or_an_address() {
    let text = written(&view());
    for secret in ["192.0.2.1", "127.0.0.1", "web:80", "5555"] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[test]
fn links_that_did_not_answer_or_are_not_shown_are_unknown() {
    let silent = LinkView { answered: false, ..link(2, None) };
    let some = SessionView { links: vec![link(1, None), silent], links_left_out: 3, ..view() };
    let values = parse(&written(&some));
    let unknown = values.get(&("paso_links_in_state".into(), "state=\"unknown\"}".into()));
    assert_eq!(unknown, Some(&4.0));
}

#[test]
fn the_version_is_told_apart_from_the_commit() {
    assert_eq!(version_and_commit("0.1.0 (abc1234 2026-11-28)"), ("0.1.0", "abc1234"));
    assert_eq!(version_and_commit("0.1.0"), ("0.1.0", "unknown"));
    assert_eq!(version_and_commit("0.1.0 ()"), ("0.1.0", "unknown"));
}

/// What `promtool check metrics` says, where there is one.
#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn promtool_takes_it() {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let counters = CounterValues::from(&Counters { sent_bytes: u64::MAX, ..Counters::default() });
    let view = SessionView { links: vec![link(1, Some("al\"ice")), link(2, None)], counters, ..view() };
    let tickets = BTreeMap::from([("al\"ice".to_owned(), Counters::default())]);
    let text = write(&mut Writer::default(), Format::Text, &view, tickets);
    let spawned = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = spawned else {
        eprintln!("skipped: there is no promtool (Debian's package prometheus)");
        return;
    };
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let said = promtool.wait_with_output().unwrap();
    let words = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.status.success() && words.is_empty(), "{words}\n{text}");
}

#[test]
fn the_page_of_the_manual_lists_all_metrics() {
    let manual = include_str!("../../../docs/metrics.md");
    let row = |metric: &Metric| format!("| `{}` | {} | {} |", metric.name, metric.kind, metric.help);
    let expected: Vec<_> = METRICS.iter().map(row).collect();
    let is_metric = |line: &&str| line.starts_with("| `paso_") || line.starts_with("| `process_");
    let listed: Vec<_> =
        manual.lines().filter(is_metric).filter(|line| line.matches('|').count() == 4).collect();
    assert_eq!(listed, expected, "the rows must be:\n{}", expected.join("\n"));
}

#[test]
fn dashboards_and_alerts_name_what_there_is() {
    let known: BTreeSet<_> =
        DESCRIPTORS.iter().map(|row| row.name).chain(METRICS.iter().map(|row| row.name)).collect();
    for (file, text) in [
        ("grafana/paso.json", include_str!("../../../packaging/grafana/paso.json")),
        ("prometheus/alerts.yml", include_str!("../../../packaging/prometheus/alerts.yml")),
    ] {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let named: BTreeSet<_> =
            words.filter(|word| word.starts_with("paso_") || word.starts_with("process_")).collect();
        let unknown: Vec<_> = named.difference(&known).collect();
        assert!(named.len() >= 5 && unknown.is_empty(), "{file}: {unknown:?}");
    }
    let _: serde_json::Value =
        serde_json::from_str(include_str!("../../../packaging/grafana/paso.json")).unwrap();
}
