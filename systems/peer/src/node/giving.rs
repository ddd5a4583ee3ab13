//! Has jobs of this node run, by whoever has time: the shell around the scheduler.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use paso::Stream;
use tokio::sync::oneshot;
use tokio::time::{interval, sleep};

use super::core::{Core, Done, Pending};
use super::{Node, part};
use crate::jobs::{Assignment, JobId, Refusal, SubmitError};
use crate::overlay::Bucket;
use crate::wire::{self, Answer, Outcome, Purpose, ReadError};
use crate::work::NotRun;

/// How long a worker may say nothing: it says every 3 s that it is at work.
const SILENCE: Duration = Duration::from_secs(15);
/// How many answers of a worker are heard at once, and a second: more wait on their way.
const ANSWERS: u32 = 20;
const ANSWERS_PER_SECOND: u32 = 2;
/// How often it is looked whether a job is still that worker's.
const LOOK: Duration = Duration::from_millis(500);

/// What a worker makes of a job.
enum End {
    Result(Outcome, Vec<u8>, u32),
    Refused(Refusal),
    Lost,
    /// The job is another's by now, or nobody's.
    Stale,
}

impl Node {
    /// Has this run by somebody. Dropping what it gives ends the job.
    pub(super) fn submit(
        self: &Arc<Self>,
        program: &str,
        args: &[String],
        stdin: Arc<[u8]>,
    ) -> Result<Job, SubmitError> {
        let (done, result) = oneshot::channel();
        let mut core = self.core();
        let now = core.now();
        let id = core.scheduler.submit(program, now)?;
        core.jobs.insert(id, Pending { program: program.into(), args: args.into(), stdin, done });
        self.settle(&mut core);
        drop(core);
        Ok(Job { node: Arc::clone(self), id, result })
    }

    /// Gives away what can be given, and says what cannot.
    pub(super) fn give_jobs(self: &Arc<Self>, core: &mut Core) {
        let now = core.now();
        while let Some(assignment) = core.scheduler.poll_assignment(now) {
            tokio::spawn(Arc::clone(self).give(assignment));
        }
        while let Some((id, failure)) = core.scheduler.poll_failed() {
            if let Some(pending) = core.jobs.remove(&id) {
                // Nobody may wait for it any more.
                let _ = pending.done.send(Err(failure.to_string()));
            }
        }
    }

    async fn give(self: Arc<Self>, assignment: Assignment) {
        let Assignment { job, attempt, worker } = assignment.clone();
        let what = {
            let core = self.core();
            core.jobs
                .get(&job)
                .map(|pending| (pending.program.clone(), pending.args.clone(), pending.stdin.clone()))
        };
        let Some((program, args, stdin)) = what else { return };
        let end = {
            let running = async {
                if worker == self.me {
                    self.run_here(&program, &args, stdin.to_vec()).await
                } else {
                    let opened = self.open(&worker, Purpose::Job { program, args }, &stdin).await;
                    match opened {
                        Ok((stream, _)) => self.follow(&assignment, stream).await,
                        Err(error) => {
                            tracing::debug!(error, "a job could not be given away");
                            End::Lost
                        }
                    }
                }
            };
            let mut running = pin!(running);
            let mut looks = interval(LOOK);
            loop {
                tokio::select! {
                    end = &mut running => break end,
                    _ = looks.tick() => if !self.core().scheduler.is_current(job, attempt) {
                        break End::Stale;
                    }
                }
            }
        };
        let mut core = self.core();
        let now = core.now();
        match end {
            End::Stale => return,
            End::Result(outcome, written, jobs) => {
                core.scheduler.handle_load(&worker, jobs);
                if core.scheduler.handle_result(job, attempt, now)
                    && let Some(pending) = core.jobs.remove(&job)
                {
                    let _ = pending.done.send(Ok((worker, outcome, written)));
                }
            }
            End::Refused(refusal) => core.scheduler.handle_refusal(job, attempt, refusal, now),
            End::Lost => core.scheduler.handle_lost(job, attempt, now),
        }
        self.settle(&mut core);
    }

    async fn run_here(&self, program: &str, args: &[String], stdin: Vec<u8>) -> End {
        match self.shop.admit(&self.me, program, args) {
            Ok(place) => {
                let (outcome, written) = place.run(program, args, stdin).await;
                End::Result(outcome, written, self.shop.jobs())
            }
            Err(NotRun::Full) => End::Refused(Refusal::Full),
            Err(NotRun::Not(why)) => not_run(why),
        }
    }

    async fn follow(&self, assignment: &Assignment, mut stream: Stream) -> End {
        let (began, mut pace) = (Instant::now(), Bucket::new(ANSWERS, ANSWERS_PER_SECOND, Duration::ZERO));
        loop {
            while !pace.take(began.elapsed()) {
                sleep(LOOK).await;
            }
            match wire::read_soon(&mut stream, SILENCE).await {
                Ok((Answer::Busy { jobs }, _)) => self.core().scheduler.handle_load(&assignment.worker, jobs),
                Ok((Answer::Full { jobs }, _)) => {
                    self.core().scheduler.handle_load(&assignment.worker, jobs);
                    part(stream);
                    return End::Refused(Refusal::Full);
                }
                Ok((Answer::NotRun { why }, _)) => {
                    part(stream);
                    return not_run(why);
                }
                Ok((Answer::Result { outcome, jobs }, written)) => {
                    if outcome.stdout > written.len() {
                        return End::Lost;
                    }
                    part(stream);
                    return End::Result(outcome, written, jobs);
                }
                Ok(_) | Err(ReadError::Ended | ReadError::Io(_) | ReadError::Form(_) | ReadError::Late) => {
                    return End::Lost;
                }
            }
        }
    }
}

/// Whoever runs the program says that it is not run like that: nobody else is asked, and the user is told.
fn not_run(why: String) -> End {
    End::Result(Outcome { why: Some(why), ..Outcome::default() }, Vec::new(), 0)
}

/// A job that was handed in.
pub(super) struct Job {
    node: Arc<Node>,
    id: JobId,
    result: oneshot::Receiver<Done>,
}

impl Job {
    /// What became of it. Cancel safe.
    pub(super) async fn done(&mut self) -> Done {
        (&mut self.result).await.unwrap_or_else(|_| Err("the node ends".into()))
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let mut core = self.node.core();
        core.jobs.remove(&self.id);
        core.scheduler.cancel(self.id);
    }
}
