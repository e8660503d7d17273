//! `nanogram dc`: a test server on ports of this machine.

mod record;
pub(crate) mod words;

use crate::args::DcArgs;
use crate::failure::{Exit, Failure};
use crate::story::{Ink, Story};
use crate::witness::fingerprint;
use crate::{account, output, runtime};
use nanogram::base::private;
use nanogram::base::time::UnixTime;
use nanogram::crypto::auth_key::AuthKey;
use nanogram::crypto::rsa::RsaKey;
use nanogram::lab::dc::faults::FAULTS;
use nanogram::lab::dc::listener::Listener;
use nanogram::lab::dc::log::Entry;
use nanogram::lab::dc::residents::HUMANS;
use nanogram::lab::dc::script::MAX_ACTS;
use nanogram::lab::dc::{Act, Dc};
use nanogram::protocol::keylog;
use nanogram::telegram::dcs::Environment;
use nanogram::telegram::store::{Format, Realm, SavedSession, string};
use rand::rngs::SysRng;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::collections::btree_map;
use std::fs::{self, File};
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use zeroize::Zeroizing;

fn internal(error: impl ToString) -> Failure {
    Failure::new(Exit::Other, "INTERNAL", error.to_string())
}

fn cannot_listen(flag: &str, addr: &str, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Network, "LISTEN", format!("cannot listen on {addr}: {error}"))
        .hint(format!("give another {flag}HOST:PORT; port 0 takes a free one"))
}

/// Opens the port. The users and bots are defined in `nanogram::lab::dc::residents`.
pub(crate) async fn open(addr: &str) -> Result<Listener, Failure> {
    let listener = Listener::bind(addr, |now, unix| Dc::new(now, unix, Box::new(SysRng))).await;
    listener.map_err(|error| cannot_listen("--listen ", addr, &error))
}

/// Data that a client needs to connect to a data centre.
pub(crate) struct Place {
    pub(crate) addr: SocketAddr,
    pub(crate) dc_id: u8,
    pub(crate) key: RsaKey,
}

impl Place {
    pub(crate) fn of(listener: &Listener) -> Result<Self, Failure> {
        let none = || internal("the data centre has no RSA key, or no number");
        let dc_id = u8::try_from(listener.dc.world.home.dc_id).map_err(|_| none())?;
        let key = listener.dc.public_keys().next().ok_or_else(none)?.clone();
        Ok(Self { addr: listener.local_addr()?, dc_id, key })
    }
}

/// Prints all faults, one per line or as a JSON array.
fn list_faults(as_json: bool) -> Result<(), Failure> {
    if as_json {
        let all = FAULTS.iter().map(|f| json!({ "name": f.name, "row": f.row, "says": f.says }));
        return output::json(&Value::from_iter(all));
    }
    FAULTS.iter().try_for_each(|f| output::line(&format!("{:24} {:4} {}", f.name, f.row, f.says)))
}

pub(crate) fn run(args: &DcArgs, story: &Story) -> Result<(), Failure> {
    if args.list_faults {
        return list_faults(args.json);
    }
    // Before a port is opened, so that a wrong path fails at once.
    writable("--pem", args.pem.as_deref())?;
    writable("--record", args.record.as_deref())?;
    writable("--keylog", args.keylog.as_deref())?;
    runtime()?.block_on(async {
        let mut listener = open(&args.listen).await?;
        let place = Place::of(&listener)?;
        furnish(args, &mut listener.dc)?;
        let dcs = add_others(args, &mut listener, &place).await?;
        if let Some(path) = &args.pem {
            fs::write(path, place.key.to_pem()).map_err(|error| {
                Failure::new(Exit::Usage, "FILE", format!("cannot write {}: {error}", path.display()))
            })?;
        }
        // Recording starts before the server reports that it is ready.
        let mut recorder = args.record.as_deref().map(|path| record::begin(path, &mut listener)).transpose()?;
        let people = sign_in(args, &mut listener.dc, &dcs)?;
        let mut keylog = args.keylog.as_deref().map(|path| KeyFile::open(path, &listener.dc, &people)).transpose()?;
        // The log shows login codes and the accounts are public, so only this machine should have access.
        if !place.addr.ip().is_loopback() {
            let text = format!(
                "warning: {} can be reached from other machines, and anyone who reaches it can sign in as any user",
                place.addr
            );
            story.tell(&story.ink(Ink::Red, &text));
        }
        if args.json {
            output::json(&ready(args, &place, &dcs, &people, &listener.dc)?)?;
        } else {
            output::line(&told(args, &place, &dcs, &people)?)?;
        }
        loop {
            let line = match &mut recorder {
                None => listener.next().await?,
                Some(recorder) => match recorder.next(&mut listener, story).await? {
                    Some(line) => line,
                    None => return Ok(()),
                },
            };
            if let (Some(keylog), Entry::Key { id, .. }) = (&mut keylog, &line.entry) {
                keylog.note(listener.dc.key(*id));
            }
            let text = format!("{} {line}", stamp(line.at));
            let ink = match line.entry {
                Entry::Misbehaved { .. } => Some(Ink::Cyan),
                ref entry => entry.is_refusal().then_some(Ink::Red),
            };
            story.tell(&ink.map_or_else(|| text.clone(), |ink| story.ink(ink, &text)));
        }
    })
}

