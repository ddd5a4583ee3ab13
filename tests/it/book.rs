//! The pages of `docs`, held against the tree: links, widths, the commands that they show, the sentences that they explain.

mod assignment;
#[cfg(unix)]
mod commands;
mod markdown;
mod pages;
#[cfg(unix)]
mod ports;
#[cfg(unix)]
mod scene;
mod sentences;
mod source;
