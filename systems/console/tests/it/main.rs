//! Servers and clients over a network that loses datagrams: one file for one behaviour.
#![allow(clippy::unwrap_used, reason = "everything here is a test or part of one")]

mod everyday;
mod hostile;
mod many_clients;
mod operators;
mod program;
mod slow_and_gone;
mod stage;
