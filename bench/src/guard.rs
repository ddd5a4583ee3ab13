//! The regression guard: instructions that two links in memory spend on a packet, counted by callgrind. A count does
//! not change with what else the machine does.
//!
//! What the packet cipher spends is left out: it is another library's, most of the count, and differs from one processor
//! to the next. Two amounts of work are counted, so that start and handshake cancel out.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use proto::sealed::benching::Ends;

use crate::load::float;
use crate::pair::{Folder, in_path};

/// How much worse than recorded is an error, in percent.
const TOLERANCE: f64 = 15.0;
/// UDP payload of a frame of 1,500 bytes.
const DATAGRAM: u16 = 1_472;
/// Megabytes carried; a megabyte takes callgrind about 0.2 s.
const AMOUNTS: [usize; 2] = [4, 20];
/// Words in the names of functions that are the cipher's.
const CIPHER: [&str; 6] = ["aes", "gcm", "ghash", "aead", "aws_lc", "CRYPTO"];

/// The work itself: carries so many megabytes and prints how many packets that took.
pub(crate) fn work(megabytes: usize) -> u64 {
    let mut ends = Ends::on_loopback(DATAGRAM);
    let id = ends.open();
    ends.transfer(id, megabytes << 20)
}

/// Counts, and compares with the record or replaces it. Says what it found.
///
/// # Errors
/// More instructions than recorded, beyond the tolerance.
pub(crate) fn guard(record: bool) -> Result<String> {
    if !in_path("valgrind") {
        return Ok("guard: SKIPPED, it needs valgrind (apt-get install valgrind)".into());
    }
    let [few, many] = [count(AMOUNTS[0])?, count(AMOUNTS[1])?];
    let counted = float(many.instructions - few.instructions) / float(many.packets - few.packets);
    let path = record_path();
    if record {
        std::fs::write(&path, format!("{counted:.0}\n"))?;
        return Ok(format!("guard: {counted:.0} instructions a packet, recorded"));
    }
    let text = std::fs::read_to_string(&path).context("nothing is recorded: run `bench guard --record`")?;
    let recorded: f64 = text.trim().parse().context("the record is no number")?;
    judge(counted, recorded)
}

fn judge(counted: f64, recorded: f64) -> Result<String> {
    let change = 100.0 * (counted / recorded - 1.0);
    let found = format!("guard: {counted:.0} instructions a packet, recorded {recorded:.0} ({change:+.1} %)");
    ensure!(
        change <= TOLERANCE,
        "{found}: more than {TOLERANCE} % worse. If that is worth it: `bench guard --record`"
    );
    let advice = if change < -TOLERANCE { ": much better, keep it with `bench guard --record`" } else { "" };
    Ok(found + advice)
}

fn record_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions-a-packet")
}

/// What callgrind saw of one run.
struct Counted {
    packets: u64,
    instructions: u64,
}

fn count(megabytes: usize) -> Result<Counted> {
    let folder = Folder::new()?;
    let out = folder.0.with_file_name("callgrind");
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", &format!("--callgrind-out-file={}", out.display())])
        .arg(std::env::current_exe()?)
        .args(["work", &megabytes.to_string()])
        .output()?;
    ensure!(run.status.success(), "valgrind failed:\n{}", String::from_utf8_lossy(&run.stderr));
    let packets = String::from_utf8(run.stdout)?.trim().parse().context("the work says how many packets")?;
    let list = Command::new("callgrind_annotate").arg("--threshold=100").arg(&out).output()?;
    let instructions = own(&String::from_utf8_lossy(&list.stdout));
    if instructions == 0 {
        bail!("callgrind_annotate says nothing:\n{}", String::from_utf8_lossy(&list.stderr));
    }
    Ok(Counted { packets, instructions })
}

/// The sum of the lines `1,234 ( 5.6%)  file:function [object]` that are not the cipher's.
fn own(list: &str) -> u64 {
    let lines =
        list.lines().filter(|line| line.contains(':') && !CIPHER.iter().any(|word| line.contains(word)));
    let count = |line: &str| line.split_whitespace().next()?.replace(',', "").parse::<u64>().ok();
    lines.filter_map(count).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cipher_does_not_count() {
        let list = "Ir\n\
                    55,185,863 (100.0%)  PROGRAM TOTALS\n\
                    21,973,930 (39.82%)  ???:_aesni_ctr32_ghash_6x [/x/bench]\n \
                    6,664,841 (12.08%)  ./string/memmove-vec.S:__memcpy_avx_unaligned_erms [/usr/lib/libc.so.6]\n \
                    2,709,263 ( 4.91%)  ???:proto::sealed::link::transmit::poll_transmit [/x/bench]\n";
        assert_eq!(own(list), 6_664_841 + 2_709_263);
    }

    #[test]
    fn fifteen_percent_is_the_limit() {
        assert!(judge(1_149.0, 1_000.0).is_ok());
        assert!(judge(1_151.0, 1_000.0).is_err());
        assert!(judge(700.0, 1_000.0).is_ok_and(|found| found.contains("--record")));
    }

    #[test]
    fn the_work_is_the_same_each_time() {
        assert_eq!(work(1), work(1));
    }
}
