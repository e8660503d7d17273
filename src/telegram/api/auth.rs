//! Sign-in, sign-out and temporary auth keys.
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
    /// Requests a login code for a phone number.
    "auth.sendCode#a677244f phone_number:string api_id:int api_hash:string settings:CodeSettings = auth.SentCode;"
    struct SendCode { phone_number: Hidden, api_id: i32, api_hash: Hidden, settings: Boxed<CodeSettings> } -> AnySentCode
    /// Delivery methods for login codes that the client supports.
    #[derive(Default)]
    "codeSettings#ad253d78 flags:# allow_flashcall:flags.0?true current_number:flags.1?true allow_app_hash:flags.4?true allow_missed_call:flags.5?true allow_firebase:flags.7?true unknown_number:flags.9?true logout_tokens:flags.6?Vector<bytes> token:flags.8?string app_sandbox:flags.8?Bool = CodeSettings;"
    struct CodeSettings {
        allow_flashcall: bool, current_number: bool, allow_app_hash: bool, allow_missed_call: bool,
        allow_firebase: bool, unknown_number: bool, logout_tokens: Option<Vec<Blob>>,
        token: Option<(Hidden, bool)>,
    }
    /// Requests the login code again, by the next delivery method.
    "auth.resendCode#cae47523 flags:# phone_number:string phone_code_hash:string reason:flags.0?string = auth.SentCode;"
    struct ResendCode { phone_number: Hidden, phone_code_hash: Hidden, reason: Option<String> } -> AnySentCode
    /// Cancels a request for a login code.
    "auth.cancelCode#1f040578 phone_number:string phone_code_hash:string = Bool;"
    struct CancelCode { phone_number: Hidden, phone_code_hash: Hidden } -> bool
    /// Signs in with a login code.
    "auth.signIn#8d52a951 flags:# phone_number:string phone_code_hash:string phone_code:flags.0?string email_verification:flags.1?EmailVerification = auth.Authorization;"
    struct SignIn {
        phone_number: Hidden, phone_code_hash: Hidden, phone_code: Option<Hidden>,
        email_verification: Option<EmailVerification>,
    } -> AnyAuthorization
    /// Login code received by e-mail.
    "emailVerificationCode#922e55a9 code:string = EmailVerification;"
    struct EmailVerificationCode { code: Hidden }
    /// Google ID token, as a verification of an e-mail address.
    "emailVerificationGoogle#db909ec2 token:string = EmailVerification;"
    struct EmailVerificationGoogle { token: Hidden }
    /// Apple ID token, as a verification of an e-mail address.
    "emailVerificationApple#96d074fd token:string = EmailVerification;"
    struct EmailVerificationApple { token: Hidden }
    /// Signs in with the proof of a two-factor password.
    "auth.checkPassword#d18b4d16 password:InputCheckPasswordSRP = auth.Authorization;"
    struct CheckPassword { password: InputCheckPasswordSrp } -> AnyAuthorization
    /// Signs in as a bot.
    "auth.importBotAuthorization#67a3ff2c flags:int api_id:int api_hash:string bot_auth_token:string = auth.Authorization;"
    struct ImportBotAuthorization { flags: i32, api_id: i32, api_hash: Hidden, bot_auth_token: Hidden } -> AnyAuthorization
    /// Signs out.
    "auth.logOut#3e72ba19 = auth.LoggedOut;"
    struct LogOut {} -> Boxed<LoggedOut>

    /// Confirmation that a login code was sent, with its delivery method.
    "auth.sentCode#5e002502 flags:# type:auth.SentCodeType phone_code_hash:string next_type:flags.1?auth.CodeType timeout:flags.2?int = auth.SentCode;"
    struct SentCode {
        type_: SentCodeType, phone_code_hash: Hidden, next_type: Option<CodeType>, timeout: Option<i32>,
    }
    /// Sign-in without a code, by a token from an earlier session.
    "auth.sentCodeSuccess#2390fe44 authorization:auth.Authorization = auth.SentCode;"
    struct SentCodeSuccess { authorization: AnyAuthorization }
    /// Demand for a payment, in an official app, before a code is sent.
    "auth.sentCodePaymentRequired#f8827ebf store_product:string phone_code_hash:string support_email_address:string support_email_subject:string premium_days:int currency:string amount:long = auth.SentCode;"
    struct SentCodePaymentRequired {
        store_product: String, phone_code_hash: Hidden, support_email_address: String,
        support_email_subject: String, premium_days: i32, currency: String, amount: i64,
    }

    /// Code in a message from Telegram to another app of the user.
    "auth.sentCodeTypeApp#3dbb5986 length:int = auth.SentCodeType;"
    struct SentCodeTypeApp { length: i32 }
    /// Code by SMS.
    "auth.sentCodeTypeSms#c000bba2 length:int = auth.SentCodeType;"
    struct SentCodeTypeSms { length: i32 }
    /// Code read out in a phone call.
    "auth.sentCodeTypeCall#5353e5a7 length:int = auth.SentCodeType;"
    struct SentCodeTypeCall { length: i32 }
    /// Code that is the number of an incoming call.
    "auth.sentCodeTypeFlashCall#ab03c6d9 pattern:string = auth.SentCodeType;"
    struct SentCodeTypeFlashCall { pattern: String }
    /// Code that is the last digits of the number of an incoming call.
    "auth.sentCodeTypeMissedCall#82006484 prefix:string length:int = auth.SentCodeType;"
    struct SentCodeTypeMissedCall { prefix: Hidden, length: i32 }
    /// Code by e-mail.
    "auth.sentCodeTypeEmailCode#f450f59b flags:# apple_signin_allowed:flags.0?true google_signin_allowed:flags.1?true email_pattern:string length:int reset_available_period:flags.3?int reset_pending_date:flags.4?int = auth.SentCodeType;"
    struct SentCodeTypeEmailCode {
        apple_signin_allowed: bool, google_signin_allowed: bool, email_pattern: Hidden, length: i32,
        reset_available_period: Option<i32>, reset_pending_date: Option<i32>,
    }
    /// Demand for an e-mail address, which must be set before a code is sent.
    "auth.sentCodeTypeSetUpEmailRequired#a5491dea flags:# apple_signin_allowed:flags.0?true google_signin_allowed:flags.1?true = auth.SentCodeType;"
    struct SentCodeTypeSetUpEmailRequired { apple_signin_allowed: bool, google_signin_allowed: bool }
    /// Code on fragment.com, for anonymous numbers.
    "auth.sentCodeTypeFragmentSms#d9565c39 url:string length:int = auth.SentCodeType;"
    struct SentCodeTypeFragmentSms { url: String, length: i32 }
    /// Code through Firebase, for official apps only.
    "auth.sentCodeTypeFirebaseSms#9fd736 flags:# nonce:flags.0?bytes play_integrity_project_id:flags.2?long play_integrity_nonce:flags.2?bytes receipt:flags.1?string push_timeout:flags.1?int length:int = auth.SentCodeType;"
    struct SentCodeTypeFirebaseSms {
        nonce: Option<Blob>, play_integrity_project_id: Option<(i64, Blob)>, receipt: Option<(String, i32)>,
        length: i32,
    }
    /// Code by SMS that is a word with the given beginning.
    "auth.sentCodeTypeSmsWord#a416ac81 flags:# beginning:flags.0?string = auth.SentCodeType;"
    struct SentCodeTypeSmsWord { beginning: Option<String> }
    /// Code by SMS that is a phrase with the given beginning.
    "auth.sentCodeTypeSmsPhrase#b37794af flags:# beginning:flags.0?string = auth.SentCodeType;"
    struct SentCodeTypeSmsPhrase { beginning: Option<String> }

    /// Next delivery by SMS.
    "auth.codeTypeSms#72a3158c = auth.CodeType;"
    struct CodeTypeSms {}
    /// Next delivery by a phone call that reads out the code.
    "auth.codeTypeCall#741cd3e3 = auth.CodeType;"
    struct CodeTypeCall {}
    /// Next delivery as the number of an incoming call.
    "auth.codeTypeFlashCall#226ccefb = auth.CodeType;"
    struct CodeTypeFlashCall {}
    /// Next delivery as the last digits of the number of an incoming call.
    "auth.codeTypeMissedCall#d61ad6ee = auth.CodeType;"
    struct CodeTypeMissedCall {}
    /// Next delivery on fragment.com.
    "auth.codeTypeFragmentSms#6ed998c = auth.CodeType;"
    struct CodeTypeFragmentSms {}

    // `setup_password_required` is left out: `otherwise_relogin_days` has the same flag.
    /// Successful sign-in.
    "auth.authorization#2ea2c0d4 flags:# setup_password_required:flags.1?true otherwise_relogin_days:flags.1?int tmp_sessions:flags.0?int future_auth_token:flags.2?bytes user:User = auth.Authorization;"
    struct Authorization {
        otherwise_relogin_days: Option<i32>, tmp_sessions: Option<i32>, future_auth_token: Option<Blob>,
        user: UserTail,
    }
    /// Phone number without an account.
    "auth.authorizationSignUpRequired#44747e9a flags:# terms_of_service:flags.0?help.TermsOfService = auth.Authorization;"
    struct AuthorizationSignUpRequired { terms_of_service: Option<TermsOfServiceTail> }
    /// Successful sign-out, with a token that makes the next login code unnecessary.
    "auth.loggedOut#c3a2835f flags:# future_auth_token:flags.0?bytes = auth.LoggedOut;"
    struct LoggedOut { future_auth_token: Option<Blob> }

    /// Requests a login token to show as a QR code.
    "auth.exportLoginToken#b7e085fe api_id:int api_hash:string except_ids:Vector<long> = auth.LoginToken;"
    struct ExportLoginToken { api_id: i32, api_hash: Hidden, except_ids: Vec<i64> } -> AnyLoginToken
    /// Passes a login token to the home data centre of the account.
    "auth.importLoginToken#95ac5ce4 token:bytes = auth.LoginToken;"
    struct ImportLoginToken { token: Blob } -> AnyLoginToken
    /// Accepts the login token of another device, which is then signed in.
    "auth.acceptLoginToken#e894ad4d token:bytes = Authorization;"
    struct AcceptLoginToken { token: Blob } -> Boxed<AppAuthorization>
    /// Login token, valid until `expires` (seconds since 1970).
    "auth.loginToken#629f1980 expires:int token:bytes = auth.LoginToken;"
    struct LoginToken { expires: i32, token: Blob }
    /// Redirect of a login token to the home data centre of the account.
    "auth.loginTokenMigrateTo#68e9916 dc_id:int token:bytes = auth.LoginToken;"
    struct LoginTokenMigrateTo { dc_id: i32, token: Blob }
    /// Successful sign-in by a login token.
    "auth.loginTokenSuccess#390d5c5e authorization:auth.Authorization = auth.LoginToken;"
    struct LoginTokenSuccess { authorization: AnyAuthorization }
    /// Signed-in application, as shown in the list of devices.
    "authorization#ad01d61d flags:# current:flags.0?true official_app:flags.1?true password_pending:flags.2?true encrypted_requests_disabled:flags.3?true call_requests_disabled:flags.4?true unconfirmed:flags.5?true hash:long device_model:string platform:string system_version:string api_id:int app_name:string app_version:string date_created:int date_active:int ip:string country:string region:string = Authorization;"
    struct AppAuthorization {
        current: bool, official_app: bool, password_pending: bool, encrypted_requests_disabled: bool,
        call_requests_disabled: bool, unconfirmed: bool, hash: i64, device_model: String, platform: String,
        system_version: String, api_id: i32, app_name: String, app_version: String, date_created: i32,
        date_active: i32, ip: String, country: String, region: String,
    }

    /// Requests a ticket for signing in at another data centre.
    "auth.exportAuthorization#e5bfffcd dc_id:int = auth.ExportedAuthorization;"
    struct ExportAuthorization { dc_id: i32 } -> Boxed<ExportedAuthorization>
    /// Ticket for signing in at another data centre.
    "auth.exportedAuthorization#b434e2b8 id:long bytes:bytes = auth.ExportedAuthorization;"
    struct ExportedAuthorization { id: i64, bytes: Blob }
    /// Signs in at another data centre with a ticket.
    "auth.importAuthorization#a57a7dad id:long bytes:bytes = auth.Authorization;"
    struct ImportAuthorization { id: i64, bytes: Blob } -> AnyAuthorization

    /// Binds the temporary auth key with which it is encrypted to a permanent one.
    "auth.bindTempAuthKey#cdd42a05 perm_auth_key_id:long nonce:long expires_at:int encrypted_message:bytes = Bool;"
    struct BindTempAuthKey { perm_auth_key_id: i64, nonce: i64, expires_at: i32, encrypted_message: Blob } -> bool
    /// Destroys temporary auth keys.
    "auth.dropTempAuthKeys#8e48a188 except_auth_keys:Vector<long> = Bool;"
    struct DropTempAuthKeys { except_auth_keys: Vec<i64> } -> bool
}

