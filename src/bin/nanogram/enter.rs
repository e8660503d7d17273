//! Dialogue of a login: by code and password, or by QR code.

use crate::failure::{Exit, Failure};
use crate::prompt::{self, Answer, Prompt};
use crate::qr::{self, Screen};
use crate::story::Story;
use crate::wire;
use nanogram::client::{Client, Error, Qr};
use nanogram::crypto::srp::{PasswordHash, Stretch};
use nanogram::protocol::session::RpcError;
use nanogram::telegram::login::{Account, App, CodeSent, Entered, Problem, Question, Waiting};
use std::time::{Duration, Instant};

/// Most attempts at an answer before the login fails.
const MOST_TRIES: u32 = 5;
/// Time limit for accepting a QR code; the code is renewed until then.
const QR_WITHIN: Duration = Duration::from_secs(600);
/// Hash rounds between two updates of the progress bar.
const ROUNDS: u32 = 2_000;
/// Input that requests the code by the next delivery method.
const RESEND: &str = "resend";

/// Code on its way, and the time at which it was sent.
struct Sent {
    waiting: Waiting,
    at: Instant,
}

impl Sent {
    fn new(waiting: Waiting, story: &Story) -> Self {
        let length = waiting.length.map_or_else(String::new, |n| format!(" It has {n} digits."));
        story.tell(&format!("{}.{length}", capital(&waiting.says)));
        if let Some((way, seconds)) = waiting.next {
            let when = if seconds > 0 { format!(", after {seconds} s") } else { String::new() };
            story.tell(&format!("If it does not come: type {RESEND}{when}, to get it {way}."));
        }
        Self { waiting, at: Instant::now() }
    }

    /// Seconds until the next delivery method may be requested; `None` if there is none.
    fn next_in(&self) -> Option<u64> {
        let seconds = u64::try_from(self.waiting.next?.1).unwrap_or_default();
        let left = Duration::from_secs(seconds).saturating_sub(self.at.elapsed());
        Some(left.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX))
    }

    /// Converts the input to the server's form; digits may be grouped.
    fn code(&self, typed: &str) -> Answer {
        // Codes sent by some methods are words, in which nothing may be dropped.
        let is_number = typed.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-'));
        let is_left = |c: &char| !is_number || c.is_ascii_digit();
        Answer::new(typed.chars().filter(is_left).collect())
    }
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().into_iter().flat_map(char::to_uppercase).chain(rest).collect()
}

/// Signs in with a code, and with the password if the account has one.
pub(crate) async fn by_code(
    client: &Client,
    app: &App,
    phone: Option<Answer>,
    prompt: &Prompt,
    story: &Story,
) -> Result<Account, Failure> {
    let (phone, waiting) = match ask_for_code(client, app, phone, prompt, story).await? {
        (phone, CodeSent::Waiting(waiting)) => (phone, waiting),
        (_, CodeSent::SignedIn(account)) => return Ok(account),
    };
    let mut sent = Sent::new(waiting, story);
    let mut tries = Tries::new(prompt);
    loop {
        let typed = tries.hear(prompt.code("Code").await)?;
        let again = match typed.as_str() {
            "" => {
                tries.failed(RpcError::new(400, "PHONE_CODE_EMPTY"), story)?;
                continue;
            }
            word if word.eq_ignore_ascii_case(RESEND) => match sent.next_in() {
                Some(0) => match client.resend_code(&phone, &sent.waiting).await {
                    Err(Error::Rpc(error) | Error::Told { error, .. }) if error.is("SEND_CODE_UNAVAILABLE") => {
                        tries.failed(error, story)?;
                        continue;
                    }
                    again => again?,
                },
                Some(left) => {
                    tries.count()?;
                    story.tell(&format!("That is allowed in {left} s."));
                    continue;
                }
                None => {
                    tries.count()?;
                    story.tell("There is no other way: use the code that was sent.");
                    continue;
                }
            },
            typed => match client.sign_in(&phone, &sent.waiting, &sent.code(typed)).await {
                Ok(Entered::In(account)) => return Ok(account),
                Ok(Entered::PasswordNeeded) => return by_password(client, prompt, story).await,
                Err(Error::Rpc(error)) => match Problem::of(&error) {
                    Some(Problem::WrongCode) => {
                        tries.failed(error, story)?;
                        continue;
                    }
                    Some(Problem::ExpiredCode) => {
                        tries.count()?;
                        story.tell("That code has expired. Another one is on its way.");
                        client.send_code(app, &phone).await?
                    }
                    _ => return Err(Error::Rpc(error).into()),
                },
                Err(error) => return Err(error.into()),
            },
        };
        match again {
            CodeSent::Waiting(waiting) => sent = Sent::new(waiting, story),
            CodeSent::SignedIn(account) => return Ok(account),
        }
    }
}

