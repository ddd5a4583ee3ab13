//! Programs that every node has, unless its owner wants none: they touch nothing, and end.

use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::Turn;
use crate::proof;
use crate::wire::Outcome;

/// Their names.
pub(super) const NAMES: &[&str] = &["echo", "primes", "sha256", "wait"];
/// How far `primes` counts: it takes a byte for each number, and less than a second.
const MAX_PRIMES: u32 = 5_000_000;
const MAX_WAIT: Duration = Duration::from_secs(60);

/// Whether it can be run with these words.
pub(super) fn check(program: &str, args: &[String]) -> Result<(), String> {
    match (program, args) {
        ("primes", [number]) if number.parse().is_ok_and(|number: u32| number <= MAX_PRIMES) => Ok(()),
        ("wait", [time]) if time.parse().is_ok_and(|time| Duration::from_millis(time) <= MAX_WAIT) => Ok(()),
        ("sha256", []) | ("echo", _) => Ok(()),
        ("primes", _) => {
            Err(format!("primes NUMBER: how many primes there are up to it, at most {MAX_PRIMES}"))
        }
        ("wait", _) => Err(format!("wait MILLISECONDS: at most {}", MAX_WAIT.as_millis())),
        _ => Err("sha256 takes no words: it reads standard input".into()),
    }
}

/// Runs it.
pub(super) async fn run(program: &str, args: &[String], stdin: Vec<u8>, turn: &Turn) -> (Outcome, Vec<u8>) {
    if let Err(why) = check(program, args) {
        return (Outcome { why: Some(why), ..Outcome::default() }, Vec::new());
    }
    let number = args.first().and_then(|word| word.parse().ok()).unwrap_or(0);
    let text = match program {
        "primes" => {
            let turn = Turn::clone(turn);
            let counting = spawn_blocking(move || {
                let count = primes(number).to_string();
                drop(turn);
                count
            });
            counting.await.unwrap_or_default()
        }
        "wait" => {
            sleep(Duration::from_millis(number.into())).await;
            return (Outcome { code: Some(0), ..Outcome::default() }, Vec::new());
        }
        "sha256" => proof::sha256(&stdin).iter().map(|byte| format!("{byte:02x}")).collect(),
        _ => args.join(" "),
    };
    let written = format!("{text}\n").into_bytes();
    (Outcome { code: Some(0), stdout: written.len(), ..Outcome::default() }, written)
}

/// How many primes there are up to `number`: the sieve of Eratosthenes.
fn primes(number: u32) -> usize {
    let number = usize::try_from(number.min(MAX_PRIMES)).unwrap_or(0);
    let mut is_prime = vec![true; number + 1];
    for step in (2..).take_while(|step| step * step <= number) {
        if is_prime[step] {
            is_prime[step * step..].iter_mut().step_by(step).for_each(|is_prime| *is_prime = false);
        }
    }
    is_prime.iter().skip(2).filter(|is_prime| **is_prime).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primes_are_counted() {
        for (number, count) in
            [(0, 0), (1, 0), (2, 1), (3, 2), (100, 25), (1_000_000, 78_498), (u32::MAX, 348_513)]
        {
            assert_eq!(primes(number), count, "{number}");
        }
    }

    #[test]
    fn words_that_cannot_be_are_named() {
        for (program, args) in [("primes", "5000001"), ("primes", "x"), ("wait", "60001"), ("sha256", "x")] {
            assert!(check(program, &[args.into()]).unwrap_err().contains(program));
        }
    }
}
