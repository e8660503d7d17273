//! Signing in and out, and temporary keys.
//!
//! ```text
//! auth.sendCode ─▶ sentCode ─▶ auth.signIn ─▶ authorization
//!                                        └──▶ 401 SESSION_PASSWORD_NEEDED ─▶ account.getPassword ─▶ auth.checkPassword
//! auth.exportLoginToken ─▶ loginToken (a QR code) ─▶ updateLoginToken ─▶ auth.exportLoginToken ─▶ loginTokenSuccess
//! ```
//!
//! Spec: api/auth, api/qr-login, api/pfs

use super::Boxed;
use super::account::InputCheckPasswordSrp;
use super::users::UserTail;
use crate::tl::{Blob, Hidden};
use crate::{tl, tl_type};
use alloc::string::String;
use alloc::vec::Vec;

tl! {
    /// Asks for a code.
    "auth.sendCode#a677244f phone_number:string api_id:int api_hash:string settings:CodeSettings = auth.SentCode;"
    struct SendCode { phone_number: Hidden, api_id: i32, api_hash: Hidden, settings: Boxed<CodeSettings> } -> AnySentCode
    /// What the client can do with codes.
    #[derive(Default)]
    "codeSettings#ad253d78 flags:# allow_flashcall:flags.0?true current_number:flags.1?true allow_app_hash:flags.4?true allow_missed_call:flags.5?true allow_firebase:flags.7?true unknown_number:flags.9?true logout_tokens:flags.6?Vector<bytes> token:flags.8?string app_sandbox:flags.8?Bool = CodeSettings;"
    struct CodeSettings {
        allow_flashcall: bool, current_number: bool, allow_app_hash: bool, allow_missed_call: bool,
        allow_firebase: bool, unknown_number: bool, logout_tokens: Option<Vec<Blob>>,
        token: Option<(Hidden, bool)>,
    }
    /// Asks for the code by the next way.
    "auth.resendCode#cae47523 flags:# phone_number:string phone_code_hash:string reason:flags.0?string = auth.SentCode;"
    struct ResendCode { phone_number: Hidden, phone_code_hash: Hidden, reason: Option<String> } -> AnySentCode
    /// Takes the request back.
    "auth.cancelCode#1f040578 phone_number:string phone_code_hash:string = Bool;"
    struct CancelCode { phone_number: Hidden, phone_code_hash: Hidden } -> bool
    /// Shows the code.
    "auth.signIn#8d52a951 flags:# phone_number:string phone_code_hash:string phone_code:flags.0?string email_verification:flags.1?EmailVerification = auth.Authorization;"
    struct SignIn {
        phone_number: Hidden, phone_code_hash: Hidden, phone_code: Option<Hidden>,
        email_verification: Option<EmailVerification>,
    } -> AnyAuthorization
    /// The code that was mailed.
    "emailVerificationCode#922e55a9 code:string = EmailVerification;"
    struct EmailVerificationCode { code: Hidden }
    /// A token of Google's.
    "emailVerificationGoogle#db909ec2 token:string = EmailVerification;"
    struct EmailVerificationGoogle { token: Hidden }
    /// A token of Apple's.
    "emailVerificationApple#96d074fd token:string = EmailVerification;"
    struct EmailVerificationApple { token: Hidden }
    /// Proves the password.
    "auth.checkPassword#d18b4d16 password:InputCheckPasswordSRP = auth.Authorization;"
    struct CheckPassword { password: InputCheckPasswordSrp } -> AnyAuthorization
    /// Signs in as a bot.
    "auth.importBotAuthorization#67a3ff2c flags:int api_id:int api_hash:string bot_auth_token:string = auth.Authorization;"
    struct ImportBotAuthorization { flags: i32, api_id: i32, api_hash: Hidden, bot_auth_token: Hidden } -> AnyAuthorization
    /// Signs out.
    "auth.logOut#3e72ba19 = auth.LoggedOut;"
    struct LogOut {} -> Boxed<LoggedOut>

    /// The code is on its way.
    "auth.sentCode#5e002502 flags:# type:auth.SentCodeType phone_code_hash:string next_type:flags.1?auth.CodeType timeout:flags.2?int = auth.SentCode;"
    struct SentCode {
        type_: SentCodeType, phone_code_hash: Hidden, next_type: Option<CodeType>, timeout: Option<i32>,
    }
    /// No code is needed: a token from the last time was enough.
    "auth.sentCodeSuccess#2390fe44 authorization:auth.Authorization = auth.SentCode;"
    struct SentCodeSuccess { authorization: AnyAuthorization }
    /// The code must be paid for, in an official app.
    "auth.sentCodePaymentRequired#f8827ebf store_product:string phone_code_hash:string support_email_address:string support_email_subject:string premium_days:int currency:string amount:long = auth.SentCode;"
    struct SentCodePaymentRequired {
        store_product: String, phone_code_hash: Hidden, support_email_address: String,
        support_email_subject: String, premium_days: i32, currency: String, amount: i64,
    }

    /// In a message of the service account, in another app.
    "auth.sentCodeTypeApp#3dbb5986 length:int = auth.SentCodeType;"
    struct SentCodeTypeApp { length: i32 }
    /// By SMS.
    "auth.sentCodeTypeSms#c000bba2 length:int = auth.SentCodeType;"
    struct SentCodeTypeSms { length: i32 }
    /// A voice reads it out.
    "auth.sentCodeTypeCall#5353e5a7 length:int = auth.SentCodeType;"
    struct SentCodeTypeCall { length: i32 }
    /// The caller's number is the code.
    "auth.sentCodeTypeFlashCall#ab03c6d9 pattern:string = auth.SentCodeType;"
    struct SentCodeTypeFlashCall { pattern: String }
    /// The last digits of the caller's number are the code.
    "auth.sentCodeTypeMissedCall#82006484 prefix:string length:int = auth.SentCodeType;"
    struct SentCodeTypeMissedCall { prefix: Hidden, length: i32 }
    /// By mail.
    "auth.sentCodeTypeEmailCode#f450f59b flags:# apple_signin_allowed:flags.0?true google_signin_allowed:flags.1?true email_pattern:string length:int reset_available_period:flags.3?int reset_pending_date:flags.4?int = auth.SentCodeType;"
    struct SentCodeTypeEmailCode {
        apple_signin_allowed: bool, google_signin_allowed: bool, email_pattern: Hidden, length: i32,
        reset_available_period: Option<i32>, reset_pending_date: Option<i32>,
    }
    /// A mail address must be given first.
    "auth.sentCodeTypeSetUpEmailRequired#a5491dea flags:# apple_signin_allowed:flags.0?true google_signin_allowed:flags.1?true = auth.SentCodeType;"
    struct SentCodeTypeSetUpEmailRequired { apple_signin_allowed: bool, google_signin_allowed: bool }
    /// At fragment.com, for anonymous numbers.
    "auth.sentCodeTypeFragmentSms#d9565c39 url:string length:int = auth.SentCodeType;"
    struct SentCodeTypeFragmentSms { url: String, length: i32 }
    /// By Google's service, official apps only.
    "auth.sentCodeTypeFirebaseSms#9fd736 flags:# nonce:flags.0?bytes play_integrity_project_id:flags.2?long play_integrity_nonce:flags.2?bytes receipt:flags.1?string push_timeout:flags.1?int length:int = auth.SentCodeType;"
    struct SentCodeTypeFirebaseSms {
        nonce: Option<Blob>, play_integrity_project_id: Option<(i64, Blob)>, receipt: Option<(String, i32)>,
        length: i32,
    }
    /// By SMS: a word that begins so.
    "auth.sentCodeTypeSmsWord#a416ac81 flags:# beginning:flags.0?string = auth.SentCodeType;"
    struct SentCodeTypeSmsWord { beginning: Option<String> }
    /// By SMS: a phrase that begins so.
    "auth.sentCodeTypeSmsPhrase#b37794af flags:# beginning:flags.0?string = auth.SentCodeType;"
    struct SentCodeTypeSmsPhrase { beginning: Option<String> }

    /// By SMS.
    "auth.codeTypeSms#72a3158c = auth.CodeType;"
    struct CodeTypeSms {}
    /// A voice reads it out.
    "auth.codeTypeCall#741cd3e3 = auth.CodeType;"
    struct CodeTypeCall {}
    /// The caller's number is the code.
    "auth.codeTypeFlashCall#226ccefb = auth.CodeType;"
    struct CodeTypeFlashCall {}
    /// The last digits of the caller's number are the code.
    "auth.codeTypeMissedCall#d61ad6ee = auth.CodeType;"
    struct CodeTypeMissedCall {}
    /// At fragment.com.
    "auth.codeTypeFragmentSms#6ed998c = auth.CodeType;"
    struct CodeTypeFragmentSms {}

    /// Signed in.
    "auth.authorization#2ea2c0d4 flags:# setup_password_required:flags.1?true otherwise_relogin_days:flags.1?int tmp_sessions:flags.0?int future_auth_token:flags.2?bytes user:User = auth.Authorization;"
    struct Authorization {
        otherwise_relogin_days: Option<i32>, tmp_sessions: Option<i32>, future_auth_token: Option<Blob>,
        user: UserTail,
    }
    /// Nobody has this number yet.
    "auth.authorizationSignUpRequired#44747e9a flags:# terms_of_service:flags.0?help.TermsOfService = auth.Authorization;"
    struct AuthorizationSignUpRequired { terms_of_service: Option<TermsOfServiceTail> }
    /// Signed out; the token spares the code next time.
    "auth.loggedOut#c3a2835f flags:# future_auth_token:flags.0?bytes = auth.LoggedOut;"
    struct LoggedOut { future_auth_token: Option<Blob> }

    /// Asks for a token to show as a QR code.
    "auth.exportLoginToken#b7e085fe api_id:int api_hash:string except_ids:Vector<long> = auth.LoginToken;"
    struct ExportLoginToken { api_id: i32, api_hash: Hidden, except_ids: Vec<i64> } -> AnyLoginToken
    /// Shows the token to the data centre that the account lives in.
    "auth.importLoginToken#95ac5ce4 token:bytes = auth.LoginToken;"
    struct ImportLoginToken { token: Blob } -> AnyLoginToken
    /// Lets in whoever shows this token.
    "auth.acceptLoginToken#e894ad4d token:bytes = Authorization;"
    struct AcceptLoginToken { token: Blob } -> Boxed<AppAuthorization>
    /// The token, good until `expires`.
    "auth.loginToken#629f1980 expires:int token:bytes = auth.LoginToken;"
    struct LoginToken { expires: i32, token: Blob }
    /// The account lives elsewhere.
    "auth.loginTokenMigrateTo#68e9916 dc_id:int token:bytes = auth.LoginToken;"
    struct LoginTokenMigrateTo { dc_id: i32, token: Blob }
    /// Signed in.
    "auth.loginTokenSuccess#390d5c5e authorization:auth.Authorization = auth.LoginToken;"
    struct LoginTokenSuccess { authorization: AnyAuthorization }
    /// A signed-in program, as the list of devices shows it.
    "authorization#ad01d61d flags:# current:flags.0?true official_app:flags.1?true password_pending:flags.2?true encrypted_requests_disabled:flags.3?true call_requests_disabled:flags.4?true unconfirmed:flags.5?true hash:long device_model:string platform:string system_version:string api_id:int app_name:string app_version:string date_created:int date_active:int ip:string country:string region:string = Authorization;"
    struct AppAuthorization {
        current: bool, official_app: bool, password_pending: bool, encrypted_requests_disabled: bool,
        call_requests_disabled: bool, unconfirmed: bool, hash: i64, device_model: String, platform: String,
        system_version: String, api_id: i32, app_name: String, app_version: String, date_created: i32,
        date_active: i32, ip: String, country: String, region: String,
    }

    /// Asks for a ticket to another data centre.
    "auth.exportAuthorization#e5bfffcd dc_id:int = auth.ExportedAuthorization;"
    struct ExportAuthorization { dc_id: i32 } -> Boxed<ExportedAuthorization>
    /// The ticket.
    "auth.exportedAuthorization#b434e2b8 id:long bytes:bytes = auth.ExportedAuthorization;"
    struct ExportedAuthorization { id: i64, bytes: Blob }
    /// Shows the ticket there.
    "auth.importAuthorization#a57a7dad id:long bytes:bytes = auth.Authorization;"
    struct ImportAuthorization { id: i64, bytes: Blob } -> AnyAuthorization

    /// Binds the temporary key, under which it is sent, to a permanent one.
    "auth.bindTempAuthKey#cdd42a05 perm_auth_key_id:long nonce:long expires_at:int encrypted_message:bytes = Bool;"
    struct BindTempAuthKey { perm_auth_key_id: i64, nonce: i64, expires_at: i32, encrypted_message: Blob } -> bool
    /// Forgets temporary keys.
    "auth.dropTempAuthKeys#8e48a188 except_auth_keys:Vector<long> = Bool;"
    struct DropTempAuthKeys { except_auth_keys: Vec<i64> } -> bool
}