/// Asks for the phone number, unless it is given, and requests a code.
async fn ask_for_code(
    client: &Client,
    app: &App,
    mut given: Option<Answer>,
    prompt: &Prompt,
    story: &Story,
) -> Result<(Answer, CodeSent), Failure> {
    let mut tries = Tries::new(prompt);
    loop {
        let is_given = given.is_some();
        let phone = match given.take() {
            Some(phone) => phone,
            None => {
                let typed = tries.hear(prompt.line("Phone number, with the country code").await)?;
                match prompt::phone(&typed) {
                    Ok(phone) => phone,
                    Err(failure) if failure.exit() == Exit::Usage => {
                        tries.failed_with(failure, story)?;
                        continue;
                    }
                    Err(failure) => return Err(failure),
                }
            }
        };
        let waiting = story.waiting("asking for a code");
        let sent = client.send_code(app, &phone).await;
        drop(waiting);
        match sent {
            Ok(sent) => return Ok((phone, sent)),
            Err(Error::Rpc(error)) if !is_given && Problem::of(&error) == Some(Problem::WrongNumber) => {
                tries.failed(error, story)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Proves the password of an account that has one.
async fn by_password(client: &Client, prompt: &Prompt, story: &Story) -> Result<Account, Failure> {
    story.tell("The account has a password, too. It is not shown while you type.");
    let mut question = client.password_question().await?;
    let mut tries = Tries::new(prompt);
    let mut typed = None;
    loop {
        let password = match typed.take() {
            Some(password) => password,
            None => tries.hear(prompt.secret(&asking(&question)).await)?,
        };
        let error = if password.is_empty() {
            RpcError::new(400, "PASSWORD_HASH_INVALID")
        } else {
            let hash = stretch(&question, &password, story).await;
            match client.check_password(&question, &hash).await {
                Ok(account) => return Ok(account),
                Err(Error::Rpc(error)) => error,
                Err(error) => return Err(error.into()),
            }
        };
        match Problem::of(&error) {
            Some(Problem::WrongPassword) => tries.failed(error, story)?,
            // The server no longer accepts this question: the same password answers the next one.
            Some(Problem::StaleQuestion) => {
                tries.count()?;
                typed = Some(password);
            }
            _ => return Err(Error::Rpc(error).into()),
        }
        // The server accepts each question only once.
        question = client.password_question().await?;
    }
}

fn asking(question: &Question) -> String {
    match &question.hint {
        Some(hint) if !hint.0.is_empty() => format!("Password (your hint: {})", wire::printable(&hint.0)),
        _ => "Password".into(),
    }
}

/// Hashes the password, which is slow by design, with a progress bar.
async fn stretch(question: &Question, password: &str, story: &Story) -> PasswordHash {
    let mut stretch = question.kdf.stretch(password.as_bytes());
    let progress = story.progress("hashing the password", Stretch::ROUNDS.into());
    while !stretch.step(ROUNDS) {
        progress.at(stretch.done().into());
        // Lets Ctrl-C and the connection's task run in between.
        tokio::task::yield_now().await;
    }
    stretch.finish()
}

/// Signs in with a QR code that an app accepts, and with the password if the account has one.
pub(crate) async fn by_qr(client: &Client, app: &App, prompt: &Prompt, story: &Story) -> Result<Account, Failure> {
    story.say("In a signed-in app, open Settings > Devices > Link Desktop Device, and scan this code.");
    let mut screen = Screen::default();
    let until = Instant::now() + QR_WITHIN;
    while Instant::now() < until {
        match client.qr_token(app).await? {
            Qr::Show { link, good_for } => {
                let mut lines = qr::lines(&link, story).unwrap_or_default();
                lines.push(link);
                lines.push(format!(
                    "The code is valid for {} s, then a new one is shown. Press Ctrl-C to stop.",
                    good_for.as_secs()
                ));
                screen.show(&lines, story);
                // The result does not matter: the next token tells if the code was accepted, and replaces an expired
                // one.
                client.qr_accepted(good_for).await?;
            }
            Qr::Entered(Entered::In(account)) => return Ok(account),
            Qr::Entered(Entered::PasswordNeeded) => return by_password(client, prompt, story).await,
        }
    }
    let message = format!("no QR code was accepted within {} minutes", QR_WITHIN.as_secs() / 60);
    Err(Failure::new(Exit::TimedOut, "TIMED_OUT", message))
}

/// Counter of failed attempts, with the last failure.
struct Tries {
    left: u32,
    is_terminal: bool,
    last: Option<Failure>,
}

impl Tries {
    fn new(prompt: &Prompt) -> Self {
        Self { left: MOST_TRIES, is_terminal: prompt.is_terminal(), last: None }
    }

    /// Passes an answer on. If stdin ends after a wrong answer, the failure of that answer is reported.
    fn hear(&mut self, answer: Result<Answer, Failure>) -> Result<Answer, Failure> {
        answer.map_err(|failure| if self.is_terminal { failure } else { self.last.take().unwrap_or(failure) })
    }

    fn count(&mut self) -> Result<(), Failure> {
        self.left = self.left.saturating_sub(1);
        let too_many = || Failure::new(Exit::Refused, "TOO_MANY_TRIES", "too many tries").hint("try again later");
        if self.left > 0 { Ok(()) } else { Err(self.last.take().unwrap_or_else(too_many)) }
    }

    fn failed(&mut self, error: RpcError, story: &Story) -> Result<(), Failure> {
        self.failed_with(Error::Rpc(error).into(), story)
    }

    fn failed_with(&mut self, failure: Failure, story: &Story) -> Result<(), Failure> {
        let text = match failure.lines() {
            (_, Some(hint)) if failure.is_of_server() => capital(hint),
            (message, hint) => hint.map_or_else(|| capital(message), |hint| format!("{}: {hint}", capital(message))),
        };
        self.last = Some(failure);
        self.count()?;
        story.say(&format!("{text}."));
        Ok(())
    }
}
