//! Answers of the built-in bots.

use super::types::Manner;
use alloc::format;
use alloc::string::String;

/// Answer of the bot `username` to `text`. In groups it receives commands only.
///
/// `/start X` is answered with a message that contains `X`; other words, in a private chat, with themselves.
pub(super) fn answer(manner: Manner, username: &str, text: &str, is_private: bool) -> Option<String> {
    match manner {
        Manner::Human | Manner::Silent => return None,
        Manner::Echo => {}
    }
    let (command, parameter) = text.split_once(' ').unwrap_or((text, ""));
    let (command, to) = command.split_once('@').unwrap_or((command, username));
    match command {
        "/start" if !to.eq_ignore_ascii_case(username) => None,
        "/start" if parameter.is_empty() => Some("You started me without a parameter.".into()),
        "/start" => Some(format!("You started me with: {parameter}")),
        _ => is_private.then(|| text.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_echo_bot_answers_what_is_meant_for_it() {
        let echo = |text, is_private| answer(Manner::Echo, "echo_bot", text, is_private);
        assert!(echo("/start hello_42", true).unwrap().contains("hello_42"));
        assert!(echo("/start@echo_bot hello_42", false).unwrap().contains("hello_42"));
        assert!(echo("/start", true).is_some());
        assert_eq!(echo("/start@other_bot hello_42", false), None);
        assert_eq!(echo("good morning", true).as_deref(), Some("good morning"));
        assert_eq!(echo("good morning", false), None);
        assert_eq!(answer(Manner::Silent, "silent_bot", "/start x", true), None);
    }
}
