//! Logins of a person: with a browser, with a code, and of a program.

use bulla_core::{Diagnose, FixedClock};
use bulla_net::{
    Egress, HttpClient, HttpOptions, Request, Token,
    oidc::{self, Login, Notice, OidcError, Secret},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Mutex, time::Duration};
use tokio::sync::mpsc;
use url::Url;

use super::{issuer::Issuer, now};

fn login(issuer: &Issuer) -> Login {
    Login {
        open_browser: false,
        patience: Duration::from_secs(30),
        ..Login::at(issuer.base())
    }
}

/// What a browser that was sent to the issuer brings back.
struct Visit {
    back: Url,
    query: BTreeMap<String, String>,
}

impl Visit {
    /// Comes back with these parameters, and gives the status of the answer.
    async fn back(&self, parameters: &[(&str, &str)]) -> u16 {
        let mut url = self.back.clone();
        url.query_pairs_mut().extend_pairs(parameters);
        let answer = HttpClient::loopback().send(Request::get(url)).await;
        answer.unwrap().status().as_u16()
    }

    fn state(&self) -> &str {
        &self.query["state"]
    }
}

/// Logs in with a person who does `act` at the browser.
async fn with_browser<F>(
    issuer: &Issuer,
    login: Login,
    act: impl FnOnce(Visit) -> F,
) -> Result<Token, OidcError>
where
    F: Future<Output = ()>,
{
    let (send, mut receive) = mpsc::unbounded_channel();
    let notify = move |notice: Notice<'_>| {
        if let Notice::Visit { url, opened } = notice {
            assert!(!opened);
            send.send(url.to_owned()).unwrap();
        }
    };
    let person = async {
        // Ends when the login does, whether it sent anybody anywhere or not.
        let Some(url) = receive.recv().await else {
            return;
        };
        let query: BTreeMap<String, String> = Url::parse(&url)
            .unwrap()
            .query_pairs()
            .into_owned()
            .collect();
        issuer.book().challenge = query["code_challenge"].clone();
        issuer.book().nonce = Some(query["nonce"].clone());
        let back = Url::parse(&query["redirect_uri"]).unwrap();
        act(Visit { back, query }).await;
    };
    let http = HttpClient::loopback();
    let clock = FixedClock(now());
    let log_in = async {
        let outcome = oidc::browser(&http, &login, &notify, &clock).await;
        drop(notify);
        outcome
    };
    tokio::join!(log_in, person).0
}

async fn comes_back(visit: Visit) {
    let state = visit.state().to_owned();
    visit.back(&[("code", "c"), ("state", &state)]).await;
}

#[tokio::test]
async fn a_person_logs_in_with_a_browser() {
    let issuer = Issuer::start().await;
    let token = with_browser(&issuer, login(&issuer), |visit| async move {
        let asked = &visit.query;
        assert_eq!(asked["response_type"], "code");
        assert_eq!(asked["client_id"], "sigstore");
        assert_eq!(asked["code_challenge_method"], "S256");
        assert_eq!(asked["scope"], "openid email");
        assert!(visit.back.as_str().starts_with("http://localhost:"));
        assert_eq!(visit.back.path(), "/auth/callback");
        comes_back(visit).await;
    })
    .await
    .unwrap();
    assert!(token.promises().unwrap().is_some());
    let seen = issuer.book().seen.clone();
    assert_eq!(seen[0]["grant_type"], "authorization_code");
    assert_eq!(seen[0]["code"], "c");
    assert!(!seen[0].contains_key("client_secret"));
}

#[tokio::test]
async fn only_this_login_can_come_back() {
    let issuer = Issuer::start().await;
    with_browser(&issuer, login(&issuer), |visit| async move {
        let state = visit.state().to_owned();
        // A page of somebody else neither slips in a code nor ends the login.
        assert_eq!(
            visit.back(&[("code", "evil"), ("state", "guessed")]).await,
            400
        );
        assert_eq!(visit.back(&[("code", "evil")]).await, 400);
        assert_eq!(
            visit.back(&[("error", "x"), ("state", "guessed")]).await,
            400
        );
        assert_eq!(visit.back(&[("code", "c"), ("state", &state)]).await, 200);
    })
    .await
    .unwrap();
    assert_eq!(issuer.book().seen.last().unwrap()["code"], "c");
    // Nobody comes.
    let impatient = Login {
        patience: Duration::from_millis(200),
        ..login(&issuer)
    };
    let error = with_browser(&issuer, impatient, |_| async {})
        .await
        .unwrap_err();
    assert_eq!(error.code().0, "NET-0252");
    let refused = with_browser(&issuer, login(&issuer), |visit| async move {
        let state = visit.state().to_owned();
        visit
            .back(&[("error", "access_denied"), ("state", &state)])
            .await;
    });
    assert_eq!(refused.await.unwrap_err().code().0, "NET-0243");
}

