//! Commands that come from options or from standard input, which is no terminal.

use std::io::stdin;
use std::thread;

use common::lines::each;
use tokio::sync::mpsc;

use super::conversation::Input;
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
        let mut number = 0_u64;
        each(stdin(), |line| {
            number += 1;
            let input = match line {
                Ok(line) => line.text(number).map_or_else(Input::Fault, Input::Line),
                Err(error) => Input::Fault(format!("the input cannot be read: {error}")),
            };
            lines.blocking_send(input).is_ok()
        });
    });
}
