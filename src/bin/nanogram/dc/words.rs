//! Values of the flags of `nanogram dc`, such as `METHOD=ERROR:CODE*TIMES`.

use crate::args::value;
use nanogram::lab::dc::call::method_id;
use nanogram::lab::dc::faults::FAULTS;
use nanogram::lab::dc::residents::HUMANS;
use nanogram::lab::dc::script::{FOREVER, MAX_ACTS, error_of};
use nanogram::lab::dc::{Act, Cut, Fault};
use nanogram::protocol::session::RpcError;
use nanogram::tl::schema::{API, Schema};
use std::str::FromStr;

/// `ID=ADDR`: additional data centre.
#[derive(Debug, Clone)]
pub(crate) struct Also {
    pub(crate) dc_id: u8,
    pub(crate) addr: String,
}

/// `USER=DC`: home data centre of an account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lives {
    pub(crate) user: i64,
    pub(crate) dc_id: u8,
}

/// `METHOD*TIMES`: calls that a failure is injected into.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Calls {
    pub(crate) method: u32,
    pub(crate) times: u32,
}

/// `METHOD=ERROR:CODE*TIMES`: error for calls of a method.
#[derive(Debug, Clone)]
pub(crate) struct Refuse {
    pub(crate) calls: Calls,
    pub(crate) error: RpcError,
}

/// `NAME*TIMES`: fault to inject.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Misbehave {
    pub(crate) fault: &'static Fault,
    pub(crate) times: u32,
}

/// `KIND=N*TIMES`: point at which a connection is cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CutAt {
    pub(crate) cut: Cut,
    pub(crate) times: u32,
}

fn split<'a>(text: &'a str, form: &str) -> Result<(&'a str, &'a str), String> {
    text.split_once('=').ok_or_else(|| format!("expected {form}"))
}

fn dc_id(text: &str) -> Result<u8, String> {
    let id = text.parse().ok().filter(|id| *id > 0);
    id.ok_or_else(|| format!("`{text}` is not a data centre number, which is 1 to 255"))
}

fn user(name: &str) -> Result<i64, String> {
    let known = HUMANS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    known.map(|(_, id)| *id).ok_or_else(|| {
        let names = HUMANS.map(|(name, _)| name).join(", ");
        format!("there is no user `{name}`; the users are {names}")
    })
}

/// Splits `*TIMES` off the end; 1 if it is absent.
fn times(text: &str) -> Result<(&str, u32), String> {
    let Some((rest, times)) = text.rsplit_once('*') else { return Ok((text, 1)) };
    if times == "forever" {
        return Ok((rest, FOREVER));
    }
    let number = times.parse().ok().filter(|times| (1..FOREVER).contains(times));
    number.map(|number| (rest, number)).ok_or_else(|| format!("`*{times}` must be a number from 1, or `*forever`"))
}

fn method(name: &str) -> Result<u32, String> {
    method_id(name).ok_or_else(|| match similar(name) {
        Some(similar) => format!("there is no method `{name}`; did you mean {similar}?"),
        None => format!("there is no method `{name}` in the schema that can be called directly"),
    })
}

/// Finds a method that differs only in its namespace or in capitalization.
fn similar(name: &str) -> Option<String> {
    let schema = Schema::parse(API).ok()?;
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_lowercase();
    let names = API.lines().filter_map(|line| line.split(['#', ' ']).next());
    let mut same = names.filter(|known| last(known) == last(name) && method_id(known).is_some());
    let same = same.find(|known| schema.named(known).is_some_and(|line| line.is_function)).map(Into::into);
    // Then a method within two typing errors.
    let names = API.lines().filter_map(|line| line.split(['#', ' ']).next()).filter(|known| known.contains('.'));
    let near = || names.filter(|known| strsim::osa_distance(known, name) <= 2).find(|known| method_id(known).is_some());
    same.or_else(|| near().map(Into::into))
}

impl FromStr for Also {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (id, addr) = split(text, "ID=HOST:PORT")?;
        Ok(Self { dc_id: dc_id(id)?, addr: value::listen(addr)? })
    }
}

/// Parses `USER=SECRET`. Not a `FromStr`, because the command line's parser repeats invalid values in its errors.
pub(crate) fn password(text: &str) -> Result<(i64, &str), String> {
    let (name, secret) = split(text, "USER=SECRET")?;
    Ok((user(name)?, secret))
}

impl FromStr for Lives {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, id) = split(text, "USER=DC")?;
        Ok(Self { user: user(name)?, dc_id: dc_id(id)? })
    }
}

impl FromStr for Calls {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, times) = times(text)?;
        Ok(Self { method: method(name)?, times })
    }
}

impl FromStr for Refuse {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (text, times) = times(text)?;
        let (name, error) = split(text, "METHOD=ERROR, METHOD=ERROR:CODE or METHOD=ERROR*TIMES")?;
        // Errors of servers are arbitrary text, such as `RECAPTCHA_CHECK_signup__6L` or `Timeout`. A code follows the
        // last colon.
        let (name_of_error, code) = error.rsplit_once(':').map_or((error, None), |(name, code)| (name, Some(code)));
        if name_of_error.trim().is_empty() || name_of_error.chars().any(char::is_control) {
            return Err("an error needs a name without control characters".into());
        }
        let mut error = error_of(name_of_error);
        if let Some(code) = code {
            error.code = code.parse().map_err(|_| format!("the code `{code}` is not a number"))?;
        }
        Ok(Self { calls: Calls { method: method(name)?, times }, error })
    }
}

impl FromStr for Misbehave {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, times) = times(text)?;
        let similar = || value::did_you_mean(name, FAULTS.iter().map(|fault| fault.name));
        let none = || format!("there is no fault `{name}`{} (`nanogram dc --list-faults` lists all)", similar());
        Ok(Self { fault: Fault::named(name).ok_or_else(none)?, times })
    }
}

impl FromStr for CutAt {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (text, times) = times(text)?;
        let (kind, n) = split(text, "bytes-in=N, bytes-out=N, packets-in=N or packets-out=N")?;
        let n = n.parse().map_err(|_| format!("`{n}` is not a number"))?;
        let cut = match kind {
            "bytes-in" => Cut::BytesIn(n),
            "bytes-out" => Cut::BytesOut(n),
            "packets-in" => Cut::PacketsIn(n),
            "packets-out" => Cut::PacketsOut(n),
            _ => return Err(format!("`{kind}` is none of bytes-in, bytes-out, packets-in, packets-out")),
        };
        let most = u32::try_from(MAX_ACTS).unwrap_or(u32::MAX);
        if times > most {
            return Err(format!("at most the next {most} connections can be cut"));
        }
        Ok(Self { cut, times })
    }
}

impl Calls {
    /// Combines the calls with the failure to inject.
    pub(crate) const fn to(self, act: Act) -> (u32, Act, u32) {
        (self.method, act, self.times)
    }
}
