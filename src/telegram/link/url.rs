//! Pieces of URLs: authority, host, query parameters, percent encoding.

use alloc::string::String;
use alloc::vec::Vec;

/// The parts of `[scheme://]host[:port]rest`. A user name before `@` is not allowed in a Telegram link.
pub(super) struct Authority<'a> {
    pub(super) scheme: Option<&'a str>,
    pub(super) host: &'a str,
    pub(super) port: Option<u16>,
    pub(super) rest: &'a str,
}

impl<'a> Authority<'a> {
    pub(super) fn split(text: &'a str) -> Option<Self> {
        let (scheme, after) = match text.split_once("://") {
            Some((scheme, after)) if !scheme.contains([':', '/', '?', '@', '[', ']']) => (Some(scheme), after),
            _ => (None, text),
        };
        let end = after.find(['/', '?']).unwrap_or(after.len());
        let (authority, rest) = after.split_at_checked(end)?;
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => {
                (host, Some(port.parse().ok().filter(|port| *port != 0)?))
            }
            // A colon without a port number, as in an IPv6 address, occurs in no Telegram link.
            Some(_) => return None,
            None => (authority, None),
        };
        let is_plain = !host.is_empty() && !host.contains(['@', ':', '[', ']']);
        is_plain.then_some(Self { scheme, host, port, rest })
    }
}

/// Returns true if `prefix`, such as `https://t.me/`, has the host `host`.
pub(super) fn is_host_of(prefix: &str, host: &str) -> bool {
    let named = prefix.split_once("://").map_or(prefix, |(_, named)| named).trim_end_matches('/');
    !named.is_empty() && bare_host(host).eq_ignore_ascii_case(named)
}

pub(super) fn bare_host(host: &str) -> &str {
    host.strip_prefix("www.").unwrap_or(host)
}

/// Iterates over the names and values of a query, in order.
pub(super) fn params(query: &str) -> impl Iterator<Item = (String, String)> {
    query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name, true), decode(value, true)))
        .filter(|(name, _)| !name.is_empty())
}

/// Returns the first value with that name, or an empty string.
pub(super) fn first(query: &str, name: &str) -> String {
    params(query).find(|(known, _)| known == name).map(|(_, value)| value).unwrap_or_default()
}

/// Decodes `%41`, and `+` as a space in a query. Invalid escapes are kept.
pub(super) fn decode(text: &str, is_query: bool) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        let code = match tail {
            [high, low, after @ ..] if *byte == b'%' => hex(*high).zip(hex(*low)).map(|(h, l)| (h << 4 | l, after)),
            _ => None,
        };
        let (decoded, tail) = match code {
            Some(code) => code,
            None if is_query && *byte == b'+' => (b' ', tail),
            None => (*byte, tail),
        };
        out.push(decoded);
        rest = tail;
    }
    String::from_utf8(out).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

pub(super) fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

pub(super) fn strip_prefix_ignore_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Skips `/s`, because `/s/<name>` is the preview of `/<name>`.
pub(super) fn skip_preview(mut path: &str) -> &str {
    let shorter = |path: &'_ str| -> Option<usize> {
        ["/s/", "/%73/"].iter().find(|p| path.starts_with(**p)).map(|p| p.len() - 1)
    };
    while let Some(rest) = shorter(path).and_then(|n| path.get(n..)) {
        path = rest;
    }
    path
}

/// Returns true if a segment starts with a number above zero, such as a message or story id.
pub(super) fn is_positive(text: &str) -> bool {
    text.trim_start_matches('0').starts_with(|c: char| c.is_ascii_digit())
}

pub(super) fn is_among(words: &str, word: &str) -> bool {
    words.split(' ').any(|known| known == word)
}
