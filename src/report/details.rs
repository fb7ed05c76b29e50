//! Parts of the log that few people read, which CI hosts show closed.

use super::log::DETAIL;
use super::screen::Screen;
use super::{github, gitlab, now};
use crate::host::Kind;

/// Such a part. It ends when this is dropped.
#[derive(Debug)]
pub struct Details {
    screen: Screen,
    end: End,
}

#[derive(Debug)]
enum End {
    Nothing,
    Section(String),
    Group,
    /// A group in which GitHub's runner obeys no command but this word.
    Deaf(String),
}

impl Screen {
    /// Opens a part in which names of files are told, so that the host obeys no
    /// command in it. What it is to annotate is told before.
    #[must_use]
    pub fn details(&self, title: &str) -> Details {
        self.open(title, github::token())
    }

    /// Opens a part for a line per object, if there are such lines. The host
    /// goes on to obey, since a token may have to be masked at any time.
    #[must_use]
    pub fn objects(&self) -> Option<Details> {
        tracing::enabled!(target: DETAIL, tracing::Level::INFO)
            .then(|| self.open("each object", None))
    }

    fn open(&self, title: &str, word: Option<String>) -> Details {
        let end = match self.style().host_of_text() {
            _ if !tracing::enabled!(tracing::Level::INFO) => End::Nothing,
            Kind::Plain => End::Nothing,
            Kind::GitLab => {
                let name = format!("docferry_{}", title.replace(' ', "_"));
                self.print(&gitlab::section_start(&name, title, now()));
                End::Section(name)
            }
            Kind::GitHub => {
                self.print(&format!("::group::{title}\n"));
                match word {
                    Some(word) => {
                        self.print(&format!("::stop-commands::{word}\n"));
                        End::Deaf(word)
                    }
                    None => End::Group,
                }
            }
        };
        Details {
            screen: self.clone(),
            end,
        }
    }
}

impl Drop for Details {
    fn drop(&mut self) {
        match &self.end {
            End::Nothing => {}
            End::Section(name) => self.screen.print(&gitlab::section_end(name, now())),
            End::Group => self.screen.print("::endgroup::\n"),
            End::Deaf(word) => self.screen.print(&format!("::{word}::\n::endgroup::\n")),
        }
    }
}
