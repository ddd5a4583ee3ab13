//! Jobs that others run.

use std::collections::BTreeMap;

use super::network::{Network, Running, options};
use crate::jobs::jain_index;
use crate::node::Options;
use crate::node::words::{Reply, Request};
use crate::work::Programs;

async fn network(test: &str, capacities: &[u32]) -> Network {
    let mut network = Network::new(test).await;
    for (at, &capacity) in capacities.iter().enumerate() {
        network.start(&super::network::name(at), Options { capacity, ..options() }).await;
    }
    let count = capacities.len();
    network.nodes[0]
        .until("all are known", |members| {
            members.iter().filter(|member| member.capacity.is_some()).count() == count
        })
        .await;
    network
}

fn run(program: &str, args: &[&str], times: u32) -> Request {
    Request::Run { program: program.into(), args: args.iter().map(|arg| (*arg).to_owned()).collect(), times }
}

/// How many each has run; all ended with 0.
async fn shares(node: &Running, request: Request) -> BTreeMap<String, f64> {
    let mut shares = BTreeMap::new();
    let (jobs, failed) = node.ask(request).await;
    assert_eq!(failed, None);
    for (reply, _) in jobs {
        let Reply::Job { worker: Some(worker), outcome } = reply else { panic!("{reply:?}") };
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        *shares.entry(worker.into()).or_default() += 1.0;
    }
    shares
}

#[tokio::test]
async fn equals_get_equal_shares() {
    for (test, count, times) in [("jobs-five", 5, 300), ("jobs-twenty", 20, 600)] {
        let network = network(test, &vec![2; count]).await;
        let shares = shares(&network.nodes[0], run("wait", &["30"], times)).await;
        let mut each: Vec<f64> = shares.values().copied().collect();
        each.resize(count, 0.0);
        assert!(jain_index(&each) >= 0.95, "{shares:?}");
        let done: u32 = network.nodes.iter().map(|node| node.node.jobs_done()).sum();
        assert_eq!(done, times, "each is run once where nobody dies");
    }
}

#[tokio::test]
async fn unequals_get_shares_by_their_capacity() {
    let capacities = [1, 2, 4, 8];
    let network = network("jobs-unequal", &capacities).await;
    let shares = shares(&network.nodes[0], run("wait", &["50"], 900)).await;
    for (at, capacity) in capacities.into_iter().enumerate() {
        let fair = 900.0 * f64::from(capacity) / 15.0;
        let share = shares.get(&super::network::name(at)).copied().unwrap_or(0.0);
        assert!((share / fair - 1.0).abs() <= 0.15, "{shares:?}");
    }
}

#[tokio::test]
async fn whoever_dies_loses_no_job() {
    let mut network = network("jobs-death", &[2, 2, 2, 2]).await;
    let dying = network.nodes.pop().unwrap();
    let giver = network.nodes.swap_remove(0);
    let killing = async {
        while dying.node.jobs_done() < 5 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let link = dying.link.clone();
        dying.dies().await;
        link.close().await.unwrap();
    };
    let (shares, ()) = tokio::join!(shares(&giver, run("wait", &["40"], 200)), killing);
    assert_eq!(shares.values().sum::<f64>(), 200.0, "{shares:?}");
    network.nodes.push(giver);
}

#[tokio::test]
async fn what_is_not_named_is_not_run() {
    let mut network = Network::new("jobs-named").await;
    let programs =
        Programs::new(false, &["shout=/usr/bin/tr a-z A-Z".into(), "say=/bin/echo {}".into()]).unwrap();
    network.start("n00", Options { programs, ..options() }).await;
    network.start("n01", Options { capacity: 0, ..options() }).await;
    let asking = network.at("n01");
    asking.until("n00 is known", |members| members.iter().any(|member| member.capacity == Some(2))).await;
    let (jobs, _) = asking.ask_with(run("shout", &[], 1), b"quiet").await;
    let (Reply::Job { worker, outcome }, written) = &jobs[0] else { panic!("{jobs:?}") };
    assert_eq!(
        (worker.as_ref().unwrap().as_str(), outcome.code, &written[..]),
        ("n00", Some(0), &b"QUIET"[..])
    );
    for (program, args, why) in [
        ("say", &["--version"][..], "begins with '-'"),
        ("say", &[], "takes more words"),
        ("shout", &["x"], "takes fewer words"),
        ("sh", &[], "no node that is here runs 'sh'"),
        ("/bin/sh", &[], "no node that is here runs '/bin/sh'"),
        ("echo", &[], "no node that is here runs 'echo'"),
    ] {
        let (jobs, _) = asking.ask(run(program, args, 1)).await;
        let (Reply::Job { outcome, .. }, _) = &jobs[0] else { panic!("{jobs:?}") };
        let said = outcome.why.clone().unwrap_or_default();
        assert!(said.contains(why), "{program}: {said}");
    }
}
