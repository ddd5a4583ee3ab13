//! Shares, deaths and lies, in simulated networks: thousands of seeds.

mod market;

use std::collections::BTreeSet;
use std::time::Duration;

use self::market::{Market, name};
use super::scheduler::MAX_ATTEMPTS;
use super::*;

fn seeds() -> u64 {
    if std::env::var_os("CI").is_some() { 2000 } else { 200 }
}

fn programs() -> BTreeSet<String> {
    BTreeSet::from(["work".into()])
}

#[test]
fn equals_get_equal_shares() {
    for seed in 0..seeds() {
        let nodes = if seed % 2 == 0 { 5 } else { 20 };
        for at_once in [true, false] {
            let mut market = Market::new(seed, &vec![2; nodes], 1);
            market.run_jobs(400, at_once);
            let jain = jain_index(&market.shares());
            assert!(
                jain >= 0.95,
                "seed {seed}, {nodes} nodes, at once: {at_once}: {jain} of {:?}",
                market.shares()
            );
        }
    }
}

#[test]
fn unequals_get_shares_by_their_capacity() {
    for seed in 0..seeds() {
        for at_once in [true, false] {
            let capacities = [1, 2, 4, 8];
            let mut market = Market::new(seed, &capacities, 1);
            market.run_jobs(1500, at_once);
            for (share, capacity) in market.shares().iter().zip(capacities) {
                let fair = 1500.0 * f64::from(capacity) / 15.0;
                assert!(
                    (share / fair - 1.0).abs() <= 0.15,
                    "seed {seed}, at once: {at_once}: {:?}",
                    market.shares()
                );
            }
        }
    }
}

#[test]
fn whoever_is_near_gets_no_more_than_the_others() {
    for seed in 0..seeds() / 4 {
        let mut market = Market::new(seed, &[2; 3], 1);
        // Short jobs, and the way to the others takes longer than they do.
        market.job = Duration::from_millis(10);
        market.way = Duration::from_millis(60);
        market.run_jobs(100, true);
        let jain = jain_index(&market.shares());
        assert!(jain >= 0.95, "seed {seed}: {jain} of {:?}", market.shares());
    }
}

#[test]
fn whoever_is_slow_slows_down_nobody() {
    for seed in 0..seeds() / 4 {
        // It says that it runs as much as all others together, and takes twenty times as long.
        let mut market = Market::new(seed, &[2, 2, 8], 1);
        market.job = Duration::from_millis(50);
        market.slowness = 20;
        market.run_jobs(400, true);
        let shares = market.shares();
        assert!(shares[2] < 80.0, "seed {seed}: {shares:?}");
        // The two alone need 10 s, 400 jobs of 100 ms four at a time; and the slow one's last takes up to 3 s.
        assert!(market.took < Duration::from_secs(18), "seed {seed}: {:?}, {shares:?}", market.took);
    }
}

#[test]
fn several_that_give_jobs_away_share_too() {
    for seed in 0..seeds() / 4 {
        let mut market = Market::new(seed, &[2; 10], 5);
        market.run_jobs(1000, true);
        let jain = jain_index(&market.shares());
        assert!(jain >= 0.95, "seed {seed}: {jain} of {:?}", market.shares());
    }
}

#[test]
fn whoever_dies_loses_no_job() {
    for seed in 0..seeds() {
        let mut market = Market::new(seed, &[1, 2, 2, 3, 4], 1);
        market.deaths = 25;
        market.run_jobs(200, true);
        // Each once, though some were run twice: the market counts what is told.
        assert_eq!(market.told.len(), 200, "seed {seed}");
        assert!(market.told.values().all(|times| *times == 1), "seed {seed}");
    }
}

#[test]
fn a_lie_about_capacity_costs_the_liar_and_few_jobs() {
    let mut scheduler = Scheduler::new(1);
    let now = Duration::ZERO;
    scheduler.worker_up(name(0), 1, programs(), now);
    scheduler.worker_up(name(1), u32::MAX, programs(), now);
    let ids: Vec<JobId> = (0..100).map(|_| scheduler.submit("work", now).unwrap()).collect();
    let given: Vec<Assignment> = std::iter::from_fn(|| scheduler.poll_assignment(now)).collect();
    assert_eq!(given.len(), 2, "one each, until there are results");
    let of_liar = given.iter().find(|given| given.worker == name(1)).unwrap();
    // It never answers. All others are done meanwhile, two seconds later.
    let now = Duration::from_secs(2);
    let mut open: Vec<Assignment> = given.iter().filter(|given| given.worker == name(0)).cloned().collect();
    let mut done = 0;
    while let Some(next) = open.pop() {
        assert!(scheduler.handle_result(next.job, next.attempt, now));
        done += 1;
        open.extend(std::iter::from_fn(|| scheduler.poll_assignment(now)));
    }
    assert_eq!(done, ids.len() - 1);
    scheduler.handle_lost(of_liar.job, of_liar.attempt, now);
    let last = scheduler.poll_assignment(now).unwrap();
    assert_eq!((last.worker.clone(), last.job), (name(0), of_liar.job), "it rests");
    assert!(!scheduler.handle_result(of_liar.job, of_liar.attempt, now), "its answer comes too late");
    assert!(scheduler.handle_result(last.job, last.attempt, now));
    assert!(!scheduler.handle_result(last.job, last.attempt, now), "a result is told once");
}

#[test]
fn a_job_that_kills_ends_some_time() {
    let mut scheduler = Scheduler::new(1);
    let id = scheduler.submit("work", Duration::ZERO).unwrap();
    for at in 0..u64::from(MAX_ATTEMPTS) {
        let now = Duration::from_secs(at);
        scheduler.worker_up(name(0), 1, programs(), now);
        assert_eq!(scheduler.poll_assignment(now).map(|given| given.job), Some(id));
        assert_eq!(scheduler.poll_failed(), None);
        scheduler.worker_down(&name(0), now);
    }
    assert_eq!(scheduler.poll_failed(), Some((id, Failure::Attempts)));
}

#[test]
fn what_nobody_runs_holds_up_nothing_and_is_said() {
    let mut scheduler = Scheduler::new(1);
    let now = Duration::ZERO;
    scheduler.worker_up(name(0), 4, programs(), now);
    let odd = scheduler.submit("odd", now).unwrap();
    let other = scheduler.submit("work", now).unwrap();
    let given = scheduler.poll_assignment(now).unwrap();
    assert_eq!(given.job, other);
    scheduler.tick(Duration::from_secs(9));
    assert_eq!(scheduler.poll_failed(), None, "somebody may come who does");
    scheduler.tick(Duration::from_secs(10));
    assert_eq!(scheduler.poll_failed(), Some((odd, Failure::NobodyRuns("odd".into()))));
    // It says that it runs something, and then does not.
    scheduler.handle_refusal(given.job, given.attempt, Refusal::NotAllowed, now);
    assert_eq!(scheduler.poll_assignment(now), None);
    // Cancelled, nobody hears of it.
    scheduler.cancel(other);
    scheduler.tick(Duration::from_secs(99));
    assert_eq!((scheduler.poll_failed(), scheduler.poll_assignment(now)), (None, None));
}

#[test]
fn jobs_have_an_end() {
    let mut scheduler = Scheduler::new(1);
    let now = Duration::ZERO;
    let taken = (0..20_000).filter(|_| scheduler.submit("work", now).is_ok()).count();
    assert_eq!(taken, 10_000);
}
