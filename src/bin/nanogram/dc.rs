//! `nanogram dc`: a data centre on a port of this machine.

use crate::args::DcArgs;
use crate::failure::{Exit, Failure};
use crate::story::{Ink, Story};
use crate::witness::fingerprint;
use crate::{output, runtime};
use nanogram::crypto::keys::Environment;
use nanogram::crypto::rsa::RsaKey;
use nanogram::dc::Dc;
use nanogram::dc::listener::Listener;
use nanogram::dc::residents::ALICE;
use nanogram::store::{Format, SavedSession, string};
use rand::rngs::SysRng;
use serde_json::json;
use std::fs;
use std::net::SocketAddr;
use zeroize::Zeroizing;

/// Opens the port; who lives there and what they do is in `nanogram::dc::residents`.
pub(crate) async fn open(addr: &str) -> Result<Listener, Failure> {
    let listener = Listener::bind(addr, |now, unix| Dc::new(now, unix, Box::new(SysRng))).await;
    listener.map_err(|error| {
        Failure::new(Exit::Network, "LISTEN", format!("cannot listen on {addr}: {error}"))
            .hint("give another --listen HOST:PORT; port 0 takes a free one")
    })
}

/// What a client must know of a data centre that is ready.
pub(crate) struct Place {
    pub(crate) addr: SocketAddr,
    pub(crate) dc_id: u8,
    pub(crate) key: RsaKey,
}

impl Place {
    pub(crate) fn of(listener: &Listener) -> Result<Self, Failure> {
        let none = || Failure::new(Exit::Other, "INTERNAL", "the data centre has no RSA key, or no number");
        let dc_id = u8::try_from(listener.dc.world.home.dc_id).map_err(|_| none())?;
        let key = listener.dc.public_keys().next().ok_or_else(none)?.clone();
        Ok(Self { addr: listener.local_addr()?, dc_id, key })
    }
}

pub(crate) fn run(args: &DcArgs, story: &Story) -> Result<(), Failure> {
    runtime()?.block_on(async {
        let mut listener = open(&args.listen).await?;
        let place = Place::of(&listener)?;
        if let Some(path) = &args.pem {
            fs::write(path, place.key.to_pem()).map_err(|error| {
                Failure::new(Exit::Usage, "FILE", format!("cannot write {}: {error}", path.display()))
            })?;
        }
        let key = listener.dc.sign_in(ALICE).map_err(|e| Failure::new(Exit::Other, "INTERNAL", e.to_string()))?;
        let session = SavedSession {
            addr: Some((place.addr.ip().to_string(), place.addr.port())),
            environment: Some(Environment::Production),
            user_id: Some(ALICE),
            is_bot: Some(false),
            ..SavedSession::new(place.dc_id, key)
        };
        announce(args, &place, &session)?;
        loop {
            let line = listener.next().await?;
            let text = line.to_string();
            story.tell(&if line.entry.is_refusal() { story.ink(Ink::Red, &text) } else { text });
        }
    })
}

fn announce(args: &DcArgs, place: &Place, session: &SavedSession) -> Result<(), Failure> {
    let Place { addr, dc_id, key } = place;
    let written = |format| -> Result<Zeroizing<String>, Failure> {
        string::write(session, format).map_err(|error| Failure::new(Exit::Other, "INTERNAL", error.to_string()))
    };
    let ours = written(Format::Nanogram)?;
    if args.json {
        let ready = json!({
            "addr": addr.to_string(),
            "dc_id": dc_id,
            "fingerprint": fingerprint(key.fingerprint()),
            "public_key_pem": key.to_pem(),
            "session": *ours,
            "telethon_session": *written(Format::Telethon)?,
        });
        return output::line(&ready.to_string());
    }
    let (file, save) = match &args.pem {
        Some(path) => (path.display().to_string(), ""),
        None => ("dc.pem".into(), " (save the key as dc.pem first, or begin again with --pem dc.pem)"),
    };
    output::line(&format!(
        "Test data centre {dc_id} listens on {addr}. It forgets everything when it is stopped.

Its key, {}:
{}
Alice is signed in. To start a bot as her, in another terminal{save}:
  export NANOGRAM_SESSION={}
  nanogram start 'https://t.me/echo_bot?start=hello_42' --dc {addr} --key {file}

Who else is here: @echo_bot answers, @silent_bot does not, @deleted_bot was deleted, @bob_nano is no bot;
@nano_group takes bots, @closed_group and @quiet_group do not.
",
        fingerprint(key.fingerprint()),
        key.to_pem(),
        *ours,
    ))
}