#[tokio::test]
async fn a_token_of_another_login_is_refused() {
    for (lie, code) in [
        (json!({"nonce": "another"}), "NET-0249"),
        (json!({"nonce": null}), "NET-0249"),
        (json!({"aud": "another"}), "NET-0242"),
        (json!({"iss": "https://another.example"}), "NET-0241"),
        (json!({"exp": 1_000_000_000}), "NET-0244"),
    ] {
        let issuer = Issuer::start().await;
        issuer.book().claims = lie.clone();
        let error = with_browser(&issuer, login(&issuer), comes_back)
            .await
            .unwrap_err();
        assert_eq!(error.code().0, code, "{lie}: {error}");
    }
}

#[tokio::test]
async fn issuers_are_held_to_their_documents() {
    let code = async |lie: Value| {
        let issuer = Issuer::start().await;
        issuer.book().document = lie;
        let outcome = with_browser(&issuer, login(&issuer), comes_back).await;
        outcome.unwrap_err().code().0
    };
    assert_eq!(
        code(json!({"issuer": "https://another.example"})).await,
        "NET-0241"
    );
    assert_eq!(
        code(json!({"authorization_endpoint": null})).await,
        "NET-0254"
    );
    let plain = json!({"authorization_endpoint": "http://plain.example/auth"});
    assert_eq!(code(plain).await, "NET-0254");
    let script = json!({"authorization_endpoint": "javascript:alert(1)"});
    assert_eq!(code(script).await, "NET-0254");
    // Within the network rule, not wherever a document says.
    let elsewhere = json!({"token_endpoint": "https://elsewhere.example/token"});
    assert_eq!(code(elsewhere).await, "NET-0003");
    let issuer = Issuer::start().await;
    for redirect in ["http://elsewhere.example/cb", "https://localhost:1/cb"] {
        let login = Login {
            redirect: Some(redirect.parse().unwrap()),
            ..login(&issuer)
        };
        let error = with_browser(&issuer, login, comes_back).await.unwrap_err();
        assert_eq!(error.code().0, "NET-0251", "{redirect}");
    }
    let offline = HttpClient::new(HttpOptions::new(Egress::Offline));
    let clock = FixedClock(now());
    let outcome = oidc::browser(&offline, &login(&issuer), &|_| (), &clock).await;
    assert_eq!(outcome.unwrap_err().code().0, "NET-0003");
}

#[tokio::test]
async fn a_code_is_entered_elsewhere() {
    let issuer = Issuer::start().await;
    issuer.book().errors = vec!["authorization_pending"];
    let told = Mutex::new(Vec::new());
    let notify = |notice: Notice<'_>| {
        if let Notice::Enter {
            url,
            code,
            complete,
        } = notice
        {
            let line = format!("{url} {code} {}", complete.unwrap_or_default());
            told.lock().unwrap().push(line);
        }
    };
    let (http, clock) = (HttpClient::loopback(), FixedClock(now()));
    let ask = async || oidc::device(&http, &login(&issuer), &notify, &clock).await;
    ask().await.unwrap();
    assert_eq!(
        told.lock().unwrap()[0],
        "https://issuer.example/device ABCD-EFGH https://issuer.example/device?code=ABCD-EFGH"
    );
    let seen = issuer.book().seen.clone();
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[0]["client_id"], "sigstore");
    assert_eq!(seen[2]["device_code"], "device-secret");
    issuer.book().errors = vec!["access_denied"];
    let error = ask().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the issuer refuses: access_denied (it says no)"
    );
    assert!(!format!("{error:?}").contains("device-secret"));
    // Told to be slower than the person may take.
    issuer.book().errors = vec!["slow_down"; 9];
    let hurried = Login {
        patience: Duration::from_secs(3),
        ..login(&issuer)
    };
    let error = oidc::device(&http, &hurried, &notify, &clock)
        .await
        .unwrap_err();
    assert_eq!(error.code().0, "NET-0252");
}

#[tokio::test]
async fn a_program_has_a_secret() {
    let issuer = Issuer::start().await;
    let http = HttpClient::loopback();
    let with = |secret: &str| Login {
        client_secret: Some(Secret::new(secret)),
        ..login(&issuer)
    };
    oidc::client_credentials(&http, &with("client-secret\n"), now())
        .await
        .unwrap();
    let wrong = with("wrong-secret");
    assert!(!format!("{wrong:?}").contains("wrong-secret"));
    let error = oidc::client_credentials(&http, &wrong, now())
        .await
        .unwrap_err();
    assert_eq!(error.code().0, "NET-0243");
}
