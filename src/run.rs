//! A run, from settings to report, as one straight line.
//!
//! Owns: the sequence. Never: details.

use std::cell::Cell;
use std::convert::Infallible;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::time::Duration;

use crate::aws::{Aws, Retries};
use crate::error::{Error, LIST_LIMIT, Refusal, SourceError};
use crate::identity::{self, Identity, Writer};
use crate::plan::{Parting, Plan};
use crate::refused::{self, Circumstances};
use crate::report::{self, Record, Screen};
use crate::rules::Rules;
use crate::settings::{Command, ExpectedOwner, Mistake, Mistakes, PlanFormat, Settings};
use crate::stop::Stop;
use crate::text::{count, visible};
use crate::transfer::{
    self, Failed, Fate, Load, Progress, Stale, Tally, Verdict, Wire, abort_stale_uploads,
};
use crate::types::AccountId;
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
    let plan = record.keep_plan(plan(settings, &mut source)?, &source);
    if settings.command == Command::Plan {
        return print(&plan, settings.plan_format);
    }
    tracing::info!("plan       {}", plan.summary());

    let aws = stop.or(aws()).await.ok_or_else(|| stopped(stop))??;
    let region = region(&aws)?;
    let identity = identity::establish(
        &settings.identity,
        &settings.destination,
        &settings.objects,
        &aws,
        &record.way,
    );
    let identity = stop.or(identity).await.ok_or_else(|| stopped(stop))??;
    let owner = owner(&settings.expected_owner, &identity.writer)?;
    let writer = &identity.writer;
    let work = load(
        settings,
        &aws,
        &identity,
        owner.as_ref(),
        source,
        &plan,
        stop,
    )
    .await?;
    tidy(settings, &aws, &work, writer, stop).await?;
    let (tally, in_time) = transfer(settings, work, stop, screen).await;
    let tally = record.keep_tally(tally);
    report::tell(tally, &plan, screen);
    let all_stored = tally.count(Fate::Stored) == tally.fates.len();
    if let (false, false, Some(limit)) = (in_time, all_stored, settings.transfer.timeout) {
        return Err(out_of_time(tally, limit));
    }
    conclude(tally, stop, |failed| {
        let at = Circumstances {
            identity: writer,
            destination: &plan.destination,
            url: plan.destination.url_of(&plan.puts[failed.index].file.key),
            narrowed: settings.identity.session_policy.is_some(),
            owner: owner.as_ref(),
            said_owner: &settings.expected_owner,
            region: &region,
            objects: &settings.objects,
        };
        Box::new(refused::explain(&failed.failure, &at))
    })
}

/// All that the transfer works with.
async fn load(
    settings: &Settings,
    aws: &Aws,
    identity: &Identity,
    owner: Option<&AccountId>,
    source: Source,
    plan: &Arc<Plan>,
    stop: &Arc<Stop>,
) -> Result<Load, Error> {
    let retries = Retries::default();
    let bucket = settings.destination.bucket.as_str();
    let site = aws.site(bucket, settings.path_style).await;
    let site = site.map_err(|reason| {
        let refusal = refused::without_address(&settings.destination, aws.region(), reason);
        Error::Destination(Box::new(refusal))
    })?;
    let payer = settings.objects.request_payer;
    let wire = Wire::new(
        aws,
        site,
        (owner.map(ToString::to_string), payer),
        &identity.credentials,
        &retries,
        &settings.transfer,
        stop,
    );
    Ok(Load {
        client: aws.s3(
            &identity.credentials,
            settings.path_style,
            &settings.transfer,
            payer,
            &retries,
        ),
        wire,
        owner: owner.cloned(),
        source,
        plan: Arc::clone(plan),
        retries,
        credentials: Arc::clone(&identity.credentials),
    })
}

/// Removes what earlier runs have left, if that is wanted.
async fn tidy(
    settings: &Settings,
    aws: &Aws,
    work: &Load,
    writer: &Writer,
    stop: &Stop,
) -> Result<(), Error> {
    let Some(age) = settings.transfer.abort_stale_uploads else {
        return Ok(());
    };
    let stale = Stale {
        destination: &settings.destination,
        owner: work.owner.as_ref(),
        writer,
        now: aws.now(),
        age,
    };
    let tidied = stop.or(abort_stale_uploads(&work.client, &stale)).await;
    tidied.ok_or_else(|| stopped(stop))
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
    if source.files.is_empty() && !settings.allow_empty {
        let selection = &settings.selection;
        let (what, hint) = if selection.include.is_empty() && selection.exclude.is_empty() {
            ("holds no file", "did the build step run?")
        } else {
            let hint = "do DOCFERRY_INCLUDE and DOCFERRY_EXCLUDE say what they should?";
            ("holds no file that is selected", hint)
        };
        let hint = format!("{hint} DOCFERRY_ALLOW_EMPTY=true says that this is fine");
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

fn owner(said: &ExpectedOwner, identity: &Writer) -> Result<Option<AccountId>, Error> {
    match said {
        ExpectedOwner::Unchecked => Ok(None),
        ExpectedOwner::Account(account) => Ok(Some(account.clone())),
        ExpectedOwner::Writer => match identity.account() {
            Some(account) => Ok(Some(account.clone())),
            None => {
                let reason = "is not set, and STS does not say which account the job is in";
                let mistake = Mistake::new("DOCFERRY_EXPECTED_BUCKET_OWNER", reason);
                let hint = "set it to the account that owns the bucket, or to `none`";
                Err(Mistakes::from(mistake.hint(hint)).into())
            }
        },
    }
}

/// Carries the plan out, and says whether the time was enough for it.
async fn transfer(
    settings: &Settings,
    work: Load,
    stop: &Arc<Stop>,
    screen: &Screen,
) -> (Tally, bool) {
    let _details = screen.objects();
    let progress = Arc::new(Progress::default());
    let sum = report::Sum::from(&*work.plan);
    let credentials = Arc::clone(&work.credentials);
    let time_left = async || credentials.time_left().await;
    let in_time = Cell::new(true);
    let tally = tokio::select! {
        biased;
        tally = transfer::carry(work, &settings.transfer, &progress, stop) => tally,
        never = report::watch(screen, sum, &progress, time_left) => match never {},
        never = give_up_after(settings.transfer.timeout, stop, &in_time) => match never {},
    };
    screen.clear();
    (tally, in_time.get())
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

fn out_of_time(tally: &Tally, limit: Duration) -> Error {
    let planned = tally.fates.len();
    Error::OutOfTime {
        limit,
        failed: planned - tally.count(Fate::Stored),
        planned,
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
        None => Err(Error::Objects {
            failed: planned - tally.count(Fate::Stored),
            planned,
        }),
    }
}

fn stopped(stop: &Stop) -> Error {
    stop.cause().map_or_else(
        || Error::Bug("the run gave itself up before it began".to_owned()),
        Error::Stopped,
    )
}
