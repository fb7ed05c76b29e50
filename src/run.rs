//! A run, from settings to report, as one straight line.
//!
//! Owns: the sequence. Never: details.

use std::cell::Cell;
use std::convert::Infallible;
use std::io::{self, BufWriter, Write};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

mod far;
mod memory;
mod sync;

use self::far::Far;
use self::memory::Memory;
use crate::aws::Aws;
use crate::error::{Error, LIST_LIMIT, Refusal, SourceError};
use crate::identity;
use crate::plan::{Parting, Plan};
use crate::remote::{Held, Holder, Taken, take, wait};
use crate::report::{self, Record, Screen};
use crate::rules::Rules;
use crate::settings::{Command, Lock, Mistake, Mistakes, Mode, PlanFormat, Settings};
use crate::stop::Stop;
use crate::text::{count, visible};
use crate::transfer::{
    self, Failed, Fate, Progress, Root, Stale, Tally, Verdict, abort_stale_uploads,
};
use crate::walk::{Source, Suspect, walk};

/// Does what the settings say. `aws` makes the clients, `stop` may end the
/// run early, `screen` shows how far it is, and `record` keeps what it comes to.
pub async fn run(
    settings: &Settings,
    aws: impl AsyncFnOnce() -> Result<Aws, Mistakes>,
    stop: &Arc<Stop>,
    screen: &Screen,
    record: &Record,
) -> Result<(), Error> {
    let mut source = walk_beside(settings, stop).await?;
    guard(&source.suspects)?;
    record.keep_source(&source);
    let plan = plan(settings, &mut source)?;
    let looks = settings.sync.looks();
    // What does not depend on the destination is known from now on.
    let plan = match looks {
        true => Arc::new(plan),
        false => record.keep_plan(plan),
    };
    if settings.command == Command::Plan && !looks {
        return show(&plan, settings);
    }
    if !looks {
        tracing::info!("plan       {}", plan.summary());
    }
    let aws = stop.or(aws()).await.ok_or_else(|| stopped(stop))??;
    let region = region(&aws)?;
    let identity = identity::establish(
        &settings.identity,
        &settings.destination,
        &settings.objects,
        &settings.sync,
        &aws,
        &record.way,
    );
    let identity = stop.or(identity).await.ok_or_else(|| stopped(stop))??;
    let far = Far::reach(settings, &aws, identity, region, stop).await?;
    let root = Arc::new(Root::new(source));
    let job = Job {
        settings,
        far: &far,
        root: &root,
        stop,
        screen,
        record,
        lost: Cell::new(false),
    };
    match lock(&job).await? {
        None => Box::pin(job.work(plan)).await,
        Some(held) => Box::pin(job.work_with(held, plan)).await,
    }
}

/// Takes the lock, if it is wanted. A plan changes nothing and needs none.
async fn lock(job: &Job<'_>) -> Result<Option<Held>, Error> {
    let Job {
        settings,
        far,
        stop,
        ..
    } = job;
    if settings.command == Command::Plan || settings.sync.lock == Lock::Off {
        return Ok(None);
    }
    let holder = Holder::new(settings.run.clone());
    let desk = far.desk();
    let held = async {
        if settings.sync.lock == Lock::Wait {
            return wait(desk, &holder).await.map(Taken::Held);
        }
        take(desk, &holder).await
    };
    let taken = stop.or(held).await.ok_or_else(|| stopped(stop))?;
    match taken.map_err(|unanswered| far.explain_lock(&unanswered))? {
        Taken::Held(held) => Ok(Some(held)),
        Taken::Busy(other) => {
            let what = format!("another run writes to {}", settings.destination);
            let refusal = Refusal::new(what)
                .fact("run", other.who)
                .hint("run this job again when that one is done, or set DOCFERRY_LOCK=wait");
            Err(Error::Guard(Box::new(refusal)))
        }
    }
}