/// Checks before anything starts that the directory of an output file exists, and that the file holds no session.
fn writable(flag: &str, path: Option<&Path>) -> Result<(), Failure> {
    directory_of(flag, path)?;
    path.map_or(Ok(()), |path| account::no_session_in(flag, path))
}

/// Checks that the directory of a file exists, before anything starts.
pub(crate) fn directory_of(flag: &str, path: Option<&Path>) -> Result<(), Failure> {
    let parent = path.and_then(Path::parent).filter(|parent| !parent.as_os_str().is_empty());
    match (path, parent) {
        (Some(path), _) if path.is_dir() => {
            Err(Failure::new(Exit::Usage, "FILE", format!("{flag} {}: a directory, not a file", path.display())))
        }
        (_, Some(parent)) if !parent.is_dir() => {
            Err(Failure::new(Exit::Usage, "FILE", format!("{flag}: there is no directory {}", parent.display())))
        }
        _ => Ok(()),
    }
}

/// File of `--keylog`.
struct KeyFile(File);

impl KeyFile {
    /// Opens the file and logs the keys of the signed-in users.
    fn open(path: &Path, dc: &Dc, people: &[Person]) -> Result<Self, Failure> {
        let file = private::append(path)
            .map_err(|error| Failure::new(Exit::Usage, "FILE", format!("--keylog {}: {error}", path.display())))?;
        let mut keylog = Self(file);
        people.iter().for_each(|person| keylog.note(dc.key(person.session.auth_key.id())));
        Ok(keylog)
    }

    fn note(&mut self, key: Option<&AuthKey>) {
        if let Some(key) = key {
            // A failure to write the log must not stop the server.
            let _ = writeln!(self.0, "{}", keylog::Entry::AuthKey(key.clone()));
        }
    }
}

