//! Account settings: two-factor password, privacy and notification settings, online status.
//!
//! Spec: api/srp

use super::Boxed;
use crate::tl::{Blob, Hidden};
use crate::{tl, tl_type};
use alloc::string::String;

tl! {
    /// Sets the online status of the account.
    "account.updateStatus#6628562c offline:Bool = Bool;"
    struct UpdateStatus { offline: bool } -> bool

    /// Requests the parameters for a password check.
    "account.getPassword#548a30f5 = account.Password;"
    struct GetPassword {} -> Boxed<Password>
    // `has_password` is left out: the fields of `current_algo` have the same flag and form one tuple.
    /// Parameters for a password check, and the server's half of the SRP exchange.
    "account.password#957b50fb flags:# has_recovery:flags.0?true has_secure_values:flags.1?true has_password:flags.2?true current_algo:flags.2?PasswordKdfAlgo srp_B:flags.2?bytes srp_id:flags.2?long hint:flags.3?string email_unconfirmed_pattern:flags.4?string new_algo:PasswordKdfAlgo new_secure_algo:SecurePasswordKdfAlgo secure_random:bytes pending_reset_date:flags.5?int login_email_pattern:flags.6?string = account.Password;"
    struct Password {
        has_recovery: bool, has_secure_values: bool, current_algo: Option<(PasswordKdfAlgo, Blob, i64)>,
        hint: Option<Hidden>, email_unconfirmed_pattern: Option<Hidden>, new_algo: PasswordKdfAlgo,
        new_secure_algo: SecurePasswordKdfAlgo, secure_random: Blob, pending_reset_date: Option<i32>,
        login_email_pattern: Option<Hidden>,
    }

    /// SRP algorithm of two-factor passwords, the only one currently used.
    "passwordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow#3a912d4a salt1:bytes salt2:bytes g:int p:bytes = PasswordKdfAlgo;"
    struct PasswordKdfAlgoModPow { salt1: Blob, salt2: Blob, g: i32, p: Blob }
    /// Password algorithm unknown in this layer.
    "passwordKdfAlgoUnknown#d45ab096 = PasswordKdfAlgo;"
    struct PasswordKdfAlgoUnknown {}
    /// Password algorithm of Telegram Passport.
    "securePasswordKdfAlgoPBKDF2HMACSHA512iter100000#bbf2dda0 salt:bytes = SecurePasswordKdfAlgo;"
    struct SecurePasswordKdfAlgoPbkdf2 { salt: Blob }
    /// Older password algorithm of Telegram Passport.
    "securePasswordKdfAlgoSHA512#86471d92 salt:bytes = SecurePasswordKdfAlgo;"
    struct SecurePasswordKdfAlgoSha512 { salt: Blob }
    /// Telegram Passport algorithm unknown in this layer.
    "securePasswordKdfAlgoUnknown#4a8537 = SecurePasswordKdfAlgo;"
    struct SecurePasswordKdfAlgoUnknown {}

    /// Empty password check, for an account without a password.
    "inputCheckPasswordEmpty#9880f658 = InputCheckPasswordSRP;"
    struct InputCheckPasswordEmpty {}
    /// The client's half of the SRP exchange, with the proof of the password.
    "inputCheckPasswordSRP#d27ff082 srp_id:long A:bytes M1:bytes = InputCheckPasswordSRP;"
    struct InputCheckPasswordSrpProof { srp_id: i64, a: Blob, m1: Blob }

    /// Actions offered in a chat with a peer, such as reporting, blocking or adding it to the contacts.
    #[derive(Default)]
    "peerSettings#f47741f7 flags:# report_spam:flags.0?true add_contact:flags.1?true block_contact:flags.2?true share_contact:flags.3?true need_contacts_exception:flags.4?true report_geo:flags.5?true autoarchived:flags.7?true invite_members:flags.8?true request_chat_broadcast:flags.10?true business_bot_paused:flags.11?true business_bot_can_reply:flags.12?true geo_distance:flags.6?int request_chat_title:flags.9?string request_chat_date:flags.9?int business_bot_id:flags.13?long business_bot_manage_url:flags.13?string charge_paid_message_stars:flags.14?long registration_month:flags.15?string phone_country:flags.16?string name_change_date:flags.17?int photo_change_date:flags.18?int = PeerSettings;"
    struct PeerSettings {
        report_spam: bool, add_contact: bool, block_contact: bool, share_contact: bool,
        need_contacts_exception: bool, report_geo: bool, autoarchived: bool, invite_members: bool,
        request_chat_broadcast: bool, business_bot_paused: bool, business_bot_can_reply: bool,
        geo_distance: Option<i32>, request_chat_title: Option<(String, i32)>,
        business_bot_id: Option<(i64, String)>, charge_paid_message_stars: Option<i64>,
        registration_month: Option<String>, phone_country: Option<Hidden>, name_change_date: Option<i32>,
        photo_change_date: Option<i32>,
    }
    /// Notification settings of a peer.
    #[derive(Default)]
    "peerNotifySettings#99622c0c flags:# show_previews:flags.0?Bool silent:flags.1?Bool mute_until:flags.2?int ios_sound:flags.3?NotificationSound android_sound:flags.4?NotificationSound other_sound:flags.5?NotificationSound stories_muted:flags.6?Bool stories_hide_sender:flags.7?Bool stories_ios_sound:flags.8?NotificationSound stories_android_sound:flags.9?NotificationSound stories_other_sound:flags.10?NotificationSound = PeerNotifySettings;"
    struct PeerNotifySettings {
        show_previews: Option<bool>, silent: Option<bool>, mute_until: Option<i32>,
        ios_sound: Option<NotificationSound>, android_sound: Option<NotificationSound>,
        other_sound: Option<NotificationSound>, stories_muted: Option<bool>, stories_hide_sender: Option<bool>,
        stories_ios_sound: Option<NotificationSound>, stories_android_sound: Option<NotificationSound>,
        stories_other_sound: Option<NotificationSound>,
    }
}

tl_type! {
    /// Algorithm that derives a number from a two-factor password.
    "PasswordKdfAlgo" enum PasswordKdfAlgo { ModPow(PasswordKdfAlgoModPow), Unknown(PasswordKdfAlgoUnknown) }
    /// Algorithm that derives a key from a Telegram Passport password.
    "SecurePasswordKdfAlgo" enum SecurePasswordKdfAlgo {
        Pbkdf2(SecurePasswordKdfAlgoPbkdf2), Sha512(SecurePasswordKdfAlgoSha512),
        Unknown(SecurePasswordKdfAlgoUnknown),
    }
    /// Proof of a password.
    "InputCheckPasswordSRP" enum InputCheckPasswordSrp {
        Empty(InputCheckPasswordEmpty), Proof(InputCheckPasswordSrpProof),
    }
}

unread! { "NotificationSound" NotificationSound; }