tl_type! {
    /// What becomes of asking for a code.
    "auth.SentCode" enum AnySentCode {
        Sent(SentCode), Success(SentCodeSuccess), PaymentRequired(SentCodePaymentRequired),
    }
    /// How the code comes.
    "auth.SentCodeType" enum SentCodeType {
        App(SentCodeTypeApp), Sms(SentCodeTypeSms), Call(SentCodeTypeCall), FlashCall(SentCodeTypeFlashCall),
        MissedCall(SentCodeTypeMissedCall), EmailCode(SentCodeTypeEmailCode),
        SetUpEmailRequired(SentCodeTypeSetUpEmailRequired), FragmentSms(SentCodeTypeFragmentSms),
        FirebaseSms(SentCodeTypeFirebaseSms), SmsWord(SentCodeTypeSmsWord), SmsPhrase(SentCodeTypeSmsPhrase),
    }
    /// What was mailed, or what another service says.
    "EmailVerification" enum EmailVerification {
        Code(EmailVerificationCode), Google(EmailVerificationGoogle), Apple(EmailVerificationApple),
    }
    /// How the code would come if asked for again.
    "auth.CodeType" enum CodeType {
        Sms(CodeTypeSms), Call(CodeTypeCall), FlashCall(CodeTypeFlashCall), MissedCall(CodeTypeMissedCall),
        FragmentSms(CodeTypeFragmentSms),
    }
    /// Signed in, or nobody to sign in as.
    "auth.Authorization" enum AnyAuthorization {
        SignedIn(Authorization), SignUpRequired(AuthorizationSignUpRequired),
    }
    /// What becomes of a token.
    "auth.LoginToken" enum AnyLoginToken {
        Token(LoginToken), MigrateTo(LoginTokenMigrateTo), Success(LoginTokenSuccess),
    }
}

kept! {
    /// Terms that one would have to agree to, unread: nobody is signed up here.
    "help.TermsOfService" TermsOfServiceTail;
}
