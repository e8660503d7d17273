//! Parsing of links that start a bot.
//!
//! ```text
//! https://t.me/<bot>?start=<param>                  open the chat and press START: the bot receives /start <param>
//! https://t.me/<bot>?startgroup=<param>&admin=a+b   add the bot to a group, with rights if given, and start it there
//! https://t.me/<bot>?startchannel&admin=a+b         make the bot an administrator of a channel, without starting it
//!
//! the same:   tg:resolve?domain=<bot>&start=<param>   <bot>.t.me?start=<param>   telegram.me/<bot>/?start=<param>#any
//! ```
//!
//! If there are several parameters, the first valid one counts, as in TDLib. Any other Telegram link is an error that
//! describes it: see [`OtherLink`]. Rights are returned as the flags of `chatAdminRights`, restricted to those that
//! exist in a group or in a channel.
//!
//! The grammar is specific to Telegram and smaller than that of URLs, so no URL library is needed. A link with an
//! unlisted host is not a Telegram link.
//!
//! Spec: api/links#bot-links, api/links#groupchannel-bot-links

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

mod errors;
mod url;
mod words;

pub use errors::{LinkError, OtherLink};
use url::{
    Authority, bare_host, decode, first, is_among, is_host_of, is_positive, params, skip_preview,
    strip_prefix_ignore_case,
};
use words::is_param_byte;
pub use words::{AdminRights, StartParam, StartParamError, Username, UsernameError};

/// A link that starts a bot: the bot and the chat to start it in.
///
/// ```
/// use nanogram::telegram::link::{LinkError, OtherLink, Start, StartLink};
/// let link: StartLink = "telegram.me/DurgerKingBot?start=menu".parse()?;
/// assert_eq!(link.bot.as_str(), "DurgerKingBot");
/// assert!(matches!(&link.start, Start::Private { param: Some(p) } if p.as_str() == "menu"));
/// assert_eq!(link.to_string(), "https://t.me/DurgerKingBot?start=menu");
///
/// let plain = "https://t.me/DurgerKingBot".parse::<StartLink>().unwrap_err();
/// assert!(matches!(plain, LinkError::Other(OtherLink::PublicChat(_))));
/// # Ok::<(), LinkError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StartLink {
    /// The username of the bot.
    pub bot: Username,
    /// The chat to start the bot in.
    pub start: Start,
}

/// The kind of chat in which a link starts its bot.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Start {
    /// The private chat with the bot.
    Private {
        /// Parameter of `/start`. `None` means the plain command, which `messages.startBot` does not send.
        param: Option<StartParam>,
    },
    /// A group that the user selects.
    Group {
        /// Parameter of `/start@bot`. With `None` the bot is added but not started.
        param: Option<StartParam>,
        /// Rights of the bot in the group. If empty, the bot is added as an ordinary member.
        admin: AdminRights,
    },
    /// A channel that the user selects, with the bot as an administrator.
    Channel {
        /// Rights of the bot in the channel; never empty.
        admin: AdminRights,
    },
}

impl StartLink {
    /// Parses a link. `me_url_prefix` is the prefix from `help.getConfig`, whose host is treated like `t.me`.
    ///
    /// # Errors
    /// The text is not a Telegram link, or the link does not start a bot.
    pub fn parse(text: &str, me_url_prefix: Option<&str>) -> Result<Self, LinkError> {
        // TDLib ignores the fragment of a link, too.
        let text = text.split('#').next().unwrap_or_default().trim_ascii();
        match strip_prefix_ignore_case(text, "tg:") {
            Some(rest) => read_tg(rest.strip_prefix("//").unwrap_or(rest)),
            None => read_web(text, me_url_prefix),
        }
    }
}

impl FromStr for StartLink {
    type Err = LinkError;
    fn from_str(text: &str) -> Result<Self, LinkError> {
        Self::parse(text, None)
    }
}

impl fmt::Display for StartLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // On the web, such a name would lead to a page; only a `tg:` link reaches the bot.
        if is_among(PAGES, self.bot.as_str()) {
            write!(f, "tg://resolve?domain={}&", self.bot)?;
        } else {
            write!(f, "https://t.me/{}?", self.bot)?;
        }
        let (name, param, admin) = match &self.start {
            Start::Private { param } => ("start", param.as_ref(), AdminRights::NONE),
            Start::Group { param, admin } => ("startgroup", param.as_ref(), *admin),
            Start::Channel { admin } => ("startchannel", None, *admin),
        };
        f.write_str(name)?;
        if let Some(param) = param {
            write!(f, "={param}")?;
        }
        if admin.is_empty() { Ok(()) } else { write!(f, "&admin={admin}") }
    }
}

