//! Nodes in one process, over real links: an exit, and datagrams between them on loopback.

mod access;
mod files;
mod jobs;
mod network;
mod posts;
