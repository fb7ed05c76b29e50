//! The terminal, or what takes its place: a bar for people who watch, a line
//! now and then for the log of a job.

use std::convert::Infallible;
use std::io::{self, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;
use tracing_subscriber::fmt::MakeWriter;

use super::Style;
use crate::host::Kind;
use crate::plan::Plan;
use crate::settings::LogFormat;
use crate::text::grouped;
use crate::transfer::Progress;
use crate::types::Bytes;

/// How often a job's log gets a line.
const LINE: Duration = Duration::from_secs(10);
/// What is known of the rate any earlier is no more than a guess.
const TELLING: Duration = Duration::from_secs(9);
/// How often the bar moves.
const FRAME: Duration = Duration::from_millis(100);

/// Standard error, with a bar at its bottom if it is a terminal.
#[derive(Debug, Clone)]
pub struct Screen {
    bar: ProgressBar,
    is_terminal: bool,
    style: Style,
}

impl Screen {
    /// Standard error as this host shows it. `no_colour` is what `NO_COLOR` says.
    #[must_use]
    pub fn new(host: Kind, format: LogFormat, no_colour: bool) -> Self {
        // Hidden as well where the terminal says that it is a dumb one.
        let is_terminal = !ProgressDrawTarget::stderr().is_hidden();
        let shows_colours = match host {
            Kind::GitHub => false,
            Kind::GitLab => true,
            Kind::Plain => is_terminal,
        };
        Self {
            bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
            is_terminal: is_terminal && format == LogFormat::Text,
            style: Style {
                host,
                format,
                colours: shows_colours && !no_colour,
            },
        }
    }

    pub(super) const fn style(&self) -> Style {
        self.style
    }

    /// Writes a text that is no line of the log.
    pub(super) fn print(&self, text: &str) {
        // Without standard error there is nobody to read it.
        drop(self.make_writer().write_all(text.as_bytes()));
    }
}

/// Shows how far a transfer is, for as long as it is polled. `time_left` says
/// how long there will be credentials, where that is known.
pub async fn watch(
    screen: &Screen,
    plan: Sum,
    progress: &Progress,
    time_left: impl AsyncFn() -> Option<Duration>,
) -> Infallible {
    let mut ticks = tokio::time::interval(if screen.is_terminal { FRAME } else { LINE });
    ticks.tick().await;
    screen.show_bar(plan.bytes);
    let begin = Instant::now();
    let mut warned = false;
    loop {
        ticks.tick().await;
        screen.show(plan, progress);
        let elapsed = begin.elapsed();
        if warned || elapsed < TELLING {
            continue;
        }
        if let Some(left) = time_left().await {
            let needed = plan.forecast(progress, elapsed);
            warned = needed > left;
            if warned {
                tracing::warn!("{}", too_late(needed, left));
            }
        }
    }
}

fn too_late(needed: Duration, left: Duration) -> String {
    let minutes = |time: Duration| match time.as_secs() {
        seconds @ 0..=119 => format!("{seconds}s"),
        seconds => format!("{}m", seconds / 60),
    };
    format!(
        "at this rate the upload needs {} more, but its credentials end in {} and cannot be \
         renewed, since the OIDC token ends\n  hint: raise the job's timeout or \
         DOCFERRY_SESSION_DURATION, or run docferry earlier in the job",
        minutes(needed),
        minutes(left),
    )
}

/// How much there is to do.
#[derive(Debug, Clone, Copy)]
pub struct Sum {
    files: usize,
    bytes: u64,
}

impl From<&Plan> for Sum {
    fn from(plan: &Plan) -> Self {
        Self {
            files: plan.puts.len(),
            bytes: plan.bytes(),
        }
    }
}

impl Sum {
    /// How much longer it will take if it goes on like this.
    fn forecast(self, progress: &Progress, elapsed: Duration) -> Duration {
        #[expect(clippy::cast_precision_loss, reason = "a forecast is no exact thing")]
        let share = |done: u64, all: u64| done as f64 / all.max(1) as f64;
        let files = share(progress.files(), self.files as u64);
        let bytes = share(progress.bytes(), self.bytes);
        // Many small files are slow by their number, large ones by their bytes.
        let done = files.max(bytes).clamp(0.001, 1.0);
        elapsed.mul_f64((1.0 - done) / done)
    }
}

impl Screen {
    fn show(&self, plan: Sum, progress: &Progress) {
        let line = format!(
            "{} of {} files, {} of {}",
            grouped(usize::try_from(progress.files()).unwrap_or(usize::MAX)),
            grouped(plan.files),
            Bytes(progress.bytes()),
            Bytes(plan.bytes),
        );
        if self.is_terminal {
            self.bar.set_message(line);
            self.bar.set_position(progress.bytes());
        } else {
            tracing::info!("progress   {line}");
        }
    }

    fn show_bar(&self, bytes: u64) {
        if !self.is_terminal {
            return;
        }
        self.bar.set_draw_target(ProgressDrawTarget::stderr());
        self.bar.set_length(bytes);
        // A style that does not parse would show the default bar.
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {msg} ({eta})") {
            self.bar.set_style(style);
        }
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl<'a> MakeWriter<'a> for Screen {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line(self.bar.clone())
    }
}

/// Writes a line above the bar.
#[derive(Debug)]
pub struct Line(ProgressBar);

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
