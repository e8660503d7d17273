//! Accepts a QR login: does what an app does after scanning the code.
//!
//! ```text
//! accept_qr ADDR PEM_FILE SESSION 'tg://login?token=…'
//! ```
//!
//! SESSION is the account that the other program gets access to: make sure that the code is yours. Spec: api/qr-login

use nanogram::client::{Client, Options};
use nanogram::crypto::rsa::RsaKey;
use nanogram::telegram::api::Boxed;
use nanogram::telegram::api::auth::AcceptLoginToken;
use nanogram::telegram::login;
use nanogram::tl::Blob;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(addr), Some(pem), Some(session), Some(link)) = (args.next(), args.next(), args.next(), args.next())
    else {
        return Err("usage: accept_qr ADDR PEM_FILE SESSION LINK".into());
    };
    let token = login::token_of_link(&link).ok_or("this is no link of a QR code for signing in")?;
    let key = RsaKey::from_pem(&std::fs::read_to_string(pem)?)?;
    let options = Options::from_session(&session)?.at(&addr, vec![key]).api_id(1);
    let client = Client::connect(options).await?;
    let Boxed(app) = client.call(&AcceptLoginToken { token: Blob(token) }).await?;
    println!("let {} {} in", app.device_model, app.app_version);
    Ok(())
}
