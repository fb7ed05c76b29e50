//! The process: its environment, its signals, its log, its exit code. What it
//! does in between is `docferry::run`.

use std::convert::Infallible;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::process::ExitCode as ProcessExit;
use std::sync::Arc;

use docferry::aws::Aws;
use docferry::error::{Error, ExitCode, Signal};
use docferry::host::{Host, mask};
use docferry::report::{END, Record, Screen, publish, start_log, try_out};
use docferry::run::run;
use docferry::settings::{Mistakes, OutputSettings, Settings, log_level};
use docferry::stop::Stop;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ProcessExit {
    end_with_a_panic(Err);
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let words: Vec<_> = arguments
        .iter()
        .map(|word| word.to_string_lossy())
        .collect();
    match words
        .iter()
        .map(AsRef::as_ref)
        .collect::<Vec<&str>>()
        .as_slice()
    {
        ["--help" | "-h" | "help"] => print(&docferry::help::text()),
        ["--version" | "-V"] => print(concat!("docferry ", env!("CARGO_PKG_VERSION"), "\n")),
        words => exit(upload(words)),
    }
}

fn upload(arguments: &[&str]) -> Result<(), Error> {
    forget_empty_variables();
    let environment: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    let get = |name: &str| {
        let found = environment.iter().find(|(known, _)| known == name);
        found.and_then(|(_, value)| value.to_str().map(str::to_owned))
    };
    let host = Host::detect(get);
    let outputs = OutputSettings::read(&environment, &host);
    // Before anything is printed that could hold one.
    for secret in &outputs.secrets {
        mask(host.kind, secret.reveal());
    }
    let no_colour = get("NO_COLOR").is_some_and(|value| !value.is_empty());
    let screen = Screen::new(host.kind, outputs.log_format, no_colour);
    start_log(log_level(&environment, &host), &screen);
    let told_to = (outputs.clone(), host.clone());
    end_with_a_panic(move |bug| {
        let (outputs, host) = &told_to;
        publish(outputs, host, None, &Record::default(), Err(bug))
    });
    let record = Record::default();
    let settings = understand(&environment, arguments, &host, &outputs);
    let (settings, done) = match settings {
        Ok(settings) => {
            let aws = async || Aws::load(get, host.kind).await;
            let done = carry_out(&settings, aws, &screen, &record);
            (Some(settings), done)
        }
        Err(mistakes) => (None, Err(mistakes.into())),
    };
    publish(&outputs, &host, settings.as_ref(), &record, done)
}

/// The settings, unless there is a mistake in them or a file that was asked for
/// cannot be written.
fn understand(
    environment: &[(OsString, OsString)],
    arguments: &[&str],
    host: &Host,
    outputs: &OutputSettings,
) -> Result<Settings, Mistakes> {
    let mut unwritable = Mistakes::default();
    try_out(outputs, &mut unwritable);
    let settings = Settings::read(environment, arguments, host);
    if unwritable.is_empty() {
        return settings;
    }
    let mut mistakes = settings.err().unwrap_or_default();
    unwritable.iter().cloned().for_each(|one| mistakes.add(one));
    Err(mistakes)
}

fn carry_out(
    settings: &Settings,
    aws: impl AsyncFnOnce() -> Result<Aws, Mistakes>,
    screen: &Screen,
    record: &Record,
) -> Result<(), Error> {
    // One thread: sharing requests between two doubles the CPU time of each, as
    // was measured.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(6)
        .build()
        .map_err(|error| Error::Bug(format!("no runtime: {error}")))?;
    let stop = Arc::new(Stop::default());
    let done = runtime.block_on(async {
        tokio::select! {
            biased;
            heard = listen(&stop) => Err(Error::Bug(format!("no signals: {heard:?}"))),
            done = run(settings, aws, &stop, screen, record) => done,
        }
    });
    // A read that hangs must not hold the process back.
    runtime.shutdown_background();
    done
}

/// Passes signals on to the run, for as long as it is polled.
async fn listen(stop: &Stop) -> io::Result<Infallible> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    loop {
        let heard = tokio::select! {
            _ = interrupt.recv() => Signal::Interrupt,
            _ = terminate.recv() => Signal::Terminate,
        };
        tracing::warn!("{heard}: finishing what is under way; a second one stops at once");
        stop.signal(heard);
    }
}

/// Empty means unset, for AWS's variables, too, which its SDK reads by itself:
/// a job that has them empty starts over without them, as the same process.
fn forget_empty_variables() {
    let empty: Vec<OsString> = std::env::vars_os()
        .filter(|(name, value)| value.is_empty() && name.as_encoded_bytes().starts_with(b"AWS_"))
        .map(|(name, _)| name)
        .collect();
    if let (false, Ok(program)) = (empty.is_empty(), std::env::current_exe()) {
        let mut again = Command::new(program);
        again.args(std::env::args_os().skip(1));
        for name in &empty {
            again.env_remove(name);
        }
        // It comes back only if it cannot start; then it goes on as it is.
        drop(again.exec());
    }
}

/// A panic is a bug, and has the exit code of one, wherever it happens; `tell`
/// takes it to where the ends of runs are told.
fn end_with_a_panic(tell: impl Fn(Error) -> Result<(), Error> + Send + Sync + 'static) {
    std::panic::set_hook(Box::new(move |panic| {
        exit(tell(Error::Bug(panic.to_string())));
        #[expect(clippy::exit, reason = "nothing can be trusted to go on")]
        std::process::exit(ExitCode::Bug.number().into());
    }));
}

fn print(text: &str) -> ProcessExit {
    // Whoever reads it may have seen enough.
    drop(io::stdout().write_all(text.as_bytes()));
    ProcessExit::from(ExitCode::Done.number())
}

fn exit(done: Result<(), Error>) -> ProcessExit {
    let code = match done {
        Ok(()) => ExitCode::Done,
        // This is what was asked for, and no failure.
        Err(error @ Error::Changes(_)) => {
            tracing::info!("{error}");
            error.exit_code()
        }
        Err(error) => {
            tracing::error!(name: END, "{error}");
            error.exit_code()
        }
    };
    ProcessExit::from(code.number())
}