/// Formats the time of a log line: `2026-09-21T14:13:20.000Z`.
pub(crate) fn stamp(at: UnixTime) -> String {
    let secs = at.as_secs();
    let (days, second) = (secs.div_euclid(86_400), secs.rem_euclid(86_400));
    // Years begin in March here, so that leap days come last; 719,468 days lie between 1 March of year 0 and 1970.
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let march = (5 * day + 2) / 153;
    let (month, day) = (if march < 10 { march + 3 } else { march - 9 }, day - (153 * march + 2) / 5 + 1);
    let year = year + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let ms = at.subsec_micros() / 1000;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// Applies the flags that configure accounts and inject failures.
fn furnish(args: &DcArgs, dc: &mut Dc) -> Result<(), Failure> {
    dc.world.home.test_mode = args.test;
    for given in &args.password {
        let (user, secret) =
            words::password(given).map_err(|why| Failure::usage(format!("invalid value for --password: {why}")))?;
        dc.set_password(user, secret);
    }
    for given in &args.mail {
        let (user, address) =
            words::password(given).map_err(|why| Failure::usage(format!("invalid value for --mail: {why}")))?;
        dc.world.set_mail(user, address);
    }
    for lives in &args.home {
        dc.world.set_home(lives.user, lives.dc_id.into());
    }
    let refused = args.refuse.iter().map(|refuse| refuse.calls.to(Act::Refuse(refuse.error.clone())));
    let withheld = args.withhold.iter().map(|calls| calls.to(Act::Withhold));
    let ignored = args.ignore.iter().map(|calls| calls.to(Act::Ignore));
    let hung_up = args.hang_up.iter().map(|calls| calls.to(Act::HangUp));
    let acts: Vec<_> = refused.chain(withheld).chain(ignored).chain(hung_up).collect();
    let cuts = args.cut.iter().flat_map(|at| (0..at.times).map(|_| at.cut));
    if acts.len() > MAX_ACTS || cuts.clone().count() > MAX_ACTS {
        return Err(Failure::usage(format!(
            "at most {MAX_ACTS} failures of methods and {MAX_ACTS} of connections can be pending"
        )));
    }
    for (method, act, times) in acts {
        dc.script(method, act, times);
    }
    cuts.for_each(|cut| dc.cut(cut));
    if args.fault.len() > MAX_ACTS {
        return Err(Failure::usage(format!("at most {MAX_ACTS} faults can be pending")));
    }
    for given in &args.fault {
        dc.fault(given.fault, given.times);
    }
    Ok(())
}

/// Opens the ports of the other data centres: those named by flags, and the home data centres of users.
async fn add_others(
    args: &DcArgs,
    listener: &mut Listener,
    first: &Place,
) -> Result<BTreeMap<u8, SocketAddr>, Failure> {
    let mut dcs = BTreeMap::from([(first.dc_id, first.addr)]);
    for also in &args.also {
        if dcs.contains_key(&also.dc_id) {
            return Err(Failure::usage(format!("data centre {} already exists", also.dc_id)));
        }
        let added = listener.add(&also.addr, also.dc_id.into()).await;
        let flag = format!("--also {}=", also.dc_id);
        dcs.insert(also.dc_id, added.map_err(|error| cannot_listen(&flag, &also.addr, &error))?);
    }
    // A 303 to a data centre that does not listen would lead nowhere.
    for (_, user) in HUMANS {
        let home = u8::try_from(listener.dc.world.home_of(user)).map_err(internal)?;
        if let btree_map::Entry::Vacant(free) = dcs.entry(home) {
            let beside = SocketAddr::new(first.addr.ip(), 0).to_string();
            let added = listener.add(&beside, home.into()).await;
            free.insert(added.map_err(|error| cannot_listen(&format!("--also {home}="), &beside, &error))?);
        }
    }
    Ok(dcs)
}

/// User who can sign in, with a signed-in session.
struct Person {
    name: &'static str,
    id: i64,
    username: Option<String>,
    phone: Option<String>,
    has_password: bool,
    session: SavedSession,
}

impl Person {
    fn written(&self, format: Format) -> Result<Zeroizing<String>, Failure> {
        string::write(&self.session, format).map_err(internal)
    }
}

/// Address under which this machine reaches the port: the loopback address in place of an unspecified one.
fn from_here(addr: SocketAddr) -> SocketAddr {
    let ip = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, addr.port())
}

/// Signs in every user once.
fn sign_in(args: &DcArgs, dc: &mut Dc, dcs: &BTreeMap<u8, SocketAddr>) -> Result<Vec<Person>, Failure> {
    let keys: Vec<_> = dc.public_keys().cloned().collect();
    let servers = Realm::of_keys(account::environment(args.test), &keys).servers;
    let mut people = Vec::new();
    for (name, id) in HUMANS {
        let dc_id = u8::try_from(dc.world.home_of(id)).map_err(internal)?;
        let addr = dcs.get(&dc_id).map(|addr| (from_here(*addr).ip().to_string(), addr.port()));
        let environment = Some(if args.test { Environment::Test } else { Environment::Production });
        let key = dc.sign_in(id).map_err(internal)?;
        let session = SavedSession {
            addr,
            environment,
            user_id: Some(id),
            is_bot: Some(false),
            servers: servers.clone(),
            ..SavedSession::new(dc_id, key)
        };
        let user = dc.world.user(id).ok_or_else(|| internal("a user is missing"))?;
        let (username, phone) = (user.username.clone(), user.phone.clone());
        people.push(Person { name, id, username, phone, has_password: dc.world.has_password(id), session });
    }
    Ok(people)
}

