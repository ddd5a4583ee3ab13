//! What a ticket may do is said with `proxy2 ticket allow`, `deny` and `apply`, and counts within a second: streams that are no longer
//! allowed are reset.
#![cfg(unix)]

use testbed::client::{exchange, is_turned_away, read_to_reset};
use testbed::folder::Folder;
use testbed::process::Process;
use testbed::target::{Manner, Target};

use crate::programs::{PROXY2, greeted, sealed_proxy1, sealed_proxy2};

#[track_caller]
fn ticket(folder: &Folder, words: &[&str], code: i32, said: &[&str]) {
    let state = folder.path("state");
    let mut process = Process::spawn(PROXY2, &[&["ticket"], words, &["--state", &state]].concat());
    let found = process.wait().code();
    let output = process.output();
    assert_eq!(found, Some(code), "{output}");
    for part in said {
        assert!(output.contains(part), "`{part}` is not in:\n{output}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_count_while_the_link_goes_on() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let proxy2 = sealed_proxy2("0", target.address(), &folder);
    let proxy1 = sealed_proxy1("0", proxy2.address(), &folder);
    let mut client = greeted(&proxy1).await;

    ticket(&folder, &["list"], 0, &["default", "no rules of its own: dial:target"]);
    ticket(
        &folder,
        &["allow", "default", "dial:db.example:5432", "publish:files"],
        0,
        &["default may dial:target dial:db.example:5432 publish:files; the running proxy2 keeps to it"],
    );
    assert_eq!(exchange(&mut client, b"still here").await, b"still here");
    ticket(
        &folder,
        &["deny", "default", "dial:target"],
        0,
        &["default may dial:db.example:5432 publish:files;"],
    );
    read_to_reset(&mut client).await;
    is_turned_away(proxy1.address()).await;
    let line = proxy2.wait_for("stream refused");
    for part in [
        "ticket default may not dial the target; it may dial:db.example:5432 publish:files;",
        "proxy2 ticket allow default dial:target",
    ] {
        assert!(line.contains(part), "{line}");
    }
    // The holder of the ticket is told too, once.
    let told = "forbidden: ticket default may not dial the target; it may dial:db.example:5432 publish:files; allow it at proxy2 with: proxy2 ticket allow default dial:target";
    proxy1.wait_for(told);
    is_turned_away(proxy1.address()).await;
    proxy2.wait_for("stream refused");
    assert_eq!(proxy1.output().matches(told).count(), 1, "{}", proxy1.output());
    ticket(&folder, &["deny", "default", "use:x"], 1, &["has no rule use:x"]);
    ticket(
        &folder,
        &["deny", "default", "dial:db.example:5432", "publish:files"],
        0,
        &["default may do nothing;"],
    );
    ticket(&folder, &["list"], 0, &["may do nothing"]);
    ticket(&folder, &["allow", "default", "--default"], 0, &["default has no rules of its own"]);
    greeted(&proxy1).await;
    drop(proxy1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_rules_is_taken_whole_or_not_at_all() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let proxy2 = sealed_proxy2("0", target.address(), &folder);
    let proxy1 = sealed_proxy1("0", proxy2.address(), &folder);
    let mut client = greeted(&proxy1).await;
    let file = |text: &str| folder.file("rules.toml", text, 0o644);

    let bad = file("[default]\nrules = []\n\n[phone]\nrules = [\"dial:target\"]\n");
    ticket(&folder, &["apply", &bad], 1, &["rules.toml:4:2: no ticket is named 'phone'"]);
    let bad = file("[default]\nrules = [\"dial:target\", \"dial:db\"]\n");
    ticket(&folder, &["apply", &bad], 1, &["rules.toml:2:25: 'dial:db' is no rule: 'db' has no ports"]);
    assert_eq!(exchange(&mut client, b"nothing has changed").await, b"nothing has changed");

    let good = file("[default]\nrules = [\"use:*\"]\n");
    ticket(&folder, &["apply", &good], 0, &["1 ticket has its rules", "the running proxy2 keeps to it"]);
    read_to_reset(&mut client).await;
    ticket(&folder, &["show", "default"], 0, &["use:*"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_rules_file_changes_nothing_and_is_said() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let mut proxy2 = sealed_proxy2("0", target.address(), &folder);
    let proxy1 = sealed_proxy1("0", proxy2.address(), &folder);
    let mut client = greeted(&proxy1).await;
    let rules = folder.file("state/rules", "default dial:target\nlaptop dial:db\n", 0o600);
    let line = proxy2.wait_for("the rules cannot be read");
    assert!(line.contains("line 2 of") && line.contains("'dial:db' is no rule"), "{line}");
    assert_eq!(exchange(&mut client, b"still here").await, b"still here");
    ticket(&folder, &["allow", "default", "use:x"], 1, &["line 2 of"]);
    ticket(&folder, &["revoke", "default"], 0, &["the running proxy2 has ended its links"]);
    read_to_reset(&mut client).await;
    proxy2.signal("TERM");
    proxy2.wait();
    let port = target.address().port().to_string();
    let mut again = Process::spawn(PROXY2, &["0", "127.0.0.1", &port, "--state", &folder.path("state")]);
    assert_eq!(again.wait().code(), Some(1));
    assert!(again.output().contains(&format!("line 2 of {rules}")), "{}", again.output());
}
