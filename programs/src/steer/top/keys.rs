//! What keys do.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::state::{Move, Table, Top};

/// Whether it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    On,
    End,
}

/// Rows that a page key moves by.
const PAGE: usize = 10;
/// The longest filter, in characters: it has to fit its line.
const LONGEST_FILTER: usize = 40;

impl Top {
    /// Takes a key.
    pub(super) fn on_key(&mut self, key: KeyEvent) -> Flow {
        if key.kind == KeyEventKind::Release {
            return Flow::On;
        }
        let with_control = key.modifiers.contains(KeyModifiers::CONTROL);
        if with_control && key.code == KeyCode::Char('c') {
            return Flow::End;
        }
        if self.typing { self.on_letter(key.code) } else { self.on_command(key.code) }
    }

    fn on_letter(&mut self, code: KeyCode) -> Flow {
        if code == KeyCode::Esc {
            self.filter.clear();
            self.typing = false;
        } else if code == KeyCode::Enter {
            self.typing = false;
        } else if code == KeyCode::Backspace {
            self.filter.pop();
        } else if let KeyCode::Char(letter) = code
            && !letter.is_control()
            && self.filter.chars().count() < LONGEST_FILTER
        {
            self.filter.push(letter);
        }
        Flow::On
    }

    fn on_command(&mut self, code: KeyCode) -> Flow {
        if code == KeyCode::Esc && !self.filter.is_empty() {
            self.filter.clear();
            return Flow::On;
        }
        if matches!(code, KeyCode::Esc | KeyCode::Char('q')) {
            return Flow::End;
        }
        let way = if code == KeyCode::Up {
            Some(Move::Up(1))
        } else if code == KeyCode::Down {
            Some(Move::Down(1))
        } else if code == KeyCode::PageUp {
            Some(Move::Up(PAGE))
        } else if code == KeyCode::PageDown {
            Some(Move::Down(PAGE))
        } else {
            None
        };
        if let Some(way) = way {
            self.select(way);
        } else if matches!(code, KeyCode::Tab | KeyCode::BackTab) {
            self.table = if self.table == Table::Links { Table::Streams } else { Table::Links };
        } else if let KeyCode::Char(letter) = code {
            self.on_command_letter(letter);
        }
        Flow::On
    }

    fn on_command_letter(&mut self, letter: char) {
        match letter {
            's' => {
                let columns = Self::columns(self.table).len();
                let chosen = self.chosen_mut();
                chosen.column = (chosen.column + 1) % columns;
            }
            'r' => {
                let chosen = self.chosen_mut();
                chosen.reversed = !chosen.reversed;
            }
            '/' => self.typing = true,
            'p' | ' ' => self.paused = !self.paused,
            '?' => self.help = !self.help,
            _ => {}
        }
    }
}
