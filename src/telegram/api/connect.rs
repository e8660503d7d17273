//! Wrappers for the first call of a connection, and the configuration of the data centres.
//!
//! Spec: api/invoking, api/datacenter

use super::Boxed;
use crate::tl;
use crate::tl::line::Shape;
use crate::tl::{Blob, Combinator, DecodeError, Fault, Raw, Reader, Tl};
use alloc::string::String;
use alloc::vec::Vec;

tl! {
    /// Wrapper that states the API layer of the call. It is the outermost wrapper except for `invokeAfterMsg`.
    "invokeWithLayer#da9b0d0d {X:Type} layer:int query:!X = X;"
    struct InvokeWithLayer { layer: i32, query: Raw }

    /// Wrapper that identifies the application and device.
    "initConnection#c1cd5ea9 {X:Type} flags:# api_id:int device_model:string system_version:string app_version:string system_lang_code:string lang_pack:string lang_code:string proxy:flags.0?InputClientProxy params:flags.1?JSONValue query:!X = X;"
    struct InitConnection {
        api_id: i32, device_model: String, system_version: String, app_version: String,
        system_lang_code: String, lang_pack: String, lang_code: String, proxy: Option<Boxed<InputClientProxy>>,
        params: Option<JsonValue>, query: Raw,
    }

    /// The MTProxy used by a connection.
    "inputClientProxy#75588b3f address:string port:int = InputClientProxy;"
    struct InputClientProxy { address: String, port: i32 }

    /// Wrapper for a call to be executed after the call in message `msg_id`.
    "invokeAfterMsg#cb9f372d {X:Type} msg_id:long query:!X = X;"
    struct InvokeAfterMsg { msg_id: i64, query: Raw }
    /// Wrapper for a call to be executed after the calls in all messages `msg_ids`.
    "invokeAfterMsgs#3dc4b4f0 {X:Type} msg_ids:Vector<long> query:!X = X;"
    struct InvokeAfterMsgs { msg_ids: Vec<i64>, query: Raw }
    /// Wrapper for a call on a connection that receives no updates.
    "invokeWithoutUpdates#bf9459b7 {X:Type} query:!X = X;"
    struct InvokeWithoutUpdates { query: Raw }
    /// Wrapper for a call limited to a range of messages.
    "invokeWithMessagesRange#365275f2 {X:Type} range:MessageRange query:!X = X;"
    struct InvokeWithMessagesRange { range: Boxed<MessageRange>, query: Raw }
    /// Range of messages from `min_id` to `max_id`.
    "messageRange#ae30253 min_id:int max_id:int = MessageRange;"
    struct MessageRange { min_id: i32, max_id: i32 }
    /// Wrapper for a call that is part of a data export.
    "invokeWithTakeout#aca9fd2e {X:Type} takeout_id:long query:!X = X;"
    struct InvokeWithTakeout { takeout_id: i64, query: Raw }

    /// Requests addresses and limits.
    "help.getConfig#c4f9186b = Config;"
    struct GetConfig {} -> Boxed<Config>
    // `suggested_lang_code` and the two versions of language packs share one flag, so they form one tuple.
    /// Addresses of the data centres, and limits.
    #[derive(Default)]
    "config#cc1a241e flags:# default_p2p_contacts:flags.3?true preload_featured_stickers:flags.4?true revoke_pm_inbox:flags.6?true blocked_mode:flags.8?true force_try_ipv6:flags.14?true date:int expires:int test_mode:Bool this_dc:int dc_options:Vector<DcOption> dc_txt_domain_name:string chat_size_max:int megagroup_size_max:int forwarded_count_max:int online_update_period_ms:int offline_blur_timeout_ms:int offline_idle_timeout_ms:int online_cloud_timeout_ms:int notify_cloud_delay_ms:int notify_default_delay_ms:int push_chat_period_ms:int push_chat_limit:int edit_time_limit:int revoke_time_limit:int revoke_pm_time_limit:int rating_e_decay:int stickers_recent_limit:int channels_read_media_period:int tmp_sessions:flags.0?int call_receive_timeout_ms:int call_ring_timeout_ms:int call_connect_timeout_ms:int call_packet_timeout_ms:int me_url_prefix:string autoupdate_url_prefix:flags.7?string gif_search_username:flags.9?string venue_search_username:flags.10?string img_search_username:flags.11?string static_maps_provider:flags.12?string caption_length_max:int message_length_max:int webfile_dc_id:int suggested_lang_code:flags.2?string lang_pack_version:flags.2?int base_lang_pack_version:flags.2?int reactions_default:flags.15?Reaction autologin_token:flags.16?string = Config;"
    struct Config {
        default_p2p_contacts: bool, preload_featured_stickers: bool, revoke_pm_inbox: bool, blocked_mode: bool,
        force_try_ipv6: bool, date: i32, expires: i32, test_mode: bool, this_dc: i32,
        dc_options: Vec<Boxed<DcOption>>, dc_txt_domain_name: String, chat_size_max: i32,
        megagroup_size_max: i32, forwarded_count_max: i32, online_update_period_ms: i32,
        offline_blur_timeout_ms: i32, offline_idle_timeout_ms: i32, online_cloud_timeout_ms: i32,
        notify_cloud_delay_ms: i32, notify_default_delay_ms: i32, push_chat_period_ms: i32,
        push_chat_limit: i32, edit_time_limit: i32, revoke_time_limit: i32, revoke_pm_time_limit: i32,
        rating_e_decay: i32, stickers_recent_limit: i32, channels_read_media_period: i32,
        tmp_sessions: Option<i32>, call_receive_timeout_ms: i32, call_ring_timeout_ms: i32,
        call_connect_timeout_ms: i32, call_packet_timeout_ms: i32, me_url_prefix: String,
        autoupdate_url_prefix: Option<String>, gif_search_username: Option<String>,
        venue_search_username: Option<String>, img_search_username: Option<String>,
        static_maps_provider: Option<String>, caption_length_max: i32, message_length_max: i32,
        webfile_dc_id: i32, suggested_lang_code: Option<(String, i32, i32)>,
        reactions_default: Option<Reaction>, autologin_token: Option<String>,
    }
    /// Address of a data centre.
    #[derive(Default)]
    "dcOption#18b7a10d flags:# ipv6:flags.0?true media_only:flags.1?true tcpo_only:flags.2?true cdn:flags.3?true static:flags.4?true this_port_only:flags.5?true id:int ip_address:string port:int secret:flags.10?bytes = DcOption;"
    struct DcOption {
        ipv6: bool, media_only: bool, tcpo_only: bool, cdn: bool, static_: bool, this_port_only: bool, id: i32,
        ip_address: String, port: i32, secret: Option<Blob>,
    }
    /// Requests the nearest data centre.
    "help.getNearestDc#1fb33026 = NearestDc;"
    struct GetNearestDc {} -> Boxed<NearestDc>
    /// The nearest data centre.
    "nearestDc#8e1a1775 country:string this_dc:int nearest_dc:int = NearestDc;"
    struct NearestDc { country: String, this_dc: i32, nearest_dc: i32 }
}

