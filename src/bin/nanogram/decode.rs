//! `nanogram decode`: a recorded connection, message by message.

use crate::args::DecodeArgs;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::story::Story;
use nanogram::capture::{Recording, Verdict, What, decode};
use nanogram::crypto::rsa::RsaPrivateKey;
use nanogram::tl::schema::Schema;
use std::fs;
use std::path::Path;
use zeroize::Zeroizing;

pub(crate) fn run(args: &DecodeArgs, story: &Story) -> Result<(), Failure> {
    let bad = |path: &Path, why: &dyn core::fmt::Display| {
        Failure::new(Exit::Usage, "FILE", format!("{}: {why}", path.display()))
    };
    let read = |path: &Path| fs::read(path).map(Zeroizing::new).map_err(|e| bad(path, &e));
    let read_text = |path: &Path| fs::read_to_string(path).map(Zeroizing::new).map_err(|e| bad(path, &e));

    let recording = Recording::read(&read(&args.file)?).map_err(|e| bad(&args.file, &e))?;
    let mut secrets = recording.secrets.clone();
    if let Some(path) = &args.keylog {
        secrets.read_log(&read_text(path)?).map_err(|e| bad(path, &e))?;
    }
    if let Some(path) = &args.rsa_key {
        secrets.add_rsa(RsaPrivateKey::from_pem(&read_text(path)?).map_err(|e| bad(path, &e))?);
    }
    let schema = Schema::telegram().map_err(|e| Failure::new(Exit::Other, "INTERNAL", e.to_string()))?;
    let steps = decode(&recording, &secrets, &schema);

    let (mut holds, mut fails, mut locked, mut broken) = (0, 0, 0, 0);
    let mut connection = None;
    for step in &steps {
        if !args.json && connection != Some(step.connection) {
            connection = Some(step.connection);
            let name = recording.connections.get(step.connection).map_or("", |c| c.name.as_str());
            output::line(&format!("connection {} {name}", step.connection))?;
        }
        match (args.json, args.full) {
            (true, _) => output::line(&step.to_json().to_string())?,
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
    story.tell(&format!("{} steps; {holds} checks hold, {fails} fail; {locked} packets stay locked", steps.len()));
    if locked > 0 && args.keylog.is_none() {
        story.tell("A key log opens them: --keylog FILE, with lines `MTPROTO_AUTH_KEY <auth_key_id> <auth_key>`.");
    }
    if fails + broken > 0 {
        return Err(Failure::new(Exit::Other, "CHECK_FAILED", "something in the recording is not as it must be"));
    }
    Ok(())
}