/// A run that knows who it is and where it writes.
struct Job<'a> {
    settings: &'a Settings,
    far: &'a Far<'a>,
    root: &'a Arc<Root>,
    stop: &'a Arc<Stop>,
    screen: &'a Screen,
    record: &'a Record,
    /// Whether the lock is not ours any more.
    lost: Cell<bool>,
}

/// How long giving the lock back may take: a host that has sent a signal kills
/// the job soon.
const RELEASE: Duration = Duration::from_secs(4);

impl Job<'_> {
    /// Works for as long as the lock is ours.
    async fn work_with(&self, mut held: Held, plan: Arc<Plan>) -> Result<(), Error> {
        let desk = self.far.desk();
        let mut work = pin!(self.work(plan));
        let done = tokio::select! {
            done = &mut work => Some(done),
            () = held.keep(desk) => None,
        };
        let Some(done) = done else {
            self.lost.set(true);
            self.stop.give_up();
            drop(work.await);
            return Err(far::overtaken(&self.settings.destination));
        };
        tokio::select! {
            () = held.release(desk) => {}
            () = self.stop.hurried() => {}
            () = tokio::time::sleep(RELEASE) => {}
        }
        done
    }

    /// From the plan of the source to the end.
    async fn work(&self, plan: Arc<Plan>) -> Result<(), Error> {
        let Self { settings, stop, .. } = self;
        let (plan, mut memory) = match settings.sync.looks() {
            true => {
                let plan = Arc::unwrap_or_clone(plan);
                let (plan, memory) = Box::pin(sync::compare(self, plan)).await;
                (self.record.keep_plan(plan), memory?)
            }
            false => (plan, None),
        };
        if settings.command == Command::Plan {
            return show(&plan, settings);
        }
        if settings.sync.looks() {
            tracing::info!("plan       {}", plan.summary());
        }
        self.tidy().await?;
        let (mut tally, in_time) = self.transfer(&plan, memory.is_some()).await;
        let all_stored = tally.count(Fate::Stored) == tally.fates.len();
        if all_stored && in_time && !stop.is_requested() {
            tally.deleted = transfer::delete(self.far.place(), &plan.deletes, stop).await;
        }
        // After a signal there is no time for it, and without the lock no right.
        let tally = self.record.keep_tally(tally);
        let remembered = match &mut memory {
            Some(memory) if stop.cause().is_none() && !self.lost.get() => {
                memory.keep(self, &plan, tally).await
            }
            _ => Ok(()),
        };
        report::tell(tally, &plan, self.screen);
        let all_done = all_stored && tally.deleted.gone() == plan.deletes.len();
        if let (false, false, Some(limit)) = (in_time, all_done, settings.transfer.timeout) {
            return Err(out_of_time(tally, &plan, limit));
        }
        conclude(tally, stop, |failed| {
            let url = plan.destination.url_of(&plan.puts[failed.index].file.key);
            Box::new(self.far.explain_failure(&failed.failure, url))
        })?;
        self.deleted(tally, &plan)?;
        remembered
    }

    /// Removes what earlier runs have left, if that is wanted.
    async fn tidy(&self) -> Result<(), Error> {
        let Some(age) = self.settings.transfer.abort_stale_uploads else {
            return Ok(());
        };
        let stale = Stale {
            destination: &self.settings.destination,
            owner: self.far.owner.as_ref(),
            writer: &self.far.identity.writer,
            now: self.far.aws.now(),
            age,
        };
        let tidying = abort_stale_uploads(&self.far.client, &stale);
        let tidied = self.stop.or(tidying).await;
        tidied.ok_or_else(|| stopped(self.stop))
    }

    /// Carries the plan out, and says whether the time was enough for it.
    async fn transfer(&self, plan: &Arc<Plan>, records: bool) -> (Tally, bool) {
        let Self {
            settings,
            stop,
            screen,
            ..
        } = self;
        let _details = screen.objects();
        let load = self.far.load(self.root, plan, records);
        let progress = Arc::new(Progress::default());
        let sum = report::Sum::from(&**plan);
        let credentials = &self.far.identity.credentials;
        let time_left = async || credentials.time_left().await;
        let in_time = Cell::new(true);
        let tally = tokio::select! {
            biased;
            tally = transfer::carry(load, &settings.transfer, &progress, stop) => tally,
            never = report::watch(screen, sum, &progress, time_left) => match never {},
            never = give_up_after(settings.transfer.timeout, stop, &in_time) => match never {},
        };
        screen.clear();
        (tally, in_time.get())
    }

    /// Whether all is gone that should be.
    fn deleted(&self, tally: &Tally, plan: &Plan) -> Result<(), Error> {
        if tally.deleted.gone() == plan.deletes.len() {
            return Ok(());
        }
        let Some((index, error)) = tally.deleted.failed.first() else {
            return Err(stopped(self.stop));
        };
        let url = format!("{}{}", plan.destination, plan.deletes[*index]);
        let mut refusal = self.far.explain_delete(error, url);
        let failed = plan.deletes.len() - tally.deleted.gone();
        refusal.what = format!(
            "{}: {} of {} stay; everything else is in place",
            refusal.what,
            count(failed, "stale object"),
            plan.deletes.len()
        );
        Err(Error::Unfinished(Box::new(refusal)))
    }
}

