//! Every page is in the list, every link leads somewhere, and every block fits a terminal.

use std::path::{Component, Path, PathBuf};

use super::markdown::{Page, root};

/// Columns of a block: what every terminal has.
const COLUMNS: usize = 80;

/// Pages outside of the book whose links are looked at too.
const BESIDE: [&str; 4] = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "proto/PROTOCOL.md"];

#[test]
fn every_page_is_in_the_summary() {
    let summary = Page::read("docs/SUMMARY.md");
    let listed: Vec<_> = summary.links().into_iter().map(|(_, to)| Path::new("docs").join(to)).collect();
    let pages: Vec<_> = Page::of_book().into_iter().map(|page| page.path).collect();
    for page in &pages {
        let count = listed.iter().filter(|listed| *listed == page).count();
        let name = page.strip_prefix("docs").unwrap().display();
        assert_eq!(count, 1, "docs/SUMMARY.md must have one line for {name}: - [Title]({name})");
    }
    for listed in listed {
        assert!(pages.contains(&listed), "docs/SUMMARY.md has {}, which is not there", listed.display());
    }
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut pages = Page::of_book();
    pages.push(Page::read("docs/SUMMARY.md"));
    pages.extend(BESIDE.map(Page::read));
    let faults: Vec<_> = pages.iter().flat_map(dead_links).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn dead_links(page: &Page) -> Vec<String> {
    let mut faults = Vec::new();
    for (line, link) in page.links() {
        if link.contains("://") || link.starts_with("mailto:") {
            continue;
        }
        let (file, anchor) = link.split_once('#').map_or((link.as_str(), None), |(a, b)| (a, Some(b)));
        let to = if file.is_empty() { page.path.clone() } else { beside(&page.path, file) };
        let place = format!("{}:{line}: the link {link}", page.path.display());
        if !root().join(&to).exists() {
            faults.push(format!("{place} leads to no file {}", to.display()));
        } else if let Some(anchor) = anchor
            && !Page::read(&to).anchors().iter().any(|known| known == anchor)
        {
            faults.push(format!("{place}: {} has no heading #{anchor}", to.display()));
        }
    }
    faults
}

/// Where a link of `page` leads, without `..`.
fn beside(page: &Path, link: &str) -> PathBuf {
    let mut path = PathBuf::new();
    let folder = page.parent().unwrap_or_else(|| Path::new(""));
    for part in folder.join(link).components() {
        match part {
            Component::ParentDir => assert!(path.pop(), "{link} of {} leaves the tree", page.display()),
            Component::Normal(_) => path.push(part),
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir => {
                panic!("{link} of {} is not relative", page.display())
            }
        }
    }
    path
}

/// The only page that leads out of the book: what is outside is not in it when it is printed or published.
const WAY_OUT: &str = "docs/protocol.md";

#[test]
fn the_book_stands_by_itself() {
    let pages = Page::of_book();
    let inner = pages.iter().filter(|page| page.path != Path::new(WAY_OUT));
    let links = inner.flat_map(|page| page.links().into_iter().map(|(line, link)| (&page.path, line, link)));
    let out =
        links.filter(|(page, _, link)| !link.contains("://") && !beside(page, link).starts_with("docs"));
    let out: Vec<_> = out.map(|(page, line, link)| format!("{}:{line}: {link}", page.display())).collect();
    assert!(out.is_empty(), "these links leave docs; only {WAY_OUT} has such:\n{}", out.join("\n"));
}

#[test]
fn every_block_of_the_book_fits_80_columns() {
    let mut wide = Vec::new();
    for page in Page::of_book() {
        for block in page.blocks() {
            let lines = (block.line + 1..).zip(&block.lines);
            let too_wide = lines.map(|(number, line)| (number, line.chars().count()));
            wide.extend(
                too_wide
                    .filter(|(_, columns)| *columns > COLUMNS)
                    .map(|(number, columns)| format!("{}:{number}: {columns}", page.path.display())),
            );
        }
    }
    assert!(wide.is_empty(), "lines of code with more than {COLUMNS} columns:\n{}", wide.join("\n"));
}
