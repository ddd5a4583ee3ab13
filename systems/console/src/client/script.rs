//! Commands that come from options or from standard input, which is no terminal.

use std::io::{Read, stdin};
use std::thread;

use tokio::sync::mpsc;

use super::conversation::Input;
use crate::lines::{Line, Splitter};
use crate::session::LONGEST;

/// Gives these, and the end.
pub(super) fn give(commands: Vec<String>, lines: mpsc::Sender<Input>) {
    thread::spawn(move || {
        for (number, command) in (1..).zip(commands) {
            let input = match command.contains(['\n', '\r']) || command.len() > LONGEST {
                true => Input::Fault(format!("command {number} is more than one line of {LONGEST} bytes")),
                false => Input::Line(command),
            };
            if lines.blocking_send(input).is_err() {
                return;
            }
        }
    });
}

/// Gives the lines of standard input, and its end.
pub(super) fn read(lines: mpsc::Sender<Input>) {
    thread::spawn(move || {
        let mut splitter = Splitter::new(LONGEST);
        let mut buffer = [0; 4_096];
        let mut number = 0_u64;
        let mut give = |line: Line| {
            number += 1;
            let input = match line {
                Line::Text(text) => Input::Line(text),
                Line::NotText => Input::Fault(format!("line {number} of the input is no text")),
                Line::TooLong => {
                    Input::Fault(format!("line {number} of the input is longer than {LONGEST} bytes"))
                }
            };
            lines.blocking_send(input).is_ok()
        };
        loop {
            // What cannot be read has ended.
            let count = stdin().lock().read(&mut buffer).unwrap_or_default();
            splitter.push(buffer.get(..count).unwrap_or_default());
            while let Some(line) = splitter.next_line() {
                if !give(line) {
                    return;
                }
            }
            if count == 0 {
                splitter.last_line().map(give);
                return;
            }
        }
    });
}
