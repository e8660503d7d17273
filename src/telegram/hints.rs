//! Hints for server errors: one sentence for each documented error of starting bots and signing in.
//!
//! Small programs link only [`start::hint`]; the tables here are for the client, the command line and the C ABI.

use crate::protocol::session::RpcError;
use crate::{telegram::login, telegram::start};

/// Returns advice for the user whose call failed with `error`; `None` if the error is not documented for the calls made
/// by this crate.
///
/// ```
/// use nanogram::telegram::hints::hint;
/// use nanogram::protocol::session::RpcError;
/// assert_eq!(hint(&RpcError::new(400, "PEER_FLOOD")), Some("this account is limited for spam: ask @SpamBot until when"));
/// assert_eq!(hint(&RpcError::new(400, "NO_SUCH_ERROR")), None);
/// ```
///
/// Spec: api/errors, and the section *Possible errors* of each method
#[must_use]
pub fn hint(error: &RpcError) -> Option<&'static str> {
    let (kind, _) = error.kind();
    let listed = || HINTS.iter().find(|row| row.0 == kind).map(|row| row.1);
    start::hint(error).or_else(|| login::hint(error)).or_else(listed)
}

const HINTS: [(&str, &str); 82] = [
    // Accounts and permissions.
    (
        "FROZEN_METHOD_INVALID",
        "this account is frozen: see the message from Telegram in an official app, and appeal there",
    ),
    ("PEER_FLOOD", "this account is limited for spam: ask @SpamBot until when"),
    ("ALLOW_PAYMENT_REQUIRED", "this chat takes a number of Telegram Stars for each message: pay in an official app"),
    ("BALANCE_TOO_LOW", "the account has too few Telegram Stars: buy more in an official app"),
    ("PAYMENT_UNSUPPORTED", "this needs a payment that only official apps can make"),
    ("PREMIUM_ACCOUNT_REQUIRED", "only accounts with Telegram Premium may do this"),
    ("PRIVACY_PREMIUM_REQUIRED", "this user takes messages from accounts with Telegram Premium only"),
    ("USER_BLOCKED", "this user is blocked: unblock it first"),
    ("USER_BANNED_IN_CHANNEL", "this account may not write in groups and channels: ask @SpamBot until when"),
    ("USER_IS_BOT", "bots cannot write to bots: sign in as a user"),
    ("SLOWMODE_WAIT", "this group is in slow mode: wait as many seconds as the number says"),
    // The call.
    ("CONNECTION_LAYER_INVALID", "the server does not take this API layer: use a newer version of this program"),
    ("RANDOM_ID_EMPTY", "random_id must not be zero: draw a random one"),
    ("MSG_WAIT_FAILED", "an earlier call that this one waited for has failed: try again"),
    ("STARREF_EXPIRED", "the referral link is over: use the bot's own username"),
    ("INPUT_CONSTRUCTOR_INVALID", "the server does not take a value of this kind here"),
    // The chat.
    (
        "CHANNEL_INVALID",
        "there is no such channel, or its access hash is of another account: resolve its username again",
    ),
    ("CHANNEL_MONOFORUM_UNSUPPORTED", "this cannot be done in a channel's direct messages: pick another chat"),
    (
        "CHANNEL_PRIVATE",
        "this account is not a member of this private group or channel, or was banned from it: join it first",
    ),
    ("CHAT_FORWARDS_RESTRICTED", "this chat's messages are protected and cannot be forwarded"),
    ("CHAT_GUEST_SEND_FORBIDDEN", "only members may write in this discussion group: join it first"),
    ("CHAT_ID_INVALID", "there is no basic group with this id: check it, and whether it has become a supergroup"),
    ("CHAT_RESTRICTED", "this account is restricted in this chat: ask an administrator"),
    ("CHAT_SEND_PLAIN_FORBIDDEN", "this group takes no text messages: ask an administrator, or pick another chat"),
    ("ENCRYPTION_DECLINED", "the other party has declined the secret chat"),
    ("PINNED_DIALOGS_TOO_MUCH", "too many chats are pinned: unpin one"),
    ("SEND_AS_PEER_INVALID", "this account may not write under that name: leave out send_as"),
    ("TOPIC_CLOSED", "this topic is closed: pick another one, or ask an administrator to open it"),
    ("TOPIC_DELETED", "this topic was deleted: pick another one"),
    // The message.
    ("MESSAGE_EMPTY", "the message has no text: write at least one visible character"),
    ("MESSAGE_TOO_LONG", "the message is longer than 4096 characters: split it"),
    ("ENTITIES_TOO_LONG", "the message has more than 100 entities: use fewer"),
    ("ENTITY_BOUNDS_INVALID", "an entity lies outside of the text: offsets and lengths count UTF-16 units"),
    ("ENTITY_MENTION_USER_INVALID", "the user mentioned is not known to this account: resolve the username first"),
    ("FROM_MESSAGE_BOT_DISABLED", "bots cannot name a peer by a message: give its access hash"),
    ("DOCUMENT_INVALID", "the document does not exist, or its access hash is of another account"),
    ("POLL_OPTION_INVALID", "an option of the poll is empty, too long or given twice"),
    ("WC_CONVERT_URL_INVALID", "the preview's address is not valid: write it in full, with https"),
    // Replies, stories and suggested posts.
    ("QUOTE_TEXT_INVALID", "the quote is not in the message replied to: copy it exactly"),
    ("REPLY_MESSAGE_ID_INVALID", "the message replied to does not exist in this chat: check its id"),
    ("REPLY_TO_INVALID", "there is nothing to reply to here: check what reply_to names"),
    ("REPLY_TO_MONOFORUM_PEER_INVALID", "the user replied to has no thread in the channel's direct messages"),
    ("REPLY_TO_USER_INVALID", "the user replied to is not known to this account: resolve the username first"),
    ("STORIES_NEVER_CREATED", "this peer has never posted a story: check whom you reply to"),
    ("STORY_ID_INVALID", "the story does not exist, or is over: check its id"),
    ("SUGGESTED_POST_AMOUNT_INVALID", "the price of the suggested post is out of range"),
    ("SUGGESTED_POST_PEER_INVALID", "posts can be suggested in a channel's direct messages only"),
    // Buttons.
    ("ADMIN_RIGHTS_EMPTY", "a button that asks for a chat names no administrator rights: set one, or leave them out"),
    ("BOT_DOMAIN_INVALID", "the button's address is not of the bot's domain: set that with @BotFather"),
    ("BUTTON_COPY_TEXT_INVALID", "a button's text to copy is empty or longer than 256 characters"),
    ("BUTTON_DATA_INVALID", "a button's data are empty or longer than 64 bytes"),
    ("BUTTON_ID_INVALID", "a button's number is not valid"),
    ("BUTTON_TYPE_INVALID", "a button is of a kind that is not allowed here"),
    ("BUTTON_URL_INVALID", "a button's address is not valid: write it in full, with https"),
    ("BUTTON_USER_INVALID", "a button names a user that is not known to this account"),
    ("BUTTON_USER_PRIVACY_RESTRICTED", "a button names a user whose privacy settings forbid it"),
    ("PEER_TYPES_INVALID", "a button names no valid kinds of chats"),
    ("REPLY_MARKUP_INVALID", "the buttons are not valid together: check their rows and kinds"),
    ("REPLY_MARKUP_TOO_LONG", "there are too many buttons: use fewer, or shorter data"),
    // Scheduled messages, quick replies, business accounts.
    ("SCHEDULE_BOT_NOT_ALLOWED", "bots cannot schedule messages: sign in as a user"),
    ("SCHEDULE_DATE_TOO_LATE", "a message can be scheduled for at most a year from now"),
    ("SCHEDULE_STATUS_PRIVATE", "this user hides when they are online: schedule for a date"),
    ("SCHEDULE_TOO_MUCH", "too many messages are scheduled in this chat: at most 100"),
    ("QUICK_REPLIES_BOT_NOT_ALLOWED", "bots have no quick replies: sign in as a user"),
    ("QUICK_REPLIES_TOO_MUCH", "there are too many quick replies: delete one"),
    ("REPLY_MESSAGES_TOO_MUCH", "this quick reply has too many messages: delete one"),
    ("BUSINESS_CONNECTION_INVALID", "the business connection does not exist, or was ended: check its id"),
    ("BUSINESS_PEER_INVALID", "the business connection does not reach this chat"),
    ("BUSINESS_PEER_USAGE_MISSING", "this user has not written to the business account recently: wait for a message"),
    // Signing in.
    ("AUTH_KEY_UNSYNCHRONIZED", "the servers do not all know the new key yet: try again"),
    ("PHONE_NUMBER_APP_SIGNUP_FORBIDDEN", "this program cannot sign up: use an official app"),
    ("PHONE_PASSWORD_PROTECTED", "the account has a password that must be given first: use an official app"),
    ("SIGN_IN_FAILED", "the server could not sign in: try again later"),
    ("SMS_CODE_CREATE_FAILED", "the server could not make a code: try again later"),
    ("SRP_ID_INVALID", "the server's question about the password is too old: try again"),
    ("SRP_PASSWORD_CHANGED", "the password was changed meanwhile: try again with the new one"),
    // Any call.
    ("FLOOD_PREMIUM_WAIT", "too many calls without Telegram Premium: wait as many seconds as the number says"),
    ("INPUT_METHOD_INVALID", "the server does not know this call: use a newer version of this program"),
    ("INPUT_REQUEST_TOO_LONG", "the call is too large: send less at once"),
    ("PERSISTENT_TIMESTAMP_OUTDATED", "the server has an internal problem: try again later"),
    ("RPC_CALL_FAIL", "the server has an internal problem: try again later"),
    ("TIMEOUT", "the server was too slow: try again later"),
];
