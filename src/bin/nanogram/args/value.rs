//! Values on the command line: durations, addresses, numbers. The error of each parser describes the expected form.

use std::time::Duration;

/// Longest duration accepted.
const MAX_DURATION: Duration = Duration::from_secs(86_400);

/// Parses a duration: seconds, or a number with a unit, such as `500ms`, `3s`, `2m`, `1h`.
///
/// # Errors
/// The text has another form, or the duration exceeds a day.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    // Digits only, so that a sign or a fraction counts as an unknown unit.
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end).unwrap_or((text, ""));
    let milliseconds = match unit {
        "ms" => 1,
        "" | "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(DURATION.into()),
    };
    let number: u64 = number.parse().map_err(|_| DURATION)?;
    let duration = number.checked_mul(milliseconds).map(Duration::from_millis);
    duration.filter(|duration| *duration <= MAX_DURATION).ok_or_else(|| "at most 24h".into())
}

const DURATION: &str = "expected a duration: seconds, or a number with ms, s, m or h, such as 500ms or 2m";

/// Parses a duration above zero.
///
/// # Errors
/// See [`duration`].
pub(crate) fn timeout(text: &str) -> Result<Duration, String> {
    duration(text)?.checked_sub(Duration::from_millis(1)).ok_or("at least 1ms")?;
    duration(text)
}

/// Parses the address of a server, `host:port`.
///
/// # Errors
/// The text has another form, which the error describes, or the port is 0.
pub(crate) fn address(text: &str) -> Result<String, String> {
    match host_port(text)? {
        (_, 0) => Err("the port of a server is 1 to 65535".into()),
        _ => Ok(text.into()),
    }
}

/// Parses an address to listen on: `host:port`, or a port of 127.0.0.1; port 0 picks a free one.
///
/// # Errors
/// The text has another form, which the error describes.
pub(crate) fn listen(text: &str) -> Result<String, String> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse::<u16>().map(|port| format!("127.0.0.1:{port}")).map_err(|_| PORT.into());
    }
    host_port(text).map(|_| text.into())
}

const PORT: &str = "the port is a number up to 65535";

fn host_port(text: &str) -> Result<(&str, u16), String> {
    let wanted = |why: &str| format!("expected host:port, such as 127.0.0.1:4430 or [::1]:4430: {why}");
    if text.contains("://") {
        return Err(wanted("leave out the scheme before `://`"));
    }
    // Parts of URLs and lists, which the resolver would report less clearly.
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || "/?#@,".contains(c);
    if let Some(odd) = text.chars().find(|c| is_odd(*c)) {
        return Err(wanted(&format!("{odd:?} cannot be part of a host or port")));
    }
    let Some((host, port)) = text.rsplit_once(':') else { return Err(wanted("the port is missing")) };
    let (name, is_bracketed) = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(name) => (name, true),
        None => (host, false),
    };
    match name {
        "" => return Err(wanted("the host is missing")),
        _ if is_bracketed && name.split('%').next().is_none_or(|ip| ip.parse::<std::net::Ipv6Addr>().is_err()) => {
            return Err(wanted("only an IPv6 address is written in brackets"));
        }
        _ if !is_bracketed && name.contains([':', '[', ']']) => {
            return Err(wanted("an IPv6 address is written in brackets"));
        }
        _ => {}
    }
    // `u16::from_str` also accepts a plus sign.
    let is_number = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    let port = if is_number { port.parse().ok() } else { None };
    Ok((host, port.ok_or_else(|| wanted(PORT))?))
}

/// Parses an application id.
///
/// # Errors
/// The text is not a number above zero.
pub(crate) fn api_id(text: &str) -> Result<i32, String> {
    let id = text.trim().parse().ok().filter(|id| *id > 0);
    id.ok_or_else(|| "expected the number that my.telegram.org shows as `App api_id`".into())
}

/// Formats the suggestion `; did you mean `NAME`?` for the most similar of `known`; empty if none is similar.
pub(crate) fn did_you_mean<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> String {
    // Names of faults are in kebab case; underscores are a common slip.
    let given = given.to_lowercase().replace('_', "-");
    // Common words add to the score: `composite-prime` should match `prime-composite` rather than `compress-frame`.
    let words = |name: &str| name.split('-').filter(|word| word.len() > 2 && given.contains(word)).count();
    let score = |name: &str| strsim::jaro_winkler(&given, &name.to_lowercase()) + words(name).min(3) as f64 * 0.25;
    let best = known.map(|name| (score(name), name)).max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(score, _)| *score > 0.75).map_or_else(String::new, |(_, name)| format!("; did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_seconds_or_has_a_unit() {
        let cases = [("0", 0), ("3", 3000), ("3s", 3000), ("500ms", 500), ("2m", 120_000), ("24h", 86_400_000)];
        for (text, milliseconds) in cases {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in
            ["", "s", "3 s", "-1", "+3", "1.5", "3d", "25h", "99999999999999999999", "18446744073709551615h", "3ß"]
        {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(timeout("0").is_err() && timeout("1ms").is_ok());
    }

    #[test]
    fn an_address_has_a_host_and_a_port_and_nothing_else() {
        for text in ["127.0.0.1:443", "[::1]:4430", "[fe80::1%eth0]:1", "dc.example.org:65535", "localhost:1"] {
            assert_eq!(address(text), Ok(text.into()));
            assert_eq!(listen(text), Ok(text.into()));
        }
        let odd = [
            ("127.0.0.1", "port is missing"),
            ("127.0.0.1:http", "65535"),
            ("127.0.0.1:", "65535"),
            ("127.0.0.1:+1", "65535"),
            ("127.0.0.1:65536", "65535"),
            ("http://127.0.0.1:443", "scheme"),
            ("127.0.0.1:443/", "cannot be part of a host"),
            (":443", "host is missing"),
            ("::1:443", "brackets"),
            ("[127.0.0.1]:443", "IPv6"),
            ("a b:443", "cannot be part of a host"),
            ("", "port is missing"),
        ];
        for (text, why) in odd {
            let error = address(text).unwrap_err();
            assert!(error.starts_with("expected host:port") && error.contains(why), "{text}: {error}");
            assert!(listen(text).is_err(), "{text}");
        }
        assert_eq!(listen("4430"), Ok("127.0.0.1:4430".into()));
        assert_eq!(listen("127.0.0.1:0"), Ok("127.0.0.1:0".into()));
        assert!(address("127.0.0.1:0").is_err() && address("4430").is_err() && listen("65536").is_err());
    }

    #[test]
    fn the_most_similar_name_is_proposed_and_no_other() {
        let known = ["bad-msg-key", "prime-composite", "srp-prime-composite", "close-on-accept"];
        assert_eq!(did_you_mean("composite-prime", known.into_iter()), "; did you mean `prime-composite`?");
        assert_eq!(did_you_mean("bad_msgkey", known.into_iter()), "; did you mean `bad-msg-key`?");
        assert_eq!(did_you_mean("zzz", known.into_iter()), "");
    }
}