/// Describes the part of a link to a username that apps ignore; `None` for a bare `t.me/<name>`.
///
/// For a [`StartLink`], this is a part in addition to the deciding parameter, such as a second `start`. An
/// [`OtherLink::PublicChat`] was often meant to start a bot, but its parameter is misspelt or misplaced.
///
/// ```
/// use nanogram::telegram::link::ignored_part;
/// assert_eq!(ignored_part("https://t.me/echo_bot"), None);
/// assert!(ignored_part("https://t.me/echo_bot?Start=abc").is_some_and(|odd| odd.contains("called `start`")));
/// ```
pub fn ignored_part(link: &str) -> Option<String> {
    let (link, fragment) = link.trim_ascii().split_once('#').unwrap_or((link.trim_ascii(), ""));
    if link.contains("&amp;") {
        return Some("`&amp;` is HTML for `&`: write `&`".into());
    }
    let (path, query) = link.split_once('?').unwrap_or((link, ""));
    let is_tg = strip_prefix_ignore_case(path, "tg:").is_some();
    // The deciding parameter and its rights, if present, are not ignored.
    let decides = |name: &str, value: &str| match name {
        "start" | "startgroup" => value.bytes().all(is_param_byte),
        "startchannel" => AdminRights::in_channel(&first(query, "admin")) != AdminRights::NONE,
        _ => false,
    };
    let decided = params(query).position(|(name, value)| decides(&name, &value));
    let kind = decided.and_then(|at| params(query).nth(at)).map(|(name, _)| name);
    let takes_admin = kind.as_deref().is_some_and(|kind| kind != "start");
    let (mut has_domain, mut has_admin) = (!is_tg, !takes_admin);
    for (at, (name, _)) in params(query).enumerate() {
        let is_first = |seen: &mut bool| !core::mem::replace(seen, true);
        if Some(at) == decided
            || name == "domain" && is_first(&mut has_domain)
            || name == "admin" && is_first(&mut has_admin)
        {
            continue;
        }
        if let Some(kind) = kind.as_deref() {
            let is_again = decided.is_some_and(|decided| decided < at) && name == kind;
            return Some(match name.as_str() {
                _ if is_again => alloc::format!("only the first `{name}` counts"),
                "domain" | "admin" if is_tg || takes_admin => alloc::format!("only the first `{name}` counts"),
                _ => alloc::format!("the parameter {name:?} has no effect beside `{kind}`"),
            });
        }
        let meant = name.trim().to_ascii_lowercase();
        return Some(match meant.as_str() {
            "startchannel" if name == meant => "`startchannel` needs `admin` with the rights of the bot".into(),
            "start" | "startgroup" | "startchannel" | "startapp" | "startattach" if name != meant => {
                alloc::format!("the parameter is called `{meant}`, in lower case and without spaces")
            }
            _ => alloc::format!("the parameter {name:?} starts nothing; the one that does is called `start`"),
        });
    }
    let host_end = path.find("://").map_or(0, |at| at + 3);
    let after = path.get(host_end..).unwrap_or_default().trim_end_matches('/');
    let is_subdomain = after
        .split('/')
        .next()
        .is_some_and(|host| host.to_ascii_lowercase().strip_suffix(".t.me").is_some_and(|name| name != "www"));
    let path = after.split_once('/').map_or("", |(_, path)| path);
    let extra = if is_subdomain { Some(path) } else { skip_s(path).split_once('/').map(|(_, extra)| extra) };
    match extra.filter(|extra| !is_tg && !extra.is_empty()) {
        Some(extra) => Some(alloc::format!("{extra:?} after the name starts nothing; a parameter follows `?`")),
        None if !fragment.is_empty() => Some("what follows `#` starts nothing; a parameter follows `?`".into()),
        None => None,
    }
}

fn skip_s(mut path: &str) -> &str {
    while let Some(rest) = path.strip_prefix("s/").or_else(|| path.strip_prefix("%73/")) {
        path = rest;
    }
    path
}

/// Hosts with a username as the first path segment.
const HOSTS: &[&str] = &["t.me", "telegram.me", "telegram.dog"];

/// First path segments that are Telegram pages, not usernames.
const PAGES: &str = "\
    addemoji addlist addstickers addstyle addtheme auction bg c call confirmphone contact giftcode i invoice iv joinchat \
    login m msg nft proxy s setlanguage share socks";

/// Names `<name>.t.me` that are not usernames, in addition to those of one letter.
const SUBDOMAINS: &str = "\
    addemoji addlist addstickers addstyle addtheme auction auth boost call confirmphone contact giftcode invoice \
    joinchat login nft proxy setlanguage share socks web www";

/// The grammar of a parameter: `tg:` links and web links differ.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Tg,
    Web,
}

