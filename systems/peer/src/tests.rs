//! Nodes in one process, over real links: an exit, and datagrams between them on loopback.

mod access;
mod files;
mod hostile;
mod jobs;
mod network;
mod posts;
