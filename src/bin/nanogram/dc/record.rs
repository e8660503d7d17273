//! `nanogram dc --record FILE`: what was said, appended to the file as it is said.

use super::stamp;
use crate::failure::{Exit, Failure};
use crate::story::{Ink, Story};
use nanogram::base::private;
use nanogram::lab::dc::listener::{Listener, MAX_RECORDED};
use nanogram::lab::dc::log::Line;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;
use tokio::time::sleep;

/// Longest time that something said without a line in the log, such as a ping, is not in the file yet.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// Recording file, and the signals that end the server.
pub(super) struct Recorder<'p> {
    path: &'p Path,
    file: File,
    stop: Stop,
    is_told: bool,
}

/// Starts recording and writes an empty recording, so that an unwritable file is reported at once.
pub(super) fn begin<'p>(path: &'p Path, listener: &mut Listener) -> Result<Recorder<'p>, Failure> {
    listener.record();
    // It holds keys.
    let file = private::replace(path).map_err(|error| cannot_write(path, &error))?;
    let mut recorder = Recorder { path, file, stop: Stop::new()?, is_told: false };
    recorder.append(listener)?;
    Ok(recorder)
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Usage, "FILE", format!("cannot write {}: {error}", path.display()))
}

impl Recorder<'_> {
    /// Next log line; `None` after a signal, once the recording is written.
    pub(super) async fn next(&mut self, listener: &mut Listener, story: &Story) -> Result<Option<Line>, Failure> {
        let line = loop {
            tokio::select! {
                line = listener.next() => break Some(line?),
                () = self.stop.asked() => break None,
                () = sleep(FLUSH_EVERY) => self.append(listener)?,
            }
        };
        self.append(listener)?;
        if let Some(line) = &line
            && listener.is_recording_full()
            && !std::mem::replace(&mut self.is_told, true)
        {
            let text = format!("the recording ends here: it holds {} MiB", MAX_RECORDED >> 20);
            story.tell(&story.ink(Ink::Red, &format!("{} {text}", stamp(line.at))));
        }
        Ok(line)
    }

    /// Writes what is not written yet. The file is a recording after each line of it.
    fn append(&mut self, listener: &mut Listener) -> Result<(), Failure> {
        while let Some(lines) = listener.poll_recorded() {
            self.file.write_all(lines.as_bytes()).map_err(|error| cannot_write(self.path, &error))?;
        }
        Ok(())
    }
}

/// Ctrl-C, and SIGTERM on Unix.
struct Stop {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 2],
}

#[cfg(unix)]
impl Stop {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { signals: [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?] })
    }
    async fn asked(&mut self) {
        let [interrupt, terminate] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Stop {
    #[expect(clippy::unnecessary_wraps, reason = "as on Unix")]
    fn new() -> io::Result<Self> {
        Ok(Self {})
    }
    async fn asked(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