/// Walks the source on another thread, so that signals are heard meanwhile.
async fn walk_beside(settings: &Settings, stop: &Stop) -> Result<Source, Error> {
    let (path, selection) = (settings.source.clone(), settings.selection.clone());
    let walked = stop
        .or(tokio::task::spawn_blocking(move || walk(&path, &selection)))
        .await;
    let walked = walked.ok_or_else(|| stopped(stop))?;
    let walked = walked.map_err(|error| Error::Bug(format!("the walk ended: {error}")))?;
    Ok(walked?)
}

/// Files that look like credentials stop the run before any change.
fn guard(suspects: &[Suspect]) -> Result<(), Error> {
    if suspects.is_empty() {
        return Ok(());
    }
    let number = count(suspects.len(), "file");
    let look = if suspects.len() == 1 { "looks" } else { "look" };
    let mut refusal = Refusal::new(format!("{number} of the source {look} like credentials"));
    for suspect in suspects.iter().take(LIST_LIMIT) {
        refusal = refusal.fact("file", format!("{} ({})", suspect.key, suspect.what));
    }
    if let Some(more @ 1..) = suspects.len().checked_sub(LIST_LIMIT) {
        refusal = refusal.fact("file", format!("… and {more} more"));
    }
    let refusal = refusal
        .hint("take them out of the source, or name them in DOCFERRY_EXCLUDE")
        .hint("what is meant to be published is named in DOCFERRY_ALLOW_SECRETS");
    Err(Error::Guard(Box::new(refusal)))
}

fn plan(settings: &Settings, source: &mut Source) -> Result<Plan, Error> {
    let mirrors = settings.sync.mode == Mode::Mirror;
    if mirrors && source.is_file() {
        let hint = "a mirror of one file would delete everything else; use DOCFERRY_MODE=sync";
        let what = "is a single file, and DOCFERRY_MODE=mirror needs a directory";
        return Err(Error::Source(SourceError::whole(
            &settings.source,
            what,
            Some(hint),
        )));
    }
    if source.files.is_empty() && (mirrors || !settings.allow_empty) {
        let selection = &settings.selection;
        let (what, hint) = if selection.include.is_empty() && selection.exclude.is_empty() {
            ("holds no file", "did the build step run?")
        } else {
            let hint = "do DOCFERRY_INCLUDE and DOCFERRY_EXCLUDE say what they should?";
            ("holds no file that is selected", hint)
        };
        let hint = match mirrors {
            true => format!("{hint} A mirror of nothing would delete everything"),
            false => format!("{hint} DOCFERRY_ALLOW_EMPTY=true says that this is fine"),
        };
        let error = SourceError::whole(&settings.source, what, Some(&hint));
        return Err(Error::Source(error));
    }
    if source.links_skipped > 0 {
        let links = count(source.links_skipped, "symbolic link");
        tracing::info!("left {links} behind, as DOCFERRY_SYMLINKS=skip says");
    }
    let parting = Parting {
        threshold: settings.transfer.multipart_threshold.0,
        part_size: settings.transfer.part_size.0,
    };
    let files = std::mem::take(&mut source.files);
    let plan = Plan::new(
        settings.destination.clone(),
        files,
        &mut Rules::new(&settings.objects),
        parting,
        &settings.order,
    )?;
    for (one, other) in plan.lookalikes().into_iter().take(LIST_LIMIT) {
        tracing::warn!(
            "two names look the same and are two objects: {} and {}",
            visible(one),
            visible(other),
        );
    }
    Ok(plan)
}

