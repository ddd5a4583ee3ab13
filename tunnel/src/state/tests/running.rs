//! proxy2s that run with the folder, and what they say to a change.

use super::*;
use crate::rules::Rules;
use crate::state::feed::Tickets;
use crate::state::running::{Confirmed, Confirming};

/// A proxy2 that takes its tickets when the test says so.
struct Running {
    tickets: Tickets,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    fn start(state: &StateDir) -> Self {
        let (watch, tickets) = Watch::new(state.clone(), state.server().unwrap());
        Self { tickets, task: tokio::spawn(watch.run()) }
    }

    /// Takes what comes until a list is as `wanted`.
    async fn take_until(&mut self, wanted: impl Fn(&[TicketRecord]) -> bool) {
        loop {
            let list = self.tickets.get();
            self.tickets.taken(&list);
            if wanted(&list.records) {
                return;
            }
            self.tickets.changed().await.unwrap();
        }
    }
}

fn is_revoked(records: &[TicketRecord]) -> bool {
    records.iter().all(|record| !record.is_valid())
}

async fn wait(state: &StateDir, patience: Duration) -> Result<Confirmed, StateError> {
    wait_for(state, Confirming::Tickets, patience).await
}

async fn wait_for(
    state: &StateDir,
    confirming: Confirming,
    patience: Duration,
) -> Result<Confirmed, StateError> {
    let state = state.clone();
    tokio::task::spawn_blocking(move || state.wait_until_taken(confirming, patience)).await.unwrap()
}

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_change_is_confirmed_by_every_proxy2_that_runs_and_by_none_before_it_is_taken() {
    let folder = Temporary::new();
    let state = folder.state();
    drop(state.server().unwrap());
    assert_eq!(wait(&state, Duration::ZERO).await.unwrap(), Confirmed::NoneRuns);
    let (mut one, mut two) = (Running::start(&state), Running::start(&state));
    assert!(state.is_in_use());
    one.take_until(|_| true).await;
    two.take_until(|_| true).await;
    assert_eq!(wait(&state, LONG).await.unwrap(), Confirmed::By(2));
    state.revoke_ticket(&name(FIRST_TICKET)).unwrap();
    one.take_until(is_revoked).await;
    two.tickets.changed().await.unwrap();
    assert!(is_revoked(&two.tickets.get().records), "it has read them, and not taken them");
    let error = wait(&state, Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, StateError::Unconfirmed { .. }), "{error}");
    two.take_until(is_revoked).await;
    assert_eq!(wait(&state, LONG).await.unwrap(), Confirmed::By(2));
    for running in [one, two] {
        drop(running.tickets);
        running.task.await.unwrap();
    }
    assert_eq!(wait(&state, LONG).await.unwrap(), Confirmed::NoneRuns);
    assert_eq!(std::fs::read_dir(state.path().join("running")).unwrap().count(), 0);
}

/// As after `kill -9`.
#[test]
fn the_sign_of_a_killed_proxy2_is_no_sign() {
    let folder = Temporary::new();
    let state = folder.state();
    drop(state.server().unwrap());
    let left = state.path().join("running/0123456789abcdef");
    std::fs::write(&left, "-").unwrap();
    assert!(!state.is_in_use());
    assert!(!left.exists());
}

/// A file that is missing, damaged or half written may have been any list: the last one that was read counts.
#[test]
fn what_cannot_be_read_changes_nothing_and_is_tried_again() {
    let folder = Temporary::new();
    let state = folder.state();
    let (mut watch, mut tickets) = Watch::new(state.clone(), state.server().unwrap());
    let path = state.path().join(TICKETS_FILE);
    let good = std::fs::read_to_string(&path).unwrap();
    let revoked = to_text(&[tickets.get().records.remove(0).revoked()]);
    for damage in [None, Some("default valid paso1aa"), Some("\u{0}\u{0}"), Some(&good[..60])] {
        std::fs::remove_file(&path).unwrap();
        if let Some(damage) = damage {
            files::create_secret(&path, damage).unwrap();
        }
        watch.look();
        assert_eq!(*to_text(&tickets.get().records), good, "{damage:?}");
        let _ = std::fs::remove_file(&path);
        files::create_secret(&path, &revoked).unwrap();
        watch.look();
        assert!(is_revoked(&tickets.get().records), "{damage:?}");
        folder.replace(TICKETS_FILE, &good);
        watch.look();
    }
}

/// As when proxy2 has no descriptor left: nothing of the file changes when it can be read again.
#[cfg(unix)]
#[test]
fn a_change_that_could_not_be_read_at_first_is_read_later() {
    let folder = Temporary::new();
    let state = folder.state();
    let (mut watch, mut tickets) = Watch::new(state.clone(), state.server().unwrap());
    state.revoke_ticket(&name(FIRST_TICKET)).unwrap();
    let set_mode = |mode| {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(state.path(), mode).unwrap();
    };
    set_mode(0o777);
    watch.look();
    assert!(!is_revoked(&tickets.get().records));
    set_mode(0o700);
    watch.look();
    assert!(is_revoked(&tickets.get().records));
}

