//! Server answers as JSON: complete, or up to the place that cannot be decoded, with the reason.

use nanogram::telegram::api::LAYER;
use nanogram::telegram::api::updates::Updates;
use nanogram::tl::schema::{Schema, Type};
use nanogram::tl::{DecodeError, Fault, Reader, Tl as _};
use serde_json::{Map, Value, json};

/// Decoded answer, and the part that is not of this layer.
pub(crate) struct Tree {
    pub(crate) read: Value,
    /// Place, constructor and reason; `None` if everything was decoded.
    pub(crate) unread: Option<Value>,
}

/// Decodes an answer by the schema.
pub(crate) fn tree(updates: &Updates) -> Tree {
    let mut bytes = Vec::new();
    updates.write(&mut bytes);
    let Ok(schema) = Schema::telegram() else {
        return Tree { read: json!({ "_": updates.kind.name() }), unread: None };
    };
    let whole = schema.from_bytes(&bytes).map(|value| value.to_json());
    match whole {
        Ok(read) => Tree { read, unread: None },
        Err(_) => {
            let mut read = Map::new();
            read.insert("_".into(), updates.kind.name().into());
            let end = fields(&schema, &mut Reader::new(&bytes), &mut read);
            Tree { read: read.into(), unread: end.err().map(|(place, error)| reason(&place, error)) }
        }
    }
}

/// Decodes the fields of the constructor at `r` into `read`, up to the first that cannot be decoded; the error holds
/// its place and the reason.
fn fields(schema: &Schema<'_>, r: &mut Reader<'_>, read: &mut Map<String, Value>) -> Result<(), (String, DecodeError)> {
    let at = |place: &str| {
        let place = place.to_string();
        |error| (place, error)
    };
    let id = r.u32().map_err(at(""))?;
    let (schema, of) = schema.find(id).ok_or_else(|| (String::new(), r.fault_before(Fault::Id(id))))?;
    let mut words = Vec::new();
    for field in &of.fields {
        let is_there = field
            .when
            .is_none_or(|flag| words.get(usize::from(flag.word)).is_some_and(|word: &u32| word >> flag.bit & 1 == 1));
        match &field.ty {
            Type::Flags => words.push(r.u32().map_err(at(field.name))?),
            _ if !is_there => {}
            Type::Vector(of) => {
                let count = r.vector(4).map_err(at(field.name))?;
                let mut items = Vec::new();
                let result = (0..count).try_for_each(|n| {
                    let item = schema.read(r, of).map_err(at(&format!("{}[{n}]", field.name)))?;
                    items.push(item.to_json());
                    Ok(())
                });
                read.insert(field.name.into(), items.into());
                result?;
            }
            ty => {
                let value = schema.read(r, ty).map_err(at(field.name))?;
                read.insert(field.name.into(), value.to_json());
            }
        }
    }
    r.end().map_err(at(""))
}

/// Reason for an incomplete answer, for programs and for people.
fn reason(place: &str, error: DecodeError) -> Value {
    let (constructor, why) = match error.fault {
        Fault::Id(id) => {
            (Some(format!("{id:x}")), format!("{} does not belong there in layer {LAYER}", constructor(id)))
        }
        _ => (None, error.to_string()),
    };
    json!({ "place": place, "byte": error.at, "constructor": constructor, "layer": LAYER, "why": why })
}

/// Formats a constructor id, with its name if a known layer has it.
pub(crate) fn constructor(id: u32) -> String {
    use nanogram::tl::schema::{API, OLD};
    let number = format!("#{id:x} ");
    let line = [API, OLD].into_iter().flat_map(str::lines).find(|line| line.contains(&number));
    match line.and_then(|line| line.split('#').next()) {
        Some(name) => format!("constructor {name}#{id:x}"),
        None => format!("constructor {id:x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nanogram::telegram::api::updates::{UpdateMessageId, UpdatesList};
    use nanogram::tl::Combinator as _;

    #[test]
    fn what_was_read_before_an_unknown_constructor_is_shown_with_the_reason() {
        let known = UpdateMessageId { id: 4, random_id: 5 };
        let list = UpdatesList { updates: vec![known.into()], users: vec![], chats: vec![], date: 0, seq: 0 };
        let mut wire = list.to_boxed();
        let whole = tree(&Updates::from_bytes(&wire).unwrap());
        assert!(whole.unread.is_none() && whole.read["date"] == 0);
        // A second update, user#20b1422 of another layer, is appended to the first.
        wire[8] = 2;
        wire.truncate(12 + 16);
        wire.extend(0x020b_1422u32.to_le_bytes());
        wire.extend([0; 40]);
        let part = tree(&Updates::from_bytes(&wire).unwrap());
        assert_eq!(part.read["updates"][0]["_"], "updateMessageID");
        assert_eq!((part.read["updates"].as_array().unwrap().len(), part.read.get("users")), (1, None));
        let unread = part.unread.unwrap();
        assert_eq!(
            (&unread["place"], &unread["constructor"], &unread["byte"]),
            (&"updates[1]".into(), &"20b1422".into(), &28.into())
        );
        assert!(unread["why"].as_str().unwrap().contains("layer 229"), "{unread}");
    }
}
