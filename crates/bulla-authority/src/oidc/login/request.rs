//! An authorization request, read and checked (OpenID Connect Core 1.0 §3.1.2).
//!
//! Client and redirect address come first: until both hold, nobody is sent
//! anywhere (RFC 6749 §4.1.2.1), whatever else is wrong. Codes are the only
//! response type and S256 the only PKCE method, for every client.

use url::Url;

use crate::oidc::{
    client::{Client, Grant},
    form::Form,
    identity::{Scope, is_challenge},
    oauth_error::{OAuthError, Refusal},
    redirect::OUT_OF_BAND,
};

const STATE_BYTES: usize = 1024;
const NONCE_BYTES: usize = 512;
const URL_BYTES: usize = 1024;

/// A request that may be answered.
#[derive(Clone, Debug)]
pub struct AuthRequest {
    /// Who asks.
    pub client: Client,
    /// Where the answer goes.
    pub redirect_uri: String,
    /// To be echoed in the answer.
    pub state: Option<String>,
    /// To be echoed in the token.
    pub nonce: Option<String>,
    /// What is asked.
    pub scope: Scope,
    scope_text: String,
    /// The PKCE challenge.
    pub challenge: String,
    /// Whether a page may be shown.
    pub silent: bool,
    /// Whether an earlier login may not count.
    pub fresh: bool,
    /// How old a login may be that counts, in seconds.
    pub max_age: Option<i64>,
}

/// Where the answer to a request goes, once client and address were checked.
#[derive(Clone, Debug)]
pub struct Destination {
    redirect_uri: String,
    state: Option<String>,
}

impl AuthRequest {
    /// Reads the rest of a request whose client and address hold.
    ///
    /// # Errors
    /// What the client is told at its address.
    pub fn parse(form: &Form, client: Client, to: &Destination) -> Result<Self, OAuthError> {
        if form.one("request")?.is_some() || form.one("request_uri")?.is_some() {
            return Err(OAuthError::new(
                Refusal::RequestNotSupported,
                "send the parameters themselves",
            ));
        }
        if form.need("response_type", 64)? != "code" {
            return Err(OAuthError::new(
                Refusal::UnsupportedResponseType,
                "only the response type code is answered",
            ));
        }
        if form
            .short("response_mode", 64)?
            .is_some_and(|mode| mode != "query")
        {
            return Err(OAuthError::request(
                "only the response mode query is answered",
            ));
        }
        if !client.may(Grant::AuthorizationCode) {
            return Err(OAuthError::new(
                Refusal::UnauthorizedClient,
                "this client may not log people in",
            ));
        }
        let scope_text = form.need("scope", 1024)?.to_owned();
        let scope = Scope::parse([scope_text.as_str()]);
        if !scope.openid {
            return Err(OAuthError::new(
                Refusal::InvalidScope,
                "the scope openid must be asked for",
            ));
        }
        let challenge = challenge(form)?.ok_or_else(|| {
            OAuthError::request("PKCE is required: send code_challenge with the method S256")
        })?;
        let prompt = form.short("prompt", 64)?.unwrap_or_default();
        let asks = |what| prompt.split_ascii_whitespace().any(|one| one == what);
        let max_age = match form.short("max_age", 12)? {
            Some(text) => Some(
                text.parse::<u32>()
                    .map(i64::from)
                    .map_err(|_| OAuthError::request("max_age must be a number of seconds"))?,
            ),
            None => None,
        };
        Ok(Self {
            client,
            redirect_uri: to.redirect_uri.clone(),
            state: to.state.clone(),
            nonce: form.short("nonce", NONCE_BYTES)?.map(str::to_owned),
            scope,
            scope_text,
            challenge,
            silent: asks("none"),
            fresh: asks("login") || asks("select_account"),
            max_age,
        })
    }

    /// The parameters again, for the form that continues the request.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = vec![
            ("response_type", "code".to_owned()),
            ("client_id", self.client.id.clone()),
            ("redirect_uri", self.redirect_uri.clone()),
            ("scope", self.scope_text.clone()),
            ("code_challenge", self.challenge.clone()),
            ("code_challenge_method", "S256".to_owned()),
        ];
        fields.extend(self.state.clone().map(|state| ("state", state)));
        fields.extend(self.nonce.clone().map(|nonce| ("nonce", nonce)));
        fields.extend(self.max_age.map(|age| ("max_age", age.to_string())));
        if self.fresh {
            fields.push(("prompt", "login".to_owned()));
        }
        fields
    }

    /// Where the answer goes.
    pub fn destination(&self) -> Destination {
        Destination {
            redirect_uri: self.redirect_uri.clone(),
            state: self.state.clone(),
        }
    }
}

impl Destination {
    /// The address of a request, if the client registered it.
    ///
    /// # Errors
    /// A text for the page that is shown instead: nobody is redirected.
    pub fn of(form: &Form, client: &Client) -> Result<Self, &'static str> {
        let redirect = form.need("redirect_uri", URL_BYTES);
        let redirect = redirect.map_err(|_| "The request names no address to return to.")?;
        if !client.redirects_to(redirect) {
            return Err(
                "The program that sent you here did not register the address to return to.",
            );
        }
        let state = form.short("state", STATE_BYTES);
        let state = state.map_err(|_| "The request carries a state that is too long.")?;
        Ok(Self {
            redirect_uri: redirect.to_owned(),
            state: state.map(str::to_owned),
        })
    }

    /// Whether the answer is shown on a page of ours.
    pub fn is_out_of_band(&self) -> bool {
        self.redirect_uri == OUT_OF_BAND
    }

    /// The address with the answer in its query, ours named (RFC 9207).
    pub fn with(&self, issuer: &str, answer: &[(&str, &str)]) -> Option<String> {
        let mut url = Url::parse(&self.redirect_uri).ok()?;
        {
            let mut query = url.query_pairs_mut();
            query.extend_pairs(answer);
            if let Some(state) = &self.state {
                query.append_pair("state", state);
            }
            query.append_pair("iss", issuer);
        }
        Some(url.into())
    }
}

/// The PKCE challenge of a request.
///
/// # Errors
/// `invalid_request` for the method `plain`, or a text that is none.
pub fn challenge(form: &Form) -> Result<Option<String>, OAuthError> {
    let method = form.short("code_challenge_method", 16)?;
    let Some(challenge) = form.short("code_challenge", 128)? else {
        return Ok(None);
    };
    // Absent means plain (RFC 7636 §4.3).
    if method != Some("S256") || !is_challenge(challenge) {
        return Err(OAuthError::request(
            "code_challenge must be of the method S256",
        ));
    }
    Ok(Some(challenge.to_owned()))
}
