//! All forms of links that start a bot, and the classification of other links.

use nanogram::telegram::link::{
    AdminRights, LinkError, OtherLink, Start, StartLink, StartParam, StartParamError, Username, ignored_part,
};
use rand::rngs::ChaCha12Rng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

/// TDLib's names for the rights of `chatAdministratorRights`, in its order.
const TDLIB: &[(&str, AdminRights)] = &[
    ("can_manage_chat", AdminRights::OTHER),
    ("change_info", AdminRights::CHANGE_INFO),
    ("post_messages", AdminRights::POST_MESSAGES),
    ("edit_messages", AdminRights::EDIT_MESSAGES),
    ("delete_messages", AdminRights::DELETE_MESSAGES),
    ("invite_users", AdminRights::INVITE_USERS),
    ("restrict_members", AdminRights::BAN_USERS),
    ("pin_messages", AdminRights::PIN_MESSAGES),
    ("manage_topics", AdminRights::MANAGE_TOPICS),
    ("promote_members", AdminRights::ADD_ADMINS),
    ("manage_video_chats", AdminRights::MANAGE_CALL),
    ("post_stories", AdminRights::POST_STORIES),
    ("edit_stories", AdminRights::EDIT_STORIES),
    ("delete_stories", AdminRights::DELETE_STORIES),
    ("manage_direct_messages", AdminRights::MANAGE_DIRECT_MESSAGES),
    ("manage_tags", AdminRights::MANAGE_RANKS),
    ("anonymous", AdminRights::ANONYMOUS),
];

fn tdlib_rights(admin: AdminRights) -> Vec<&'static str> {
    let names: Vec<_> = TDLIB.iter().filter(|(_, right)| admin.contains(*right)).map(|(name, _)| *name).collect();
    let all = TDLIB.iter().filter(|(_, right)| admin.contains(*right)).fold(AdminRights::NONE, |all, r| all | r.1);
    assert_eq!(all, admin, "a flag without a name");
    names
}

/// Converts a link to the form of the vectors.
fn described(link: &Result<StartLink, LinkError>) -> Value {
    let text = |param: &Option<StartParam>| param.as_ref().map_or(String::new(), ToString::to_string);
    match link {
        Ok(StartLink { bot, start }) => match start {
            Start::Private { param } => json!({"type": "bot_start", "bot": bot.as_str(), "param": text(param)}),
            Start::Group { param, admin } => json!({"type": "bot_start_in_group", "bot": bot.as_str(),
                "admin_rights": tdlib_rights(*admin), "param": text(param)}),
            Start::Channel { admin } => {
                json!({"type": "bot_add_to_channel", "bot": bot.as_str(), "admin_rights": tdlib_rights(*admin)})
            }
        },
        Err(LinkError::NotTelegram) => json!({"type": "not_internal"}),
        Err(LinkError::Unknown) => json!({"type": "unknown_deep_link"}),
        Err(LinkError::Other(OtherLink::PublicChat(name))) => json!({"type": "public_chat", "username": name.as_str()}),
        Err(LinkError::Other(OtherLink::Affiliate { bot, referrer })) => {
            json!({"type": "affiliate_program", "bot": bot.as_str(), "referrer": referrer})
        }
        Err(e) => json!({"type": format!("{e:?}")}),
    }
}

fn vectors() -> Vec<(String, Value)> {
    let file: Value = serde_json::from_str(include_str!("../fixtures/vectors.json")).unwrap();
    let links = file["vectors"].as_array().unwrap().iter().filter(|v| v["group"] == "deep_link");
    links.map(|v| (v["data"]["url"].as_str().unwrap().to_owned(), v["data"]["expect"].clone())).collect()
}

#[test]
fn links_mean_what_tdlib_says() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 40);
    for (url, expect) in vectors {
        let link = url.parse::<StartLink>();
        assert_eq!(described(&link), expect, "{url}");
        if let Ok(link) = link {
            assert_eq!(link.to_string().parse().as_ref(), Ok(&link), "{url}");
        }
    }
}

fn private(bot: &str, param: &str) -> Result<StartLink, LinkError> {
    let start = Start::Private { param: StartParam::parse(param).ok() };
    Ok(StartLink { bot: Username::parse(bot).unwrap(), start })
}

