//! Complete use of the tokio client: connects, creates a key if the session has none, resolves the bot and starts it.
//!
//! ```text
//! cargo build --profile min-size --no-default-features --features client --example client
//! client [ADDR PEM] SESSION LINK         SESSION may be "-": a key is created, without an account
//! ```
//!
//! Its size is measured, as an upper bound for what a small program links.

use nanogram::client::{Client, Error, Options};
use nanogram::crypto::rsa::RsaKey;
use nanogram::telegram::dcs::Environment;
use nanogram::telegram::link::StartLink;
use std::env::args;
use std::process::ExitCode;

async fn run(session: &str, link: &str, place: Option<(&str, RsaKey)>) -> Result<(), Error> {
    let mut options = match session {
        "-" => Options::new(Environment::Production, 2),
        session => Options::from_session(session)?,
    };
    // Nothing is saved between runs, so each would create and bind a temporary key: four round trips for one call.
    options.temporary = None;
    if let Some((addr, key)) = place {
        options = options.at(addr, vec![key]).api_id(1);
    }
    if let Some(id) = std::env::var("NANOGRAM_API_ID").ok().and_then(|id| id.parse().ok()) {
        options = options.api_id(id);
    }
    let link: StartLink = match link.parse() {
        Ok(link) => link,
        Err(error) => {
            eprintln!("{error}");
            return Ok(());
        }
    };
    let client = Client::connect(options).await?;
    let updates = client.start_link(&link, None, None).await?;
    println!("@{} started: {}", link.bot, updates.kind.name());
    Ok(())
}

fn main() -> ExitCode {
    let args: Vec<String> = args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (session, link, place) = match args[..] {
        [session, link] => (session, link, None),
        [addr, pem, session, link] => match std::fs::read_to_string(pem).map(|text| RsaKey::from_pem(&text)) {
            Ok(Ok(key)) => (session, link, Some((addr, key))),
            _ => return fail("the key cannot be read"),
        },
        _ => return fail("usage: client [ADDR PEM] SESSION LINK"),
    };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build() else {
        return fail("no runtime");
    };
    match runtime.block_on(run(session, link, place)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            match error {
                Error::Start(_) | Error::Rpc(_) | Error::Flood { .. } => ExitCode::from(5),
                Error::NotSignedIn(_) | Error::KeyLost(_) => ExitCode::from(4),
                Error::Timeout => ExitCode::from(6),
                _ => ExitCode::from(3),
            }
        }
    }
}

fn fail(message: &str) -> ExitCode {
    eprintln!("{message}");
    ExitCode::from(2)
}