/// The same file, the same length and, as far as the file system's clock can tell, the same time.
#[test]
fn a_change_in_the_same_moment_as_the_last_is_noticed() {
    let folder = Temporary::new();
    let state = folder.state();
    let (mut watch, mut tickets) = Watch::new(state.clone(), state.server().unwrap());
    watch.look();
    let path = state.path().join(TICKETS_FILE);
    let time = path.metadata().unwrap().modified().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    io::Write::write_all(&mut &file, text.replace("valid  ", "revoked").as_bytes()).unwrap();
    file.set_modified(time).unwrap();
    watch.look();
    assert!(is_revoked(&tickets.get().records));
}

/// As when the folder was emptied under a running proxy2, and filled again from a copy.
#[test]
fn a_proxy2_whose_sign_was_deleted_gives_it_again() {
    let folder = Temporary::new();
    let state = folder.state();
    let (mut watch, _tickets) = Watch::new(state.clone(), state.server().unwrap());
    std::fs::remove_dir_all(state.path().join("running")).unwrap();
    assert!(!state.is_in_use());
    watch.look();
    assert!(state.is_in_use());
}

fn allow(state: &StateDir, rules: &str) {
    let rules = Rules::parse(rules.split_whitespace()).unwrap();
    state.set_rules(&name(FIRST_TICKET), Some(rules)).unwrap();
}

fn rules_now(tickets: &mut Tickets) -> Option<usize> {
    tickets.get().rules.get(&name(FIRST_TICKET)).map(|rules| rules.iter().len())
}

#[tokio::test]
async fn new_rules_are_confirmed_apart_from_tickets() {
    let folder = Temporary::new();
    let state = folder.state();
    drop(state.server().unwrap());
    let mut running = Running::start(&state);
    running.take_until(|_| true).await;
    assert_eq!(wait_for(&state, Confirming::Rules, LONG).await.unwrap(), Confirmed::By(1));
    allow(&state, "dial:target dial:db:5432");
    assert_eq!(wait(&state, LONG).await.unwrap(), Confirmed::By(1), "the tickets are the same");
    running.tickets.changed().await.unwrap();
    assert_eq!(rules_now(&mut running.tickets), Some(2));
    let error = wait_for(&state, Confirming::Rules, Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, StateError::Unconfirmed { .. }), "{error}");
    running.take_until(|_| true).await;
    assert_eq!(wait_for(&state, Confirming::Rules, LONG).await.unwrap(), Confirmed::By(1));
}

/// What was allowed stays so, and a revocation counts all the same.
#[test]
fn rules_that_cannot_be_read_change_nothing_and_hold_up_no_revocation() {
    let folder = Temporary::new();
    let state = folder.state();
    drop(state.server().unwrap());
    allow(&state, "dial:db:5432");
    let (mut watch, mut tickets) = Watch::new(state.clone(), state.server().unwrap());
    assert_eq!(rules_now(&mut tickets), Some(1));
    files::create_secret(&state.path().join("new"), "default dial:db\n").unwrap();
    std::fs::rename(state.path().join("new"), state.path().join(RULES_FILE)).unwrap();
    watch.look();
    assert_eq!(rules_now(&mut tickets), Some(1));
    state.revoke_ticket(&name(FIRST_TICKET)).unwrap();
    watch.look();
    assert!(is_revoked(&tickets.get().records));
    assert_eq!(rules_now(&mut tickets), Some(1));
    folder.replace(RULES_FILE, "default dial:db:1 dial:db:2\n");
    watch.look();
    assert_eq!(rules_now(&mut tickets), Some(2));
    let aside = state.path().with_extension("aside");
    std::fs::rename(state.path(), &aside).unwrap();
    watch.look();
    assert_eq!(rules_now(&mut tickets), Some(2), "a folder that is elsewhere is no folder without rules");
    std::fs::rename(&aside, state.path()).unwrap();
    // As editors save a file.
    let rules = state.path().join(RULES_FILE);
    for _ in 0..2 {
        std::fs::rename(&rules, &aside).unwrap();
        watch.look();
        assert_eq!(rules_now(&mut tickets), Some(2), "it is on its way");
        std::fs::rename(&aside, &rules).unwrap();
        watch.look();
        assert_eq!(rules_now(&mut tickets), Some(2));
    }
    std::fs::remove_file(&rules).unwrap();
    watch.look();
    watch.look();
    assert_eq!(rules_now(&mut tickets), None, "no file is no rules");
}

#[test]
fn a_bad_line_of_rules_keeps_proxy2_from_starting() {
    let folder = Temporary::new();
    let state = folder.state();
    drop(state.server().unwrap());
    files::create_secret(&state.path().join(RULES_FILE), "default dial:target\nlaptop dial:db\n").unwrap();
    let error = state.server().unwrap_err().to_string();
    assert!(error.contains("line 2 of ") && error.contains("'dial:db' is no rule"), "{error}");
}
