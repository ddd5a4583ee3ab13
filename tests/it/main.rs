//! Behaviour tests: one file for one behaviour.
#![allow(clippy::unwrap_used, reason = "everything here is a test or part of one")]

mod bad_network;
mod classic_model;
mod client_dies;
mod command_line;
mod echo_client;
mod eleventh_client;
mod fuzz_corpus;
mod garbage;
mod half_close;
mod interop;
mod lost_datagrams;
mod many_proxy1s;
mod middlebox_itself;
mod programs;
mod proxies_restart;
mod sealed_bad_network;
mod sealed_endings;
mod sealed_every_byte;
mod sealed_half_close;
mod sealed_limits;
mod sealed_restarts;
mod sealed_shutdown;
mod sealed_slow_reader;
mod sealed_strangers;
mod sealed_tickets;
mod slow_reader;
mod target_dies;
mod target_refuses;
mod ten_clients;
