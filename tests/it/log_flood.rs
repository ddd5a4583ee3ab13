//! Whoever has a ticket makes links and streams that are refused, without end: the log grows no faster than it may, says
//! what is missing, and still tells of the others.
#![cfg(unix)]

use std::path::PathBuf;
use std::process::Command;

use testbed::client::is_turned_away;
use testbed::folder::Folder;
use testbed::pair::Proxy;
use testbed::target::refusing_address;
use tunnel::session::Session;
use tunnel::settings::{ClientSettings, Forward, TicketSource};

use crate::programs::{PROXY2, sealed_program, sealed_proxy2};

/// Links that come and go, each with its refused streams: without a limit about 200 kB of log.
const LINKS: usize = 60;
const STREAMS: usize = 30;
/// Bytes a second that others may cause on average, and at once; what is said beyond that is the program's own.
const RATE: u64 = 1_000;
const BURST: u64 = 16 << 10;
const OWN: u64 = 2 << 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_of_proxy2_is_bounded() {
    let folder = Folder::new();
    let start = std::time::Instant::now();
    let mut proxy2 = sealed_proxy2("0", refusing_address(), &folder);
    let add = ["ticket", "add", "quiet", "--state", &folder.path("state")];
    let quiet = Command::new(PROXY2).args(add).output().unwrap();
    let quiet = String::from_utf8(quiet.stdout).unwrap();
    for _ in 0..LINKS {
        let ticket = TicketSource::State(Some(PathBuf::from(folder.path("state"))));
        let settings = ClientSettings::new(ticket, vec![proxy2.address().into()]);
        let settings = settings.forward(Forward::plain("0".parse().unwrap()));
        let proxy1 = Proxy::run(Session::bind(settings).await.unwrap());
        for _ in 0..STREAMS {
            is_turned_away(proxy1.address).await;
        }
        proxy1.stop().await;
    }
    // The flood has taken what one ticket may write. The other has not.
    let file = folder.file("quiet.ticket", &quiet, 0o600);
    let options = ["--ticket-file", file.as_str()];
    let _proxy1 = sealed_program(crate::programs::PROXY1, "0", proxy2.address(), &folder, &options);
    tokio::task::block_in_place(|| proxy2.wait_for("ticket=\"quiet\""));
    proxy2.signal("INT");
    let code = tokio::task::block_in_place(|| proxy2.wait().code());
    let (log, took) = (proxy2.output(), start.elapsed().as_secs() + 1);
    assert_eq!(code, Some(0), "{log}");
    let written = u64::try_from(log.len()).unwrap();
    assert!(written <= BURST + RATE * took + OWN, "{written} bytes in {took} s:\n{log}");
    let summary = log.lines().last().unwrap();
    assert!(summary.contains("log lines held back: "), "{summary}");
}
