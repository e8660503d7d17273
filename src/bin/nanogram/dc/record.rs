//! `nanogram dc --record FILE`: the recording, written when the last client disconnects and at the end.

use super::stamp;
use crate::failure::{Exit, Failure};
use crate::story::{Ink, Story};
use nanogram::base::private;
use nanogram::lab::dc::listener::{Listener, MAX_RECORDED};
use nanogram::lab::dc::log::{Entry, Line};
use std::io::{self, Write as _};
use std::path::Path;

/// Recording file, and the signals that end the server.
pub(super) struct Recorder<'p> {
    path: &'p Path,
    stop: Stop,
    is_told: bool,
}

/// Starts recording and writes an empty recording, so that an unwritable file is reported at once.
pub(super) fn begin<'p>(path: &'p Path, listener: &mut Listener) -> Result<Recorder<'p>, Failure> {
    listener.record();
    let recorder = Recorder { path, stop: Stop::new()?, is_told: false };
    recorder.save(listener)?;
    Ok(recorder)
}

impl Recorder<'_> {
    /// Next log line; `None` after a signal, once the recording is written.
    pub(super) async fn next(&mut self, listener: &mut Listener, story: &Story) -> Result<Option<Line>, Failure> {
        let line = tokio::select! {
            line = listener.next() => line?,
            () = self.stop.asked() => {
                self.save(listener)?;
                return Ok(None);
            }
        };
        // Writing takes time, so it waits for a moment without clients.
        if line.entry == Entry::Closed && listener.dc.connections().next().is_none() {
            self.save(listener)?;
        }
        if listener.is_recording_full() && !std::mem::replace(&mut self.is_told, true) {
            let text = format!("the recording ends here: it holds {} MiB", MAX_RECORDED >> 20);
            story.tell(&story.ink(Ink::Red, &format!("{} {text}", stamp(line.at))));
        }
        Ok(Some(line))
    }

    fn save(&self, listener: &mut Listener) -> Result<(), Failure> {
        let Some(recording) = listener.recording() else { return Ok(()) };
        let text = recording.to_json().to_string();
        // The recording contains keys: only its owner may read it.
        private::replace(self.path).and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| {
            Failure::new(Exit::Usage, "FILE", format!("cannot write {}: {error}", self.path.display()))
        })
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
