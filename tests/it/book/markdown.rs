//! As much of Markdown as the pages use.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the workspace.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A page.
#[derive(Debug)]
pub(crate) struct Page {
    /// Where it is, from the folder of the workspace.
    pub(crate) path: PathBuf,
    text: String,
}

/// A fenced block.
#[derive(Debug)]
pub(crate) struct Block {
    /// The line of its fence, counted from 1.
    pub(crate) line: usize,
    /// The word behind the fence.
    pub(crate) language: String,
    /// What is in it.
    pub(crate) lines: Vec<String>,
    /// The text of the HTML comment that stands in the line before it.
    pub(crate) mark: Option<String>,
}

/// A line outside of blocks, with its number, counted from 1.
type Line<'a> = (usize, &'a str);

impl Page {
    /// Reads one, from the folder of the workspace.
    pub(crate) fn read(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        let text = fs::read_to_string(root().join(path));
        Self { path: path.into(), text: text.unwrap_or_else(|error| panic!("{}: {error}", path.display())) }
    }

    /// All pages of the book, without its list.
    pub(crate) fn of_book() -> Vec<Self> {
        let mut pages = Vec::new();
        collect(Path::new("docs"), &mut pages);
        pages.sort();
        pages.into_iter().map(Self::read).collect()
    }

    /// The headings, without their markup.
    pub(crate) fn headings(&self) -> Vec<String> {
        let (prose, _) = self.parts();
        prose.iter().filter_map(|(_, line)| heading(line)).collect()
    }

    /// The headings of the third level.
    pub(crate) fn third_headings(&self) -> Vec<String> {
        let (prose, _) = self.parts();
        prose
            .iter()
            .filter(|(_, line)| line.starts_with("### "))
            .filter_map(|(_, line)| heading(line))
            .collect()
    }

    /// The first cells of the rows of tables, without their markup.
    pub(crate) fn first_cells(&self) -> Vec<String> {
        let (prose, _) = self.parts();
        let cells = prose.iter().filter_map(|(_, line)| line.strip_prefix("| "));
        cells.filter_map(|row| row.split(" | ").next()).map(plain).collect()
    }

    /// What links point to, each with its line.
    pub(crate) fn links(&self) -> Vec<(usize, String)> {
        let (prose, _) = self.parts();
        let of_line = |(number, line): &Line<'_>| -> Vec<_> {
            let line = without_code(line);
            let ends = line.match_indices("](").map(|(at, _)| line[at + 2..].to_owned());
            ends.filter_map(|rest| Some((*number, rest.split_once(')')?.0.to_owned()))).collect()
        };
        prose.iter().flat_map(of_line).collect()
    }

    /// The names that a link can have behind `#`, as GitHub and mdBook make them.
    pub(crate) fn anchors(&self) -> Vec<String> {
        let mut seen = HashMap::new();
        let mut anchors = Vec::new();
        for heading in self.headings() {
            let anchor = anchor(&heading);
            let count: &mut usize = seen.entry(anchor.clone()).or_default();
            anchors.push(if *count == 0 { anchor } else { format!("{anchor}-{count}") });
            *count += 1;
        }
        anchors
    }

    /// The fenced blocks.
    pub(crate) fn blocks(&self) -> Vec<Block> {
        self.parts().1
    }

    fn parts(&self) -> (Vec<Line<'_>>, Vec<Block>) {
        let (mut prose, mut blocks) = (Vec::new(), Vec::new());
        let mut open: Option<Block> = None;
        for (number, line) in (1..).zip(self.text.lines()) {
            match (line.trim_start().strip_prefix("```"), &mut open) {
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (Some(language), None) => {
                    let mark = prose.last().and_then(|(_, line): &Line<'_>| comment(line));
                    let language = language.trim().to_owned();
                    open = Some(Block { line: number, language, lines: Vec::new(), mark });
                }
                (None, Some(block)) => block.lines.push(line.into()),
                (None, None) => prose.push((number, line)),
            }
        }
        assert!(open.is_none(), "{}: a block has no end", self.path.display());
        (prose, blocks)
    }
}

/// The folder of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(ROOT)
}

fn collect(folder: &Path, pages: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = folder.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            collect(&path, pages);
        } else if path.extension().is_some_and(|end| end == "md") && !path.ends_with("SUMMARY.md") {
            pages.push(path);
        }
    }
}

fn heading(line: &str) -> Option<String> {
    let rest = line.trim_start_matches('#');
    (rest.len() < line.len()).then(|| rest.strip_prefix(' ').map(plain))?
}

fn comment(line: &str) -> Option<String> {
    let text = line.trim().strip_prefix("<!--")?.strip_suffix("-->")?;
    Some(text.trim().to_owned())
}

/// A text without the marks of code and bold.
pub(crate) fn plain(text: &str) -> String {
    text.replace(['`', '*'], "").trim().to_owned()
}

fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("``")
}

fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn a_page_is_read_as_github_reads_it() {
    let text = "# A `b`: c\n\n## A b c\n<!-- runs: x -->\n```sh\n# no heading\n[no](link)\n```\n[l](m.md#n), `[no](code)`\n| a `b` | c |\n";
    let page = Page { path: "page.md".into(), text: text.into() };
    assert_eq!(page.headings(), ["A b: c", "A b c"]);
    assert_eq!(page.anchors(), ["a-b-c", "a-b-c-1"]);
    assert_eq!(page.links(), [(9, "m.md#n".into())]);
    assert_eq!(page.first_cells(), ["a b"]);
    let blocks = page.blocks();
    assert_eq!((blocks.len(), blocks[0].line, blocks[0].language.as_str()), (1, 5, "sh"));
    assert_eq!(blocks[0].mark.as_deref(), Some("runs: x"));
}