/// Startup message as JSON.
fn ready(
    args: &DcArgs,
    place: &Place,
    dcs: &BTreeMap<u8, SocketAddr>,
    people: &[Person],
    dc: &Dc,
) -> Result<Value, Failure> {
    let Place { addr, dc_id, key } = place;
    let alice = people.first().ok_or_else(|| internal("nobody is here"))?;
    let mut sessions = serde_json::Map::new();
    let mut users = Vec::new();
    for person in people {
        sessions.insert(person.name.into(), Value::from(person.written(Format::Nanogram)?.as_str()));
        users.push(json!({
            "name": person.name,
            "id": person.id,
            "username": person.username,
            "phone": person.phone,
            "dc_id": person.session.dc_id,
            "has_password": person.has_password,
        }));
    }
    let bots = dc.world.users().filter(|user| user.is_bot());
    let bots = bots.map(|bot| json!({ "username": bot.username, "id": bot.id, "token": dc.world.bot_token(bot.id) }));
    let dcs: serde_json::Map<_, _> = dcs.iter().map(|(id, addr)| (id.to_string(), addr.to_string().into())).collect();
    Ok(json!({
        "addr": addr.to_string(),
        "dc_id": dc_id,
        "test": args.test,
        "dcs": dcs,
        "fingerprint": fingerprint(key.fingerprint()),
        "public_key_pem": key.to_pem(),
        "session": *alice.written(Format::Nanogram)?,
        "telethon_session": *alice.written(Format::Telethon)?,
        "sessions": sessions,
        "users": users,
        "bots": bots.collect::<Vec<_>>(),
    }))
}

/// Startup message as text.
fn told(args: &DcArgs, place: &Place, dcs: &BTreeMap<u8, SocketAddr>, people: &[Person]) -> Result<String, Failure> {
    let Place { addr, dc_id, key } = place;
    let alice = people.first().ok_or_else(|| internal("nobody is here"))?;
    let (file, save) = match &args.pem {
        Some(path) => (path.display().to_string(), ""),
        None => ("dc.pem".into(), " (save the key as dc.pem first, or restart with --pem dc.pem)"),
    };
    let others: String = dcs
        .iter()
        .filter(|(id, _)| *id != dc_id)
        .map(|(id, addr)| format!("Data centre {id}, with the same users, listens on {addr}.\n"))
        .collect();
    let who: String = people
        .iter()
        .map(|person| {
            let username = person.username.as_deref().map(|name| format!("@{name}")).unwrap_or_default();
            let password = if person.has_password { ", has a password" } else { "" };
            let phone = person.phone.as_deref().unwrap_or("none");
            format!("  {:6} +{phone}  data centre {}{password}  {username}\n", person.name, person.session.dc_id)
        })
        .map(|line| format!("{}\n", line.trim_end()))
        .collect();
    let fingerprint = fingerprint(key.fingerprint());
    let (pem, session) = (key.to_pem(), alice.written(Format::Nanogram)?);
    let is_test = if args.test { " of the test environment" } else { "" };
    let alice_addr = from_here(*dcs.get(&alice.session.dc_id).unwrap_or(addr));
    Ok(format!(
        "Test data centre {dc_id}{is_test} listens on {addr}. It stores nothing and forgets everything when it stops.
{others}
Its key, {fingerprint}:
{pem}
Alice is signed in. To start a bot as her, in another terminal{save}:
  export NANOGRAM_SESSION={}
  nanogram start 'https://t.me/echo_bot?start=hello_42' --dc {alice_addr} --key {file}

Accounts (login codes appear below; --json prints a session of each):
{who}
Bots and groups: @echo_bot answers, @silent_bot does not, @deleted_bot was deleted;
@nano_group accepts bots, @closed_group and @quiet_group do not.
",
        *session,
    ))
}

#[cfg(test)]
mod tests;
