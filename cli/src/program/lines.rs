//! How a line of the log is written: for people, or as a JSON object for programs.

use std::fmt::Display;
use std::io;

use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::LookupSpan;

use crate::LogFormat;
use crate::terminal;

/// What makes lines of events, and writes them to stderr by `writer`.
pub(super) fn layer<S, W>(format: LogFormat, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines =
        tracing_subscriber::fmt::layer().with_writer(writer).with_target(false).log_internal_errors(false);
    match format {
        LogFormat::Text => lines.with_ansi(terminal::takes_escapes(&io::stderr())).boxed(),
        LogFormat::Json => lines.with_ansi(false).json().flatten_event(true).with_span_list(false).boxed(),
    }
}

/// The line that says why the program ends, and a line end. No filter of levels applies to it.
pub(super) fn last(format: LogFormat, error: &dyn Display) -> String {
    match format {
        LogFormat::Text => format!("error: {error}\n"),
        LogFormat::Json => {
            let mut timestamp = String::new();
            // The clock can be read, and a text takes all that is written to it.
            let _ = SystemTime.format_time(&mut Writer::new(&mut timestamp));
            let message = serde_json::Value::String(error.to_string());
            format!("{{\"timestamp\":\"{timestamp}\",\"level\":\"ERROR\",\"message\":{message}}}\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_of_the_same_form_as_the_others() {
        assert_eq!(last(LogFormat::Text, &"no"), "error: no\n");
        let line = last(LogFormat::Json, &"a \"b\"\nc");
        assert_eq!(line.lines().count(), 1);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["message"], "a \"b\"\nc");
        let time = value["timestamp"].as_str().unwrap();
        assert!(time.starts_with("20") && time.ends_with('Z'), "{time}");
    }
}