/// Parses `resolve?domain=<bot>&…`, the part after `tg:` or `tg://`.
fn read_tg(text: &str) -> Result<StartLink, LinkError> {
    let authority = Authority::split(text).ok_or(LinkError::NotTelegram)?;
    if authority.scheme.is_some() || authority.port.is_some() {
        return Err(LinkError::NotTelegram);
    }
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    match decode(path, false).trim_end_matches('/') {
        "resolve" => {}
        page => return Err(tg_page(page).map_or(LinkError::Unknown, LinkError::Other)),
    }
    let domain = first(query, "domain");
    if domain.is_empty() {
        let has_phone = first(query, "phone").bytes().any(|b| b.is_ascii_digit());
        return Err(if has_phone { LinkError::Other(OtherLink::Phone) } else { LinkError::Unknown });
    }
    // Not a bot: this name requests documents.
    if domain.eq_ignore_ascii_case("telegrampassport") {
        return Err(LinkError::Other(OtherLink::Passport));
    }
    let bot = Username::without_at(&domain).map_err(LinkError::Username)?;
    if !first(query, "post").is_empty() {
        return Err(LinkError::Other(OtherLink::Message(bot)));
    }
    read_params(bot, Scheme::Tg, query)
}

/// Returns the purpose of a `tg:` link from its path, for links without a chat.
///
/// Spec: api/links
fn tg_page(path: &str) -> Option<OtherLink> {
    let opens = match path.split('/').next().unwrap_or_default() {
        "passport" | "secureid" => return Some(OtherLink::Passport),
        "join" => return Some(OtherLink::Invite),
        "addstickers" | "addemoji" => "a sticker set",
        "addlist" => "a shared folder",
        "addtheme" | "bg" => "a theme or a background",
        "setlanguage" => "a language pack",
        "share" | "msg" | "msg_url" => "the choice of a chat to share a text with",
        "proxy" | "socks" => "the settings of a proxy",
        "invoice" => "an invoice",
        "giftcode" | "premium_offer" | "premium_multigift" => "an offer of Telegram Premium",
        "stars_topup" | "stars" | "ton" => "the purchase of Telegram Stars",
        "nft" | "auction" => "a collectible gift",
        "settings" => "the settings",
        "contact" | "contacts" => "a contact",
        "call" | "calls" => "a call",
        "chats" | "new" | "post" => "a new chat, contact or story",
        "login" | "confirmphone" | "oauth" => "the confirmation of a login or a number",
        "privatepost" | "message" => "a message in a private chat",
        "openmessage" | "user" => "a chat by its id",
        "boost" => "the boosts of a channel",
        _ => return None,
    };
    Some(OtherLink::Screen(opens))
}

/// Parses `t.me/<bot>?…` or `<bot>.t.me?…`, with or without `https://`.
fn read_web(text: &str, me_url_prefix: Option<&str>) -> Result<StartLink, LinkError> {
    let authority = Authority::split(text).ok_or(LinkError::NotTelegram)?;
    let known_scheme = authority.scheme.is_none_or(|s| ["http", "https"].iter().any(|k| s.eq_ignore_ascii_case(k)));
    // TDLib accepts only the default ports of HTTP and HTTPS.
    if !known_scheme || !matches!(authority.port, None | Some(80 | 443)) {
        return Err(LinkError::NotTelegram);
    }
    let host = decode(authority.host, false).to_ascii_lowercase();
    let (rest, query) = authority.rest.split_once('?').unwrap_or((authority.rest, ""));
    if HOSTS.contains(&bare_host(&host)) || me_url_prefix.is_some_and(|prefix| is_host_of(prefix, &host)) {
        return read_path(&decode(skip_preview(rest), false), query);
    }
    let name = host.strip_suffix(".t.me").filter(|name| name.len() > 1 && !is_among(SUBDOMAINS, name));
    match name.and_then(|name| Username::without_at(name).ok()) {
        Some(name) => read_path(&alloc::format!("/{name}{}", decode(rest, false)), query),
        None => Err(LinkError::NotTelegram),
    }
}

