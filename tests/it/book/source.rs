//! String literals of Rust sources: what the programs may say.

use std::fs;
use std::path::{Path, PathBuf};

use super::markdown::root;

/// A source file, without its comments and its tests.
#[derive(Debug)]
pub(crate) struct Source {
    /// From the folder of the workspace.
    pub(crate) path: PathBuf,
    tokens: Vec<Token>,
}

/// A piece of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// Names, numbers and signs, a character each.
    Code(char),
    /// The value of a string literal.
    Text(String, usize),
}

/// A text that a program may say, and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    /// The text, with `…` for what is filled in.
    pub(crate) text: String,
    /// `file:line`.
    pub(crate) place: String,
}

impl Source {
    /// Reads one, from the folder of the workspace.
    pub(crate) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(root().join(path));
        let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { path: path.into(), tokens: tokens(without_tests(&text)) }
    }

    /// All sources below a folder, without files of tests.
    pub(crate) fn below(folder: &str) -> Vec<Self> {
        let mut paths = Vec::new();
        collect(Path::new(folder), &mut paths);
        paths.sort();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    /// The texts of the macros of these names: the argument that is a string literal, not the values of fields.
    pub(crate) fn texts_of_macros(&self, names: &[&str]) -> Vec<Said> {
        let starts = (0..self.tokens.len()).filter(|at| names.iter().any(|name| self.calls(*at, name)));
        starts.filter_map(|at| self.text_of_call(at)).collect()
    }

    /// The texts of the attributes `#[error("…")]`.
    pub(crate) fn texts_of_errors(&self) -> Vec<Said> {
        let starts = (0..self.tokens.len()).filter(|at| self.has(*at, "#[error("));
        starts.filter_map(|at| self.text_of_call(at)).collect()
    }

    /// All literals that are sentences, of four words or more, but for lines of the log that complain of nothing.
    pub(crate) fn sentences(&self) -> Vec<Said> {
        let news: Vec<_> = self.texts_of_macros(&["info", "debug", "trace"]);
        let said = self.tokens.iter().enumerate().filter(|(at, _)| !self.explains_code(*at));
        said.filter_map(|(_, token)| self.said(token))
            .filter(|said| said.text.split_whitespace().count() >= 4)
            .filter(|said| news.iter().all(|news| news.text != said.text))
            .collect()
    }

    fn has(&self, at: usize, code: &str) -> bool {
        let mut here = self.tokens.get(at..).unwrap_or_default().iter();
        code.chars().all(|c| here.next() == Some(&Token::Code(c)))
    }

    /// Whether the literal there is for readers of the code: why something cannot fail, or why a lint is off.
    fn explains_code(&self, at: usize) -> bool {
        ["expect(", "reason="]
            .iter()
            .any(|before| at.checked_sub(before.len()).is_some_and(|start| self.has(start, before)))
    }

    fn calls(&self, at: usize, name: &str) -> bool {
        let before = at.checked_sub(1).and_then(|before| self.tokens.get(before));
        let is_longer = matches!(before, Some(Token::Code(c)) if c.is_alphanumeric() || *c == '_');
        !is_longer && self.has(at, &format!("{name}!("))
    }

    /// The first literal that is an argument of its own of the call that begins at `at`.
    fn text_of_call(&self, at: usize) -> Option<Said> {
        // An attribute has a bracket before its parentheses.
        let of_arguments = if self.has(at, "#") { 2 } else { 1 };
        let (mut depth, mut begins) = (0, false);
        for token in self.tokens.iter().skip(at) {
            match token {
                Token::Text(..) if begins => return self.said(token),
                Token::Code('(' | '[' | '{') => depth += 1,
                Token::Code(')' | ']' | '}') => depth -= 1,
                Token::Code(_) | Token::Text(..) => {}
            }
            let ends = matches!(token, Token::Code(')')) && depth < of_arguments;
            if ends {
                return None;
            }
            begins = depth == of_arguments && matches!(token, Token::Code('(' | ','));
        }
        None
    }

    fn said(&self, token: &Token) -> Option<Said> {
        let Token::Text(text, line) = token else { return None };
        Some(Said { text: fixed(text), place: format!("{}:{line}", self.path.display()) })
    }
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let (path, name) = (folder.join(entry.file_name()), entry.file_name());
        let name = name.to_string_lossy();
        if name == "tests" || name == "tests.rs" || name.ends_with("_tests.rs") {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            collect(&path, paths);
        } else if name.ends_with(".rs") {
            paths.push(path);
        }
    }
}

/// Tests stand at the end of a file.
fn without_tests(text: &str) -> &str {
    text.find("\n#[cfg(test)]\nmod tests {").and_then(|at| text.get(..at)).unwrap_or(text)
}

/// Blanks and comments are left out.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(first) = rest.chars().next() {
        let taken = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some((value, length)) = string(rest) {
            tokens.push(Token::Text(value, line));
            length
        } else if let Some(length) = character(rest) {
            length
        } else {
            if !first.is_whitespace() {
                tokens.push(Token::Code(first));
            }
            first.len_utf8()
        };
        let (passed, behind) = rest.split_at(taken);
        line += passed.matches('\n').count();
        rest = behind;
    }
    tokens
}

/// A string literal at the start, and its length.
fn string(text: &str) -> Option<(String, usize)> {
    if let Some(body) = text.strip_prefix("r#\"") {
        let end = body.find("\"#")?;
        return Some((body[..end].into(), end + 5));
    }
    let mut rest = text.strip_prefix('"')?;
    let mut value = String::new();
    loop {
        match take(&mut rest)? {
            '"' => return Some((value, text.len() - rest.len())),
            '\\' => match take(&mut rest)? {
                // The line goes on, without the blanks of the next one.
                '\n' => rest = rest.trim_start(),
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
}

fn take(text: &mut &str) -> Option<char> {
    let mut chars = text.chars();
    let first = chars.next()?;
    *text = chars.as_str();
    Some(first)
}

/// A character literal that would be taken for the start of a string.
fn character(text: &str) -> Option<usize> {
    ["'\"'", "'\\\"'", "'\\''", "b'\"'"].into_iter().find(|c| text.starts_with(c)).map(str::len)
}

/// The fixed words of a format: `…` stands for what is filled in, and code is not marked.
fn fixed(format: &str) -> String {
    let mut words = String::new();
    let mut rest = format;
    while let Some(c) = take(&mut rest) {
        match c {
            '{' | '}' if rest.starts_with(c) => words.extend(take(&mut rest)),
            '{' => {
                rest = rest.split_once('}').map_or("", |(_, behind)| behind);
                words.push('…');
            }
            '`' | '*' => {}
            other => words.push(other),
        }
    }
    // What is filled in twice is not told apart from what is filled in once.
    words.replace("……", "…").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn texts_are_found_in_sources() {
    let text = "// warn!(\"comment\")\nfn f() { warn!(name = \"field\", %x, g(\"inner\"), \"the {a} is \\\n    `b` {}\", c); \
        other_warn!(\"no\"); let c = '\"'; error!(\"{x:?}: bad\"); }\n#[error(\"cannot {}: it is {0}\", f(.0))]\nstruct E;\n";
    let source = Source { path: "x.rs".into(), tokens: tokens(text) };
    let texts = |said: Vec<Said>| said.into_iter().map(|said| said.text).collect::<Vec<_>>();
    assert_eq!(texts(source.texts_of_macros(&["warn", "error"])), ["the … is b …", "…: bad"]);
    assert_eq!(texts(source.texts_of_errors()), ["cannot …: it is …"]);
}