/// Prints a plan, and says whether it would change something, if that is asked.
fn show(plan: &Plan, settings: &Settings) -> Result<(), Error> {
    print(plan, settings.plan_format)?;
    match plan.puts.len() + plan.deletes.len() {
        number @ 1.. if settings.plan_exit_code => Err(Error::Changes(number)),
        _ => Ok(()),
    }
}

fn print(plan: &Plan, format: PlanFormat) -> Result<(), Error> {
    let mut out = BufWriter::new(io::stdout().lock());
    let printed = match format {
        PlanFormat::Text => plan.write_text(&mut out),
        PlanFormat::Json => plan.write_json(&mut out),
    };
    match printed.and_then(|()| out.flush()) {
        // Whoever reads the plan, such as `head`, may have seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| {
            let refusal = Refusal::new("the plan cannot be written to standard output");
            Error::Destination(Box::new(refusal.fact("reason", error.to_string())))
        }),
    }
}

fn region(aws: &Aws) -> Result<String, Error> {
    aws.region().map(str::to_owned).ok_or_else(|| {
        let reason = "is not set, and neither a profile nor the instance gives a region";
        let mistake = Mistake::new("AWS_REGION", reason);
        Mistakes::from(mistake.hint("set it to the bucket's region, e.g. eu-central-1")).into()
    })
}

/// Ends the run when its time is up.
async fn give_up_after(limit: Option<Duration>, stop: &Stop, in_time: &Cell<bool>) -> Infallible {
    if let Some(limit) = limit {
        tokio::time::sleep(limit).await;
        if !stop.is_requested() {
            in_time.set(false);
            stop.give_up();
        }
    }
    std::future::pending().await
}

fn out_of_time(tally: &Tally, plan: &Plan, limit: Duration) -> Error {
    let planned = tally.fates.len();
    Error::OutOfTime {
        limit,
        failed: planned - tally.count(Fate::Stored),
        planned,
        stale: plan.deletes.len() - tally.deleted.gone(),
    }
}

fn conclude(
    tally: &Tally,
    stop: &Stop,
    explain: impl Fn(&Failed) -> Box<Refusal>,
) -> Result<(), Error> {
    let planned = tally.fates.len();
    if tally.count(Fate::Stored) == planned {
        return Ok(());
    }
    if let Some(failed) = &tally.condemned {
        return Err(match failed.verdict {
            Verdict::Identity => Error::Identity(explain(failed)),
            Verdict::Destination => Error::Destination(explain(failed)),
            Verdict::Object => Error::Bug("one object condemned all".to_owned()),
        });
    }
    match stop.cause() {
        Some(signal) => Err(Error::Stopped(signal)),
        None => {
            let unsent = tally.count(Fate::NotSent);
            let failed = planned - unsent - tally.count(Fate::Stored);
            Err(Error::Objects {
                failed,
                unsent,
                planned,
            })
        }
    }
}

fn stopped(stop: &Stop) -> Error {
    stop.cause().map_or_else(
        || Error::Bug("the run gave itself up before it began".to_owned()),
        Error::Stopped,
    )
}
