use super::*;
use crate::telegram::api::peer::PeerUser;
use crate::tl::write_bytes;
use alloc::vec;

/// Encodes `message` with these flags and fields up to its text; `reply` is in the place of `reply_to`.
fn message(flags: u32, id: i32, text: &str, reply: &[u8]) -> Vec<u8> {
    let mut wire = Message::ID.to_le_bytes().to_vec();
    wire.extend((flags | 1 << 8).to_le_bytes());
    wire.extend(0u32.to_le_bytes());
    wire.extend(id.to_le_bytes());
    Peer::user(7).write(&mut wire);
    Peer::user(9).write(&mut wire);
    wire.extend(reply);
    wire.extend(0i32.to_le_bytes());
    write_bytes(text.as_bytes(), &mut wire);
    wire
}

/// Encodes `updateNewMessage` with a message that has `rest` after its text.
fn news(flags: u32, id: i32, text: &str, rest: &[u8]) -> Vec<u8> {
    let mut wire = UpdateNewMessage::ID.to_le_bytes().to_vec();
    wire.extend(message(flags, id, text, &[]));
    wire.extend(rest);
    wire.extend([0; 8]);
    wire
}

fn list(updates: &[Vec<u8>]) -> Updates {
    let mut wire = UpdatesList::ID.to_le_bytes().to_vec();
    tl::VECTOR.write(&mut wire);
    u32::try_from(updates.len()).unwrap().write(&mut wire);
    wire.extend(updates.concat());
    Updates::from_bytes(&wire).unwrap()
}

#[test]
fn texts_are_found_among_other_updates_until_one_is_unknown() {
    let id = UpdateMessageId { id: 4, random_id: 5 }.to_boxed();
    let status = [0xe5, 0xbd, 0xfe, 0xd6, 1, 0, 0, 0]; // not an update
    let plain = news(0, 4, "first", &[]);
    let mut entities = tl::VECTOR.to_le_bytes().to_vec();
    // messageEntityBotCommand#6cef8ac7 offset:int length:int
    entities.extend([1, 0, 0, 0, 0xc7, 0x8a, 0xef, 0x6c, 0, 0, 0, 0, 6, 0, 0, 0]);
    let marked = news(1 << 7, 6, "second", &entities);
    let after = news(0, 8, "never found", &[]);
    let found = list(&[id, plain, marked, status.to_vec(), after]).texts();
    let texts: Vec<_> = found.iter().map(|t| (t.id, t.text.as_str())).collect();
    assert_eq!(texts, [(4, "first"), (6, "second")]);
    assert_eq!(found[0].from, Some(Peer::User(PeerUser { user_id: 7 })));
    assert_eq!(list(&[vec![1, 2, 3, 4]]).texts(), []);
}

#[test]
fn what_the_service_tells_is_found() {
    let mut wire = ServiceNotificationHead::ID.to_le_bytes().to_vec();
    wire.extend(3u32.to_le_bytes());
    wire.extend(9u32.to_le_bytes());
    for text in ["AUTH", "please update"] {
        write_bytes(text.as_bytes(), &mut wire);
    }
    // messageMediaEmpty#3ded6320, and no entities
    wire.extend(0x3ded_6320u32.to_le_bytes());
    tl::VECTOR.write(&mut wire);
    wire.extend([0; 4]);
    let two = list(&[UpdateLoginToken {}.to_boxed(), wire.clone()]);
    assert_eq!((two.notifications(), two.texts()), (vec!["please update".into()], vec![]));
    let short = [&UpdateShort::ID.to_le_bytes(), &wire[..], &[0; 4]].concat();
    assert_eq!(Updates::from_bytes(&short).unwrap().notifications(), ["please update"]);
}

#[test]
fn a_reply_has_a_text_too() {
    // messageReplyHeader without any flags
    let line = include_str!("../../../../tl/api.tl").lines().find(|l| l.starts_with("messageReplyHeader#")).unwrap();
    let mut reply = tl::line::written_id(line).to_le_bytes().to_vec();
    reply.extend([0; 4]);
    let mut wire = UpdateNewMessage::ID.to_le_bytes().to_vec();
    wire.extend(message(1 << 3, 4, "answer", &reply));
    wire.extend([0; 8]);
    assert_eq!(list(&[wire]).texts()[0].text, "answer");
}

#[test]
fn the_seven_kinds_and_no_other_are_updates() {
    for (id, name, kind) in UpdatesKind::ALL {
        assert_eq!(Updates::from_bytes(&id.to_le_bytes()).unwrap().kind, kind);
        assert_eq!((kind.id(), kind.name()), (id, name));
    }
    assert!(Updates::from_bytes(&State::ID.to_le_bytes()).is_err());
}