#[test]
fn hosts_schemes_and_ports() {
    for url in [
        "t.me/bot?start=x",
        "http://t.me/bot?start=x",
        "HTTPS://WWW.T.ME/Bot?start=x",
        "https://t.me:443/bot/?start=x",
        "t.me:0080/bot?start=x&other=1",
        "telegram.me/bot?start=x",
        "telegram.dog/bot/?start=x#fragment?start=y",
        "%74.me/%62ot?%73tart=%78",
        "t.me/s/bot?start=x",
        "t.me/%73/s/bot?start=x",
        "bot.t.me?start=x",
        "https://bot.t.me/?start=x",
        "tg:resolve?domain=bot&start=x",
        "tg:resolve/?start=x&domain=BOT",
        "  tg://resolve?domain=bot&start=x\n",
    ] {
        assert_eq!(url.parse(), private("bot", "x"), "{url}");
    }
    for url in [
        "",
        "#",
        "://",
        "tg:",
        "tg://",
        "bot",
        "t.me",
        "t.me/",
        "t.me/?start=x",
        "t.me//bot?start=x",
        "t.me:8443/bot?start=x",
        "t.me:/bot?start=x",
        "t.me:+80/bot?start=x",
        "t.me:65616/bot?start=x",
        "me@t.me/bot?start=x",
        "ftp://t.me/bot?start=x",
        "https:/t.me/bot?start=x",
        "[t.me]/bot?start=x",
        "t.me.example.org/bot?start=x",
        "example.org/t.me/bot?start=x",
        "www.bot.t.me?start=x",
        "www.t.me?start=x",
        "a.t.me?start=x",
        "web.t.me?start=x",
        "a.bot.t.me?start=x",
        "telegram.org/bot?start=x",
    ] {
        assert_eq!(url.parse::<StartLink>(), Err(LinkError::NotTelegram), "{url}");
    }
}

#[test]
fn the_configured_host_is_one_more() {
    let url = "https://tlgr.example/bot?start=x";
    assert_eq!(url.parse::<StartLink>(), Err(LinkError::NotTelegram));
    assert_eq!(StartLink::parse(url, Some("https://tlgr.example/")), private("bot", "x"));
    assert_eq!(StartLink::parse("t.me/bot?start=x", Some("https://TLGR.example/")), private("bot", "x"));
    for prefix in ["", "/", "https://", "https://other.example/"] {
        assert_eq!(StartLink::parse(url, Some(prefix)), Err(LinkError::NotTelegram), "{prefix}");
    }
}

#[test]
fn the_first_parameter_that_means_something_wins() {
    assert_eq!("t.me/bot?start=1&startgroup=2".parse(), private("bot", "1"));
    assert_eq!("t.me/bot?nothing=0&startchannel&start=1".parse(), private("bot", "1"));
    assert_eq!("t.me/bot?start=%20&start=1".parse(), private("bot", "1"));
    let app = LinkError::Other(OtherLink::MiniApp(Username::parse("bot").unwrap()));
    assert_eq!("t.me/bot?startapp=1&start=1".parse::<StartLink>(), Err(app));
}

#[test]
fn another_link_says_what_it_is() {
    for (url, kind, says) in [
        ("t.me/name", "PublicChat", "only shows @name"),
        ("t.me/name?startchannel", "PublicChat", "only shows @name"),
        ("t.me/name?profile", "PublicChat", "only shows @name"),
        ("t.me/bot?startapp=1", "MiniApp", "mini app of @bot"),
        ("t.me/bot/app?startapp=1", "MiniApp", "mini app of @bot"),
        ("tg:resolve?domain=bot&appname=app&startapp=1", "MiniApp", "mini app of @bot"),
        ("t.me/bot?startattach=1", "AttachMenu", "attachment menu with @bot"),
        ("t.me/name?attach=bot&startattach=1", "AttachMenu", "attachment menu with @name"),
        ("t.me/bot?game=chess", "Game", "a game of @bot"),
        ("t.me/name/123?start=1", "Message", "a message in @name"),
        ("tg:resolve?domain=name&post=1&start=1", "Message", "a message in @name"),
        ("t.me/name/s/12", "Story", "a story of @name"),
        ("t.me/name/a/12", "Album", "collection of @name"),
        ("t.me/name?videochat", "VideoChat", "a video chat of @name"),
        ("t.me/name?boost&start=1", "Boost", "boosts @name"),
        ("t.me/name?direct", "Direct", "direct messages of @name"),
        ("t.me/bot?ref=friend", "Affiliate", "recommended by \"friend\""),
        ("t.me/+AbCd_1?start=1", "Invite", "invites to a group"),
        ("t.me/joinchat/AbCd?start=1", "Invite", "invites to a group"),
        ("t.me/+4912345", "Phone", "a phone number"),
        ("tg:resolve?phone=4912345", "Phone", "a phone number"),
        ("t.me/addstickers/Name", "Page", "a Telegram page"),
        ("t.me/$invoice", "Page", "a Telegram page"),
    ] {
        let Err(LinkError::Other(other)) = url.parse::<StartLink>() else { panic!("{url}") };
        assert!(format!("{other:?}").starts_with(kind), "{url}: {other:?}");
        assert!(other.to_string().contains(says), "{url}: {other}");
    }
}

