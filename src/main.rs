//! The process: its environment, its signals, its log, its exit code. What it
//! does in between is `docferry::run`.

use std::convert::Infallible;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode as ProcessExit;
use std::sync::Arc;

use docferry::aws::Aws;
use docferry::error::{Error, ExitCode, Signal};
use docferry::host::Host;
use docferry::report::{Screen, start_log};
use docferry::run::run;
use docferry::settings::{Settings, log_level};
use docferry::stop::Stop;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ProcessExit {
    let argument = std::env::args_os().nth(1);
    let argument = argument.as_deref().map(|word| word.to_string_lossy());
    let printed = match argument.as_deref() {
        Some("--help" | "-h" | "help") => print(&docferry::help::text()),
        Some("--version" | "-V") => print(concat!("docferry ", env!("CARGO_PKG_VERSION"), "\n")),
        _ => return exit(upload(argument.as_deref())),
    };
    exit(printed.map_err(|error| Error::Bug(error.to_string())))
}

fn upload(argument: Option<&str>) -> Result<(), Error> {
    let environment: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    let get = |name: &str| {
        let found = environment.iter().find(|(known, _)| known == name);
        found.and_then(|(_, value)| value.to_str().map(str::to_owned))
    };
    let screen = Screen::default();
    let host = Host::detect(get);
    start_log(log_level(&environment, &host), &screen);
    let settings = Settings::read(&environment, argument, &host)?;
    // One thread: a spike showed that sharing requests between two doubles
    // the CPU time of each.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(16)
        .build()
        .map_err(|error| Error::Bug(format!("no runtime: {error}")))?;
    let stop = Arc::new(Stop::default());
    let done = runtime.block_on(async {
        tokio::select! {
            biased;
            heard = listen(&stop) => Err(Error::Bug(format!("no signals: {heard:?}"))),
            done = run(&settings, async || Aws::load(get, host.kind).await, &stop, &screen) => done,
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

fn print(text: &str) -> io::Result<()> {
    io::stdout().write_all(text.as_bytes())
}

fn exit(done: Result<(), Error>) -> ProcessExit {
    let code = match done {
        Ok(()) => ExitCode::Done,
        Err(error) => {
            tracing::error!("{error}");
            error.exit_code()
        }
    };
    ProcessExit::from(code.number())
}
