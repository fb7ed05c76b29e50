//! The terminal, or what takes its place: a bar for people who watch, a line
//! now and then for the log of a job.

use std::convert::Infallible;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing_subscriber::fmt::MakeWriter;

use crate::plan::Plan;
use crate::text::grouped;
use crate::transfer::Progress;
use crate::types::Bytes;

/// How often a job's log gets a line.
const LINE: Duration = Duration::from_secs(10);
/// How often the bar moves.
const FRAME: Duration = Duration::from_millis(100);

/// Standard error, with a bar at its bottom if it is a terminal.
#[derive(Debug, Clone)]
pub struct Screen {
    bar: ProgressBar,
    is_terminal: bool,
}

impl Default for Screen {
    fn default() -> Self {
        Self {
            bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
            is_terminal: io::stderr().is_terminal(),
        }
    }
}

/// Shows how far a transfer is, for as long as it is polled.
pub async fn watch(screen: &Screen, plan: Sum, progress: &Progress) -> Infallible {
    let mut ticks = tokio::time::interval(if screen.is_terminal { FRAME } else { LINE });
    ticks.tick().await;
    screen.show_bar(plan.bytes);
    loop {
        ticks.tick().await;
        let line = format!(
            "{} of {} files, {} of {}",
            grouped(usize::try_from(progress.files()).unwrap_or(usize::MAX)),
            grouped(plan.files),
            Bytes(progress.bytes()),
            Bytes(plan.bytes),
        );
        if screen.is_terminal {
            screen.bar.set_message(line);
            screen.bar.set_position(progress.bytes());
        } else {
            tracing::info!("progress   {line}");
        }
    }
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

impl Screen {
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