measured! {
    /// Reaction to a message, not parsed.
    "Reaction" REACTION Reaction;
}

/// An unparsed `JSONValue`, the type of `params` in [`InitConnection`].
///
/// ```
/// use nanogram::telegram::api::connect::JsonValue;
/// use nanogram::tl::Tl;
/// let null = 0x3f6d7b68u32.to_le_bytes();
/// assert!(JsonValue::from_bytes(&null).is_ok());
/// assert!(JsonValue::from_bytes(&null[..3]).is_err());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct JsonValue(Raw);

/// Maximum nesting of arrays and objects.
const MAX_JSON_DEPTH: u8 = 16;

tl! {
    /// JSON `null`.
    "jsonNull#3f6d7b68 = JSONValue;"
    struct JsonNull {}
    /// JSON `true` or `false`.
    "jsonBool#c7345e6a value:Bool = JSONValue;"
    struct JsonBool { value: bool }
    /// JSON number.
    "jsonNumber#2be0dfa4 value:double = JSONValue;"
    struct JsonNumber { value: f64 }
    /// JSON string.
    "jsonString#b71e767a value:string = JSONValue;"
    struct JsonString { value: String }
    /// JSON array.
    "jsonArray#f7444763 value:Vector<JSONValue> = JSONValue;"
    struct JsonArray { value: Vec<JsonValue> }
    /// JSON object.
    "jsonObject#99c1d49d value:Vector<JSONObjectValue> = JSONValue;"
    struct JsonObject { value: Vec<Boxed<JsonObjectValue>> }
    /// Key and value in a JSON object.
    "jsonObjectValue#c0de1bd9 key:string value:JSONValue = JSONObjectValue;"
    struct JsonObjectValue { key: String, value: JsonValue }
}

impl JsonValue {
    /// Skips one value.
    fn skip(r: &mut Reader<'_>, depth: u8) -> Result<(), DecodeError> {
        // Nesting costs the sender a few bytes per level. Without a limit, a message could exhaust the stack.
        let deeper = depth.checked_sub(1).ok_or(r.fault(Fault::Depth))?;
        match r.u32()? {
            JsonNull::ID => Ok(()),
            JsonBool::ID => bool::read(r).map(drop),
            JsonNumber::ID => r.i64().map(drop),
            JsonString::ID => r.bytes().map(drop),
            JsonArray::ID => (0..r.vector(4)?).try_for_each(|_| Self::skip(r, deeper)),
            JsonObject::ID => (0..r.vector(12)?).try_for_each(|_| {
                r.expect(JsonObjectValue::ID)?;
                r.bytes()?;
                Self::skip(r, deeper)
            }),
            id => Err(r.fault_before(Fault::Id(id))),
        }
    }
}

impl Tl for JsonValue {
    const SHAPE: Shape = Shape::Named("JSONValue");
    const LEAST: usize = 4;
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
    }
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let start = r.clone();
        Self::skip(r, MAX_JSON_DEPTH)?;
        let len = r.position() - start.position();
        Ok(Self(Raw(start.rest().get(..len).unwrap_or_default().to_vec())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_read_to_its_end_and_not_too_deep() {
        let one =
            JsonObjectValue { key: "tz_offset".into(), value: JsonValue(Raw(JsonNumber { value: 3600.0 }.to_boxed())) };
        let mut wire = JsonObject { value: alloc::vec![Boxed(one)] }.to_boxed();
        assert_eq!(JsonValue::from_bytes(&wire), Ok(JsonValue(Raw(wire.clone()))));
        for _ in 0..20 {
            wire = JsonArray { value: alloc::vec![JsonValue(Raw(wire))] }.to_boxed();
        }
        assert_eq!(JsonValue::from_bytes(&wire).unwrap_err().fault, Fault::Depth);
    }
}
