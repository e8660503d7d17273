//! Questions of a login: asked on the terminal, or answered by the lines of stdin.
//!
//! Reading blocks, so a separate thread reads while the connection goes on. Answers are wiped when they are dropped; a
//! password is not echoed.

use crate::failure::{Exit, Failure};
use crate::story::Story;
use std::fs::OpenOptions;
use std::io::{self, BufRead, ErrorKind, IsTerminal, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

/// Longest answer in bytes.
const LONGEST: usize = 1024;
/// Time limit for restoring the terminal after Ctrl-C.
const SETTLE: Duration = Duration::from_millis(500);

/// Answer to a question, wiped when it is dropped.
pub(crate) type Answer = Zeroizing<String>;

/// Locked while the terminal does not echo.
static HIDDEN: Mutex<()> = Mutex::new(());
/// True while the terminal does not echo Ctrl-C either.
static IS_SILENT: AtomicBool = AtomicBool::new(false);

/// Source of answers.
#[derive(Debug, Clone)]
pub(crate) struct Prompt {
    story: Arc<Story>,
    is_terminal: bool,
}

impl Prompt {
    pub(crate) fn new(story: &Story) -> Self {
        Self { story: Arc::new(story.clone()), is_terminal: io::stdin().is_terminal() }
    }

    /// Returns true if stdin is a terminal, so that a question can be repeated.
    pub(crate) const fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Reads a line with echo, and trims it.
    pub(crate) async fn line(&self, question: &str) -> Result<Answer, Failure> {
        let answer = self.ask(question, read_line).await?;
        Ok(Zeroizing::new(answer.trim().to_string()))
    }

    /// Reads a line without echo, and does not trim it.
    pub(crate) async fn secret(&self, question: &str) -> Result<Answer, Failure> {
        self.ask(question, if self.is_terminal { || read_hidden(None) } else { read_line }).await
    }

    /// Reads a code, shown as asterisks because screens are recorded and watched, and trims it.
    pub(crate) async fn code(&self, question: &str) -> Result<Answer, Failure> {
        let answer = self.ask(question, if self.is_terminal { || read_hidden(Some('*')) } else { read_line }).await?;
        Ok(Zeroizing::new(answer.trim().to_string()))
    }

    async fn ask(&self, question: &str, read: fn() -> io::Result<Answer>) -> Result<Answer, Failure> {
        self.show(question);
        let (done, answer) = oneshot::channel();
        // Not `spawn_blocking`: the runtime would wait at exit for a read that nobody answers.
        thread::spawn(move || done.send(read()));
        let answer = answer.await.map_err(|_| Failure::new(Exit::Other, "INTERNAL", "nothing could be read"))?;
        if !self.is_terminal {
            self.story.tell("");
        }
        answer.map_err(|error| self.no_answer(question, &error))
    }

    /// Shows the question on the terminal that must answer it.
    fn show(&self, question: &str) {
        let text = format!("{}: ", nanogram::base::escape::one_line(question));
        // stderr may be redirected to a file.
        if self.is_terminal
            && !io::stderr().is_terminal()
            && let Ok(mut terminal) = OpenOptions::new().write(true).open("/dev/tty")
        {
            return drop(terminal.write_all(text.as_bytes()));
        }
        let mut out = io::stderr().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    fn no_answer(&self, question: &str, error: &io::Error) -> Failure {
        match error.kind() {
            ErrorKind::Interrupted => interrupted(),
            ErrorKind::UnexpectedEof if self.is_terminal => Failure::new(Exit::Usage, "NO_ANSWER", "nothing was typed"),
            ErrorKind::UnexpectedEof => {
                Failure::new(Exit::Usage, "NO_ANSWER", format!("stdin ended where an answer was needed: {question}"))
                    .hint("run it in a terminal, or write the answers to stdin, one per line")
            }
            _ => Failure::new(Exit::Usage, "NO_ANSWER", format!("the answer cannot be read: {error}")),
        }
    }
}

fn read_line() -> io::Result<Answer> {
    // Allocated at full size: growing would leave a copy of the secret behind.
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
    // One byte more than allowed, to detect a line that is too long.
    io::stdin().lock().take(LONGEST as u64 + 1).read_until(b'\n', &mut line)?;
    match line.last() {
        None => return Err(ErrorKind::UnexpectedEof.into()),
        Some(b'\n') => {}
        Some(_) if line.len() > LONGEST => {
            return Err(io::Error::new(ErrorKind::InvalidData, "the line is too long"));
        }
        Some(_) => {}
    }
    let text = str::from_utf8(&line).map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is not UTF-8"))?;
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_string()))
}

