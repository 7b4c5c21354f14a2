//! Where the ID token comes from: given, asserted on the local instance, from a
//! provider that the surroundings offer, or from a person who signs in.

use bulla_core::{Clock as _, SystemClock};
use bulla_net::{
    Token,
    oidc::{self, Ambient, Login, Notice, OidcError, Provider},
};
use bulla_trust::root::SigningServices;

use super::reach::Reach;
use crate::{
    compose::Instance,
    context::{Context, email_or_git},
    failure::{Exit, Failure},
};

/// Where the ID token comes from.
#[derive(Clone, Debug)]
pub enum TokenChoice {
    /// It was given: the token itself, or a file.
    Given(String),
    /// From a provider of this name, or `browser`, or `device`.
    Provider(String),
    /// From whatever is found, else from a browser or another device.
    Found,
    /// Asserted on the local instance, for this address or git's.
    Asserted(Option<String>),
}

/// Gets it.
///
/// # Errors
/// If it cannot be had: not authenticated.
pub async fn get(
    choice: &TokenChoice,
    services: &SigningServices,
    reach: &Reach,
    context: &Context,
) -> Result<Token, Failure> {
    match choice {
        TokenChoice::Given(text) => oidc::given(text).map_err(unauthenticated),
        TokenChoice::Asserted(email) => {
            let email = email_or_git(email.clone(), &context.talk);
            local(reach)?.person_token(&email, "sigstore").await
        }
        TokenChoice::Provider(name) if name == "browser" || name == "device" => {
            sign_in(name == "browser", services, reach, context).await
        }
        TokenChoice::Provider(name) => {
            let provider: Provider = name.parse().map_err(unauthenticated)?;
            match ambient(Some(provider), reach).await? {
                Some(token) => Ok(token),
                None => Err(Failure::new(
                    Exit::Authentication,
                    "CLI-0308",
                    format!("--oidc-provider {name} gives no token here"),
                )
                .hint("run it where that provider is, or use --identity-token FILE")),
            }
        }
        TokenChoice::Found => match ambient(None, reach).await? {
            Some(token) => Ok(token),
            None => sign_in(has_screen(), services, reach, context).await,
        },
    }
}

async fn ambient(provider: Option<Provider>, reach: &Reach) -> Result<Option<Token>, Failure> {
    let mut ambient = Ambient::process();
    ambient.provider = provider;
    let found = oidc::detect(reach.http(), &ambient, SystemClock.now()).await;
    let found = found.map_err(unauthenticated)?;
    Ok(found.map(|found| found.token))
}

fn local(reach: &Reach) -> Result<&Instance, Failure> {
    reach.instance().ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            "CLI-0309",
            "only the local instance takes assertions",
        )
        .hint("use --sigstore local, or --identity-token")
    })
}

/// Signs in with a browser here, or with another device.
async fn sign_in(
    browser: bool,
    services: &SigningServices,
    reach: &Reach,
    context: &Context,
) -> Result<Token, Failure> {
    let Some(issuer) = &services.oidc else {
        return Err(Failure::new(
            Exit::Authentication,
            "CLI-0310",
            "no ID token was found, and no issuer is named to get one from",
        )
        .hint("bring one: --identity-token FILE"));
    };
    let notify = |notice: Notice<'_>| tell(&notice, context);
    let login = Login::at(issuer);
    let token = match browser {
        true => oidc::browser(reach.http(), &login, &notify, &SystemClock).await,
        false => oidc::device(reach.http(), &login, &notify, &SystemClock).await,
    };
    token.map_err(unauthenticated)
}

fn tell(notice: &Notice<'_>, context: &Context) {
    let talk = &context.talk;
    match notice {
        Notice::Visit { url, opened: true } => {
            talk.alarm(&format!(
                " · sign in with the browser that opens, or at {url}"
            ));
        }
        Notice::Visit { url, .. } => talk.alarm(&format!(" · sign in at {url}")),
        Notice::Enter { url, code, .. } => {
            talk.alarm(&format!(" · sign in at {url} with the code {code}"));
        }
        _ => {}
    }
}

/// Whether a browser can be shown: a terminal, and a display or a Mac.
fn has_screen() -> bool {
    use std::io::IsTerminal as _;
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    std::io::stderr().is_terminal()
        && (cfg!(target_os = "macos") || set("DISPLAY") || set("WAYLAND_DISPLAY"))
}

fn unauthenticated(error: OidcError) -> Failure {
    Failure::from_error(Exit::Authentication, &error)
}
