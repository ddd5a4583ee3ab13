//! The text formats that Prometheus reads. By hand: the crate of that purpose writes OpenMetrics only, of which `promtool check metrics`
//! understands no counter; the two differ in a few lines here.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>, <https://prometheus.io/docs/specs/om/open_metrics_spec/>

use std::fmt::Write as _;

use tunnel::metrics::CounterKind;

/// Which of the two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// Prometheus' own, 0.0.4: what people see, too.
    #[default]
    Text,
    /// OpenMetrics 1.0, for who asks for it.
    OpenMetrics,
}

impl Format {
    /// What is meant by a header `Accept`. Who takes both is Prometheus, which prefers the newer one.
    pub(crate) fn accepted(accept: Option<&str>) -> Self {
        let asked = accept.is_some_and(|accept| accept.contains("application/openmetrics-text"));
        if asked { Self::OpenMetrics } else { Self::Text }
    }

    /// The media type.
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// A text that is being written.
#[derive(Debug)]
pub(crate) struct Exposition {
    format: Format,
    text: String,
    /// The name of the metric whose values are being written.
    name: &'static str,
}

impl Exposition {
    /// An empty one.
    pub(crate) const fn new(format: Format) -> Self {
        Self { format, text: String::new(), name: "" }
    }

    /// Begins a metric: its values follow.
    pub(crate) fn metric(&mut self, name: &'static str, help: &str, kind: CounterKind) {
        // In OpenMetrics the metric has no `_total`, its values do.
        let family = match self.format {
            Format::OpenMetrics if kind == CounterKind::Counter => {
                name.strip_suffix("_total").unwrap_or(name)
            }
            Format::Text | Format::OpenMetrics => name,
        };
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        let help = if self.format == Format::OpenMetrics { help.replace('"', "\\\"") } else { help };
        self.name = name;
        self.write(format_args!("# HELP {family} {help}\n# TYPE {family} {kind}\n"));
    }

    /// One value of the metric that has begun. Labels that are empty are left out, as they mean the same.
    pub(crate) fn value(&mut self, labels: &[(&str, &str)], value: impl Value) {
        self.text.push_str(self.name);
        let mut opened = false;
        for (name, value) in labels.iter().filter(|(_, value)| !value.is_empty()) {
            self.text.push(if opened { ',' } else { '{' });
            opened = true;
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            self.write(format_args!("{name}=\"{value}\""));
        }
        if opened {
            self.text.push('}');
        }
        self.text.push(' ');
        value.write(&mut self.text);
        self.text.push('\n');
    }

    /// All of it.
    pub(crate) fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing into a string does not fail.
        let _ = self.text.write_fmt(text);
    }
}

/// A number as the formats have it.
pub(crate) trait Value {
    /// Writes it.
    fn write(self, text: &mut String);
}

impl Value for u64 {
    fn write(self, text: &mut String) {
        let _ = write!(text, "{self}");
    }
}

impl Value for f64 {
    fn write(self, text: &mut String) {
        let _ = match self {
            value if value.is_nan() => write!(text, "NaN"),
            value if value.is_infinite() => write!(text, "{}Inf", if value < 0.0 { '-' } else { '+' }),
            value => write!(text, "{value}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: Format) -> String {
        let mut exposition = Exposition::new(format);
        exposition.metric("paso_things_total", "Things \\ \"that\"\nhappened.", CounterKind::Counter);
        exposition.value(&[], 3_u64);
        exposition.value(&[("ticket", "a\"b\\c\nd"), ("link", "")], 0.5);
        exposition.metric("paso_now", "Now.", CounterKind::Gauge);
        exposition.value(&[("a", "1"), ("b", "2")], f64::INFINITY);
        exposition.finish()
    }

    #[test]
    fn names_labels_and_help_are_written_and_escaped() {
        let expected = "# HELP paso_things_total Things \\\\ \"that\"\\nhappened.\n# TYPE paso_things_total counter\n\
            paso_things_total 3\npaso_things_total{ticket=\"a\\\"b\\\\c\\nd\"} 0.5\n\
            # HELP paso_now Now.\n# TYPE paso_now gauge\npaso_now{a=\"1\",b=\"2\"} +Inf\n";
        assert_eq!(written(Format::Text), expected);
    }

    #[test]
    fn openmetrics_names_counters_without_their_ending_and_has_an_end() {
        let text = written(Format::OpenMetrics);
        assert!(
            text.contains("# TYPE paso_things counter\n") && text.contains("\npaso_things_total 3\n"),
            "{text}"
        );
        assert!(text.contains("Things \\\\ \\\"that\\\"\\nhappened.") && text.ends_with("# EOF\n"), "{text}");
    }

    #[test]
    fn who_asks_for_openmetrics_gets_it() {
        let prometheus =
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(Format::accepted(Some(prometheus)), Format::OpenMetrics);
        assert_eq!(Format::accepted(Some("text/html,*/*")), Format::Text);
        assert_eq!(Format::accepted(None), Format::Text);
    }
}