/// Parses `/<bot>`, with or without further segments.
fn read_path(path: &str, query: &str) -> Result<StartLink, LinkError> {
    let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).trim_end_matches('/').split('/').collect();
    let (name, more) = match segments.as_slice() {
        // An empty first segment, as in `t.me//name`, is invalid.
        [] | ["", ..] => return Err(LinkError::NotTelegram),
        [page, ..] if is_among(PAGES, page) => {
            return Err(LinkError::Other(if *page == "joinchat" { OtherLink::Invite } else { OtherLink::Page }));
        }
        [name, more @ ..] => (*name, more),
    };
    // A space counts as `+`, as in TDLib.
    if let Some(secret) = name.strip_prefix(['+', ' ']) {
        let is_phone = secret.bytes().all(|b| b.is_ascii_digit());
        return Err(LinkError::Other(if is_phone { OtherLink::Phone } else { OtherLink::Invite }));
    }
    if name.starts_with('$') {
        return Err(LinkError::Other(OtherLink::Page));
    }
    let bot = Username::without_at(name).map_err(LinkError::Username)?;
    let is_app = |name: &str| name.len() >= 3 && Username::without_at(name).is_ok();
    match more {
        _ if name.eq_ignore_ascii_case("boost") && (more.len() == 1 || is_positive(&first(query, "c"))) => {
            Err(LinkError::Other(OtherLink::Page))
        }
        _ if name == "newbot" && !more.is_empty() => Err(LinkError::Other(OtherLink::Page)),
        [number, ..] if is_positive(number) => Err(LinkError::Other(OtherLink::Message(bot))),
        ["s", story] if is_positive(story) || *story == "live" => Err(LinkError::Other(OtherLink::Story(bot))),
        ["a" | "c", album] if is_positive(album) => Err(LinkError::Other(OtherLink::Album(bot))),
        [app] if is_app(app) => Err(LinkError::Other(OtherLink::MiniApp(bot))),
        _ => read_params(bot, Scheme::Web, query),
    }
}

/// Parses the parameters after a username. The first valid one decides.
fn read_params(bot: Username, scheme: Scheme, query: &str) -> Result<StartLink, LinkError> {
    let mut refused = None;
    for (name, value) in params(query) {
        let start = match &*name {
            "start" | "startgroup" if !value.bytes().all(is_param_byte) => {
                // TDLib ignores such a parameter. The error is returned only if no other parameter decides.
                refused = Some(LinkError::Param(StartParamError::Invalid));
                continue;
            }
            // An affiliate link: the rest is a referrer for `contacts.resolveUsername`, not a start parameter.
            "start" => match value.strip_prefix("_tgr_") {
                Some(referrer) if !referrer.is_empty() => {
                    return Err(LinkError::Other(OtherLink::Affiliate { bot, referrer: referrer.into() }));
                }
                _ => Start::Private { param: optional(&value)? },
            },
            "startgroup" => {
                let admin = AdminRights::in_group(&first(query, "admin"));
                Start::Group { param: optional(&value)?, admin }
            }
            "startchannel" => match AdminRights::in_channel(&first(query, "admin")) {
                // As in TDLib: without valid rights the link only shows the bot.
                AdminRights::NONE => continue,
                admin => Start::Channel { admin },
            },
            "ref" if !value.is_empty() && value.bytes().all(is_param_byte) => {
                return Err(LinkError::Other(OtherLink::Affiliate { bot, referrer: value }));
            }
            _ => match other_param(scheme, &name, &value, query) {
                Some(other) => return Err(LinkError::Other(other(bot))),
                None => continue,
            },
        };
        return Ok(StartLink { bot, start });
    }
    Err(refused.unwrap_or(LinkError::Other(OtherLink::PublicChat(bot))))
}

/// Returns the kind of link that a parameter other than those for starting bots produces; `None` if it is ignored.
fn other_param(scheme: Scheme, name: &str, value: &str, query: &str) -> Option<fn(Username) -> OtherLink> {
    use Scheme::{Tg, Web};
    let is_word = value.bytes().all(is_param_byte);
    let is_name = Username::without_at(value).is_ok();
    let kind: fn(Username) -> OtherLink = match (scheme, name) {
        (_, "voicechat" | "videochat" | "livestream") if is_word => OtherLink::VideoChat,
        (_, "game") if is_name && value.len() >= 3 => OtherLink::Game,
        (Tg, "appname") if is_name && value.len() >= 3 => OtherLink::MiniApp,
        (Tg, "story") if is_positive(value) || value == "live" => OtherLink::Story,
        (Tg, "collection" | "album") if is_positive(value) => OtherLink::Album,
        (Tg, "startapp") if is_word && !params(query).any(|(name, _)| name == "appname") => OtherLink::MiniApp,
        (Web, "startapp") if is_word => OtherLink::MiniApp,
        (Web, "boost") => OtherLink::Boost,
        (_, "attach") if is_name => OtherLink::AttachMenu,
        (_, "startattach") if first(query, "attach").is_empty() => OtherLink::AttachMenu,
        (_, "direct") => OtherLink::Direct,
        _ => return None,
    };
    Some(kind)
}

/// Parses the start parameter in `value`; an empty value is `None`.
fn optional(value: &str) -> Result<Option<StartParam>, LinkError> {
    match StartParam::parse(value) {
        Ok(param) => Ok(Some(param)),
        Err(StartParamError::Empty) => Ok(None),
        Err(e) => Err(LinkError::Param(e)),
    }
}