#[test]
fn a_link_whose_parameter_would_be_lost_says_what_is_odd() {
    for (url, says) in [
        ("tg://resolve?domain=echo_bot&amp;start=abc", "`&amp;` is HTML"),
        ("t.me/echo_bot?Start=abc", "called `start`"),
        ("t.me/echo_bot?START=abc", "called `start`"),
        ("t.me/echo_bot?%53tart=abc", "called `start`"),
        ("t.me/echo_bot?  start=abc", "called `start`"),
        ("t.me/echo_bot/start=abc", "follows `?`"),
        ("echo_bot.t.me/start=abc", "follows `?`"),
        ("t.me/echo_bot#start=abc", "follows `?`"),
        ("t.me/echo_bot?id=1", "\"id\" starts nothing"),
        ("t.me/echo_bot?text=hello", "\"text\" starts nothing"),
        ("t.me/echo_bot?profile", "\"profile\" starts nothing"),
        ("t.me/echo_bot?startchannel", "needs `admin`"),
        ("tg://resolve?domain=echo_bot&Start=abc", "called `start`"),
    ] {
        let error = url.parse::<StartLink>().unwrap_err();
        assert!(matches!(error, LinkError::Other(OtherLink::PublicChat(_))), "{url}: {error:?}");
        assert!(ignored_part(url).is_some_and(|odd| odd.contains(says)), "{url}: {:?}", ignored_part(url));
    }
    for bare in ["t.me/bot", "https://t.me/bot/", "t.me/s/bot", "bot.t.me", "tg://resolve?domain=bot", "www.t.me/bot"] {
        assert_eq!(ignored_part(bare), None, "{bare}");
    }
    let passport = "tg://resolve?domain=telegrampassport&bot_id=1&public_key=k&scope=s&payload=n";
    assert_eq!(passport.parse::<StartLink>(), Err(LinkError::Other(OtherLink::Passport)));
}

#[test]
fn a_bad_parameter_is_refused_as_the_server_would() {
    for (text, error, name) in [
        ("", StartParamError::Empty, "START_PARAM_EMPTY"),
        (&"a".repeat(65), StartParamError::TooLong, "START_PARAM_TOO_LONG"),
        ("a b", StartParamError::Invalid, "START_PARAM_INVALID"),
        ("ä", StartParamError::Invalid, "START_PARAM_INVALID"),
        ("a=b", StartParamError::Invalid, "START_PARAM_INVALID"),
    ] {
        assert_eq!(StartParam::parse(text), Err(error));
        assert_eq!(error.server_type(), name);
        assert!(error.to_string().contains(name));
    }
    assert_eq!(StartParam::parse(&"-".repeat(64)).unwrap().as_str().len(), 64);
    let long = format!("t.me/bot?start={}", "a".repeat(65));
    assert_eq!(long.parse::<StartLink>(), Err(LinkError::Param(StartParamError::TooLong)));
    assert_eq!("t.me/bot?start=a%20b".parse::<StartLink>(), Err(LinkError::Param(StartParamError::Invalid)));
    assert_eq!("t.me/bot?start=%ff".parse::<StartLink>(), Err(LinkError::Param(StartParamError::Invalid)));
}

#[test]
fn usernames() {
    for good in ["a", "A1", "a_b", "@Name_1", &"x".repeat(32)] {
        assert!(Username::parse(good).is_ok(), "{good}");
    }
    for bad in ["", "@", "@@a", "1a", "_a", "a_", "a__b", "a-b", "ä", &"x".repeat(33)] {
        assert!(Username::parse(bad).is_err(), "{bad}");
    }
    let (one, other) = (Username::parse("Some_Bot").unwrap(), Username::parse("@sOME_bOT").unwrap());
    assert_eq!(one, other);
    assert_eq!(one.cmp(&other), std::cmp::Ordering::Equal);
    assert_eq!(std::collections::HashSet::from([one, other]).len(), 1);
    assert!(matches!("t.me/a__b?start=1".parse::<StartLink>(), Err(LinkError::Username(_))));
    assert!(matches!("tg:resolve?domain=@bot&start=1".parse::<StartLink>(), Err(LinkError::Username(_))));
}

