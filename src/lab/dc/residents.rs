//! Default users, bots and groups: one account for starting a bot, and one for each documented error.
//!
//! | name | what it is | `messages.startBot` with it |
//! | --- | --- | --- |
//! | Alice, [`ALICE`], +10000000001 | the account that is signed in | is the caller |
//! | `@bob_nano`, [`BOB`] | another human | 400 `BOT_INVALID` |
//! | `@echo_bot`, [`ECHO_BOT`] | answers `/start X` with a message that contains `X` | done |
//! | `@silent_bot`, [`SILENT_BOT`] | never answers | done |
//! | `@deleted_bot`, [`DELETED_BOT`] | was deleted | 400 `INPUT_USER_DEACTIVATED` |
//! | [`GROUP`] | a basic group of Alice and Bob | done |
//! | [`CLOSED_GROUP`] | a basic group of Bob where members may not add others | 400 `CHAT_ADMIN_REQUIRED` |
//! | [`QUIET_GROUP`] | a basic group of Bob where members may not write | 403 `CHAT_WRITE_FORBIDDEN` |
//! | `@nano_group`, [`SUPERGROUP`] | a supergroup of Alice and Bob | done |
//! | `@closed_group`, [`CLOSED_SUPERGROUP`] | a supergroup of Bob where members may not add others | 400 `CHAT_ADMIN_REQUIRED` |
//! | `@quiet_group`, [`QUIET_SUPERGROUP`] | a supergroup of Bob where members may not write | 403 `CHAT_WRITE_FORBIDDEN` |
//!
//! Two more can sign in, as Bob can with +10000000002: Carol, [`CAROL`], +10000000003, has the password
//! [`CAROLS_PASSWORD`]; Dave, [`DAVE`], +10000000004, lives in data centre 4, so that any other answers 303
//! `PHONE_MIGRATE_4`. Any other number belongs to nobody, and may sign up elsewhere.
//!
//! What needs nobody in particular: an unknown id or a wrong hash as `bot` is `BOT_INVALID`, as `peer`
//! `PEER_ID_INVALID`; `input…FromMessage` with a message that does not show the peer is `MSG_ID_INVALID`; a
//! `random_id` of 0 is `RANDOM_ID_EMPTY`, and for the second time 500 `RANDOM_ID_DUPLICATE`; `start_param` may be `START_PARAM_EMPTY`,
//! `START_PARAM_INVALID` (beside `A-Za-z0-9_-`) or `START_PARAM_TOO_LONG` (over 64).

use super::types::{Group, Manner, PeerId, User};
use super::world::World;

/// The account that is signed in.
pub const ALICE: i64 = 1_000_001;
/// Another human, `@bob_nano`.
pub const BOB: i64 = 1_000_002;
/// A human with a password.
pub const CAROL: i64 = 1_000_003;
/// The password of [`CAROL`]: no secret, as everything here.
pub const CAROLS_PASSWORD: &str = "two factors";
/// A human who lives in data centre 4.
pub const DAVE: i64 = 1_000_004;
/// Those who can sign in, by their first names in small letters.
pub const HUMANS: [(&str, i64); 4] = [("alice", ALICE), ("bob", BOB), ("carol", CAROL), ("dave", DAVE)];
/// `@echo_bot`
pub const ECHO_BOT: i64 = 2_000_001;
/// `@silent_bot`
pub const SILENT_BOT: i64 = 2_000_002;
/// `@deleted_bot`
pub const DELETED_BOT: i64 = 2_000_003;
/// A basic group where everything goes.
pub const GROUP: PeerId = PeerId::Chat(3_000_001);
/// A basic group where Alice may not add others.
pub const CLOSED_GROUP: PeerId = PeerId::Chat(3_000_002);
/// A basic group where Alice may not write.
pub const QUIET_GROUP: PeerId = PeerId::Chat(3_000_003);
/// `@nano_group`, where everything goes.
pub const SUPERGROUP: PeerId = PeerId::Channel(4_000_001);
/// `@closed_group`, where Alice may not add others.
pub const CLOSED_SUPERGROUP: PeerId = PeerId::Channel(4_000_002);
/// `@quiet_group`, where Alice may not write.
pub const QUIET_SUPERGROUP: PeerId = PeerId::Channel(4_000_003);

/// When the groups were made: 2025-01-01.
const DATE: i32 = 1_735_689_600;

impl World {
    /// The residents of this module. Access hashes come from `seed`.
    pub fn new(seed: [u8; 32]) -> Self {
        let mut world = Self::empty(seed);
        let users = [
            (ALICE, "Alice", None, Some("10000000001"), Manner::Human),
            (BOB, "Bob", Some("bob_nano"), Some("10000000002"), Manner::Human),
            (CAROL, "Carol", None, Some("10000000003"), Manner::Human),
            (DAVE, "Dave", None, Some("10000000004"), Manner::Human),
            (ECHO_BOT, "Echo", Some("echo_bot"), None, Manner::Echo),
            (SILENT_BOT, "Silent", Some("silent_bot"), None, Manner::Silent),
            (DELETED_BOT, "Deleted", Some("deleted_bot"), None, Manner::Silent),
        ];
        for (id, first_name, username, phone, manner) in users {
            world.add_user(User {
                id,
                first_name: first_name.into(),
                username: username.map(Into::into),
                phone: phone.map(Into::into),
                manner,
                is_deleted: id == DELETED_BOT,
            });
        }
        world.set_password(CAROL, CAROLS_PASSWORD);
        world.set_home(DAVE, 4);
        let groups = [
            (GROUP, "Nano friends", None, ALICE, BOB),
            (CLOSED_GROUP, "Closed", None, BOB, ALICE),
            (QUIET_GROUP, "Quiet", None, BOB, ALICE),
            (SUPERGROUP, "Nano group", Some("nano_group"), ALICE, BOB),
            (CLOSED_SUPERGROUP, "Closed group", Some("closed_group"), BOB, ALICE),
            (QUIET_SUPERGROUP, "Quiet group", Some("quiet_group"), BOB, ALICE),
        ];
        for (id, title, username, creator, member) in groups {
            let group = Group {
                username: username.map(Into::into),
                may_write: !matches!(id, QUIET_GROUP | QUIET_SUPERGROUP),
                may_invite: !matches!(id, CLOSED_GROUP | CLOSED_SUPERGROUP),
                ..Group::new(title, creator, &[member], DATE)
            };
            world.add_group(id, group);
        }
        world
    }
}