fn read_hidden(mask: Option<char>) -> io::Result<Answer> {
    let _hidden = hidden();
    let config = rpassword::ConfigBuilder::new();
    let config = match mask {
        Some(mask) => config.password_feedback_mask(mask),
        None => config.password_feedback_hide(),
    };
    IS_SILENT.store(true, Ordering::Relaxed);
    let typed = rpassword::read_password_with_config(config.build()).map(Zeroizing::new);
    let is_interrupted = typed.as_ref().is_err_and(|error| error.kind() == ErrorKind::Interrupted);
    IS_SILENT.store(is_interrupted, Ordering::Relaxed);
    typed
}

fn hidden() -> MutexGuard<'static, ()> {
    HIDDEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `job` until Ctrl-C, which restores the terminal and gives `None`.
pub(crate) async fn until_interrupted<T>(job: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        result = job => Some(result),
        _ = tokio::signal::ctrl_c() => {
            let began = Instant::now();
            while HIDDEN.try_lock().is_err() && began.elapsed() < SETTLE {
                thread::sleep(Duration::from_millis(5));
            }
            if io::stdin().is_terminal() && !IS_SILENT.load(Ordering::Relaxed) {
                // The terminal has printed ^C without a line feed.
                let _ = writeln!(io::stderr());
            }
            None
        }
    }
}

pub(crate) fn interrupted() -> Failure {
    Failure::new(Exit::Interrupted, "INTERRUPTED", "interrupted")
}

/// Normalizes a phone number to a plus and its digits; blanks, hyphens, brackets and the like are dropped.
pub(crate) fn phone(text: &str) -> Result<Zeroizing<String>, Failure> {
    // The form of a bot token, `110201543:AAH…`.
    if text.split_once(':').is_some_and(|(id, _)| id.len() > 4 && id.bytes().all(|c| c.is_ascii_digit())) {
        return Err(no_bots());
    }
    let blanks = |c: &char| !matches!(c, ' ' | '-' | '(' | ')' | '.' | '/' | '\u{a0}');
    let digits: Zeroizing<String> = Zeroizing::new(text.chars().filter(blanks).collect());
    let digits = digits.strip_prefix('+').or_else(|| digits.strip_prefix("00")).unwrap_or(&digits);
    if (5..=15).contains(&digits.len()) && digits.bytes().all(|c| c.is_ascii_digit()) {
        return Ok(Zeroizing::new(format!("+{digits}")));
    }
    Err(Failure::new(Exit::Usage, "PHONE_NUMBER_INVALID", "this is not a phone number, which has 5 to 15 digits")
        .hint("include the country code, as in +10000000001"))
}

/// Error for a bot token.
pub(crate) fn no_bots() -> Failure {
    Failure::refused(400, "BOT_METHOD_INVALID")
        .saying("only users can start bots: a bot token does not help")
        .hint("sign in as a user, with the phone number or with --qr")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_number_is_written_as_people_write_it() {
        for text in ["+10000000001", "10000000001", "+1 (000) 000-00-01", "001 0000 000 001", "1.000.000.0001"] {
            assert_eq!(phone(text).unwrap().as_str(), "+10000000001", "{text}");
        }
        for text in ["", "+", "1234", "+1000000000000001", "Alice", "+1 000 000 000 x", "１０００００００００１"]
        {
            assert_eq!(phone(text).unwrap_err().json()["error"]["type"], "PHONE_NUMBER_INVALID", "{text}");
        }
        assert_eq!(phone("110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw").unwrap_err().json()["error"]["code"], 400);
    }
}