#[test]
fn what_is_written_reads_the_same() {
    let param = StartParam::parse("p-1").ok();
    let rights =
        [AdminRights::NONE, AdminRights::in_group("manage_chat"), AdminRights::in_group("anonymous+pin_messages")];
    let mut starts = vec![Start::Private { param: None }, Start::Private { param: param.clone() }];
    for admin in rights {
        starts.push(Start::Group { param: None, admin });
        starts.push(Start::Group { param: param.clone(), admin });
    }
    starts.push(Start::Channel { admin: AdminRights::in_channel("post_messages edit_messages unknown") });
    starts.push(Start::Channel { admin: AdminRights::in_channel("manage_chat") });
    // Some names are also pages of t.me, and can only be written in the tg: form.
    for bot in ["Some_Bot", "c", "s", "i", "boost", "joinchat", "share", "newbot", "www"] {
        for start in &starts {
            let link = StartLink { bot: Username::parse(bot).unwrap(), start: start.clone() };
            assert_eq!(link.to_string().parse().as_ref(), Ok(&link), "{link}");
        }
    }
}

#[test]
fn nothing_panics_and_what_reads_can_be_written() {
    let vectors = vectors();
    let mut rng = ChaCha12Rng::seed_from_u64(11);
    const PIECES: &[&str] = &[
        "%",
        "%4",
        "%ff",
        "%00",
        "%2F",
        "+",
        "#",
        "?",
        "&",
        "=",
        "@",
        ":",
        "//",
        "[",
        "]",
        "é",
        "\u{0}",
        " ",
        "start",
        "startgroup=",
        "startchannel",
        "&admin=",
        "tg:",
        "tg://",
        "https://",
        "t.me",
        ".t.me",
        "www.",
        ":443",
        "/s/",
    ];
    let mut links = 0;
    for _ in 0..100_000 {
        let mut text = vectors[rng.random_range(0..vectors.len())].0.clone();
        for _ in 0..rng.random_range(1..6) {
            let at = (0..=rng.random_range(0..=text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
            match rng.random_range(0..3) {
                0 => text.insert_str(at, PIECES[rng.random_range(0..PIECES.len())]),
                1 => text.truncate(at),
                _ => drop(text.drain(..at)),
            }
        }
        match text.parse::<StartLink>() {
            Ok(link) => {
                links += 1;
                assert_eq!(link.to_string().parse().as_ref(), Ok(&link), "{text:?}");
            }
            Err(e) => assert!(!e.to_string().is_empty()),
        }
    }
    assert!(links > 1_000, "only {links} of the texts were links");
}

#[test]
fn what_stands_beside_the_parameter_that_decides_is_named() {
    for (link, odd) in [
        ("t.me/bot?start=a", None),
        ("t.me/bot?startgroup=a&admin=pin_messages", None),
        ("tg:resolve?start=a&domain=bot", None),
        ("t.me/bot?startchannel&admin=post_messages", None),
        ("t.me/bot?start=a&start=b", Some("only the first `start` counts")),
        ("t.me/bot?start=a&startgroup=b", Some("has no effect beside `start`")),
        ("t.me/bot?start=a&admin=pin_messages", Some("has no effect beside `start`")),
        ("tg:resolve?domain=bot&start=a&domain=other", Some("only the first `domain` counts")),
        ("t.me/bot?startgroup=a&admin=pin_messages&admin=x", Some("only the first `admin` counts")),
        ("t.me/bot/more/parts?start=a", Some("after the name")),
        ("t.me/bot?start=a&amp;x=1", Some("HTML")),
    ] {
        assert!(link.parse::<StartLink>().is_ok(), "{link}");
        let found = ignored_part(link);
        assert_eq!(found.is_some(), odd.is_some(), "{link}: {found:?}");
        assert!(odd.is_none_or(|odd| found.is_some_and(|found| found.contains(odd))), "{link}");
    }
}

#[test]
fn a_tg_link_of_another_kind_is_named() {
    for (link, says) in [
        ("tg://passport?bot_id=1", "requests documents from Telegram Passport"),
        ("tg:secureid?bot_id=1", "requests documents from Telegram Passport"),
        ("tg://join?invite=x", "invites to a group"),
        ("tg://addstickers?set=x", "opens a sticker set"),
        ("tg://settings/devices", "opens the settings"),
        ("tg://proxy?server=x", "opens the settings of a proxy"),
        ("tg://user?id=1", "opens a chat by its id"),
    ] {
        let error = link.parse::<StartLink>().unwrap_err();
        assert!(error.to_string().contains(says), "{link}: {error}");
    }
    assert_eq!("tg://nothing".parse::<StartLink>(), Err(LinkError::Unknown));
}
