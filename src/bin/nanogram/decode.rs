//! `nanogram decode`: decodes a recorded connection, message by message.

use crate::args::DecodeArgs;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::story::Story;
use nanogram::base::escape::one_line;
use nanogram::lab::capture::{Recording, Verdict, What, steps};
use nanogram::lab::server::rsa::RsaPrivateKey;
use nanogram::protocol::keylog;
use nanogram::tl::schema::Schema;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;
use zeroize::Zeroizing;

pub(crate) fn run(args: &DecodeArgs, story: &Story) -> Result<(), Failure> {
    let bad = |path: &Path, why: &dyn core::fmt::Display| {
        Failure::new(Exit::Usage, "FILE", format!("{}: {why}", path.display()))
    };
    let read_text = |path: &Path| fs::read_to_string(path).map(Zeroizing::new).map_err(|e| bad(path, &e));

    let recording = Recording::read(&read(&args.file).map_err(|e| bad(&args.file, &e))?);
    let recording = recording.map_err(|e| bad(&args.file, &e))?;
    // The recording's own secrets first: a key log adds to them.
    let mut secrets = recording.secrets.clone();
    if let Some(path) = &args.keylog {
        let text = read_text(path)?;
        // A file in another format would be ignored line by line, as key logs may hold lines of other programs.
        if keylog::parse(&text).map_err(|e| bad(path, &e))?.is_empty() {
            return Err(bad(path, &"it contains no key")
                .hint("a key log has lines `MTPROTO_AUTH_KEY <auth_key_id> <auth_key>`; see `nanogram help decode`"));
        }
        secrets.read_log(&text).map_err(|e| bad(path, &e))?;
    }
    if let Some(path) = &args.rsa_key {
        secrets.add_rsa(RsaPrivateKey::from_pem(&read_text(path)?).map_err(|e| bad(path, &e))?);
    }
    let schema = Schema::telegram().map_err(|e| Failure::new(Exit::Other, "INTERNAL", e.to_string()))?;

    let (mut count, mut holds, mut fails, mut locked, mut broken) = (0, 0, 0, 0, 0);
    let mut connection = None;
    // One step at a time: a recording may hold more than fits in memory when decoded.
    for step in steps(&recording, &secrets, &schema) {
        count += 1;
        if !args.json && connection != Some(step.connection) {
            connection = Some(step.connection);
            let name = recording.connections.get(step.connection).map_or("", |c| c.name.as_str());
            output::line(&format!("connection {} {}", step.connection, one_line(name)))?;
        }
        match (args.json, args.full) {
            (true, _) => output::json(&step.to_json())?,
            (false, true) => output::line(&format!("{step:#}"))?,
            (false, false) => output::line(&step.to_string())?,
        }
        for (_, verdict) in step.checks() {
            match verdict {
                Verdict::Holds => holds += 1,
                Verdict::Fails => fails += 1,
                Verdict::Unknown(_) => {}
            }
        }
        match step.what {
            What::Locked { .. } => locked += 1,
            What::Broken(_) => broken += 1,
            _ => {}
        }
    }
    story.tell(&format!("{count} steps; {holds} checks hold, {fails} fail; {locked} packets stay locked"));
    if recording.is_cut {
        story.tell("The recording is cut: its last entry is incomplete and was left out.");
    }
    if locked > 0 && args.keylog.is_none() {
        story.tell("A key log opens them: --keylog FILE, with lines `MTPROTO_AUTH_KEY <auth_key_id> <auth_key>`.");
    }
    if fails + broken > 0 {
        return Err(Failure::new(Exit::Other, "CHECK_FAILED", "a check of the recording failed"));
    }
    Ok(())
}

/// Largest recording that is read, in bytes.
const MAX_FILE: u64 = 1 << 30;

/// Reads a file, or stdin if the path is `-`.
fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    let read = match path.as_os_str() == "-" {
        true => io::stdin().lock().take(MAX_FILE + 1).read_to_end(&mut bytes)?,
        false => File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?,
    };
    if u64::try_from(read).unwrap_or(u64::MAX) > MAX_FILE {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 1 GiB"));
    }
    Ok(bytes)
}