tl_type! {
    /// Result of [`SendCode`] and [`ResendCode`].
    "auth.SentCode" enum AnySentCode {
        Sent(SentCode), Success(SentCodeSuccess), PaymentRequired(SentCodePaymentRequired),
    }
    /// Delivery method of a login code.
    "auth.SentCodeType" enum SentCodeType {
        App(SentCodeTypeApp), Sms(SentCodeTypeSms), Call(SentCodeTypeCall), FlashCall(SentCodeTypeFlashCall),
        MissedCall(SentCodeTypeMissedCall), EmailCode(SentCodeTypeEmailCode),
        SetUpEmailRequired(SentCodeTypeSetUpEmailRequired), FragmentSms(SentCodeTypeFragmentSms),
        FirebaseSms(SentCodeTypeFirebaseSms), SmsWord(SentCodeTypeSmsWord), SmsPhrase(SentCodeTypeSmsPhrase),
    }
    /// Verification of an e-mail address, by a code or by another service.
    "EmailVerification" enum EmailVerification {
        Code(EmailVerificationCode), Google(EmailVerificationGoogle), Apple(EmailVerificationApple),
    }
    /// Delivery method of the next login code, if it is requested again.
    "auth.CodeType" enum CodeType {
        Sms(CodeTypeSms), Call(CodeTypeCall), FlashCall(CodeTypeFlashCall), MissedCall(CodeTypeMissedCall),
        FragmentSms(CodeTypeFragmentSms),
    }
    /// Result of a sign-in.
    "auth.Authorization" enum AnyAuthorization {
        SignedIn(Authorization), SignUpRequired(AuthorizationSignUpRequired),
    }
    /// Result of [`ExportLoginToken`] and [`ImportLoginToken`].
    "auth.LoginToken" enum AnyLoginToken {
        Token(LoginToken), MigrateTo(LoginTokenMigrateTo), Success(LoginTokenSuccess),
    }
}

kept! {
    /// Terms of service, not parsed, because this crate never registers accounts.
    "help.TermsOfService" TermsOfServiceTail;
}
