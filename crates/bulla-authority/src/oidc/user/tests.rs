use bulla_crypto::otp;
use bulla_store::Store;
use jiff::ToSpan as _;

use super::*;

struct World {
    _directory: tempfile::TempDir,
    store: Store,
    users: Users,
}

async fn world() -> World {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).await.unwrap();
    let slots = KeySlots::open(&directory.path().join("keys"))
        .await
        .unwrap();
    World {
        users: Users::new(store.values(), slots, "bulla test".into()),
        store,
        _directory: directory,
    }
}

const DANA: &str = "dana@example.com";

fn secret() -> Password {
    Password::new("correct horse battery")
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

async fn add(users: &Users) {
    let groups = vec!["release".into(), "dev".into()];
    users
        .add(
            "Dana@Example.com",
            Some("Dana".into()),
            groups,
            Some(secret()),
            now(),
        )
        .await
        .unwrap();
}

async fn try_in(users: &Users, code: Option<&str>, at: Timestamp) -> Result<User, Rejected> {
    users.authenticate(DANA, secret(), code, at).await.unwrap()
}

#[tokio::test]
async fn people_come_and_go() {
    let World {
        users,
        store,
        _directory,
    } = world().await;
    add(&users).await;
    let again = users.add(DANA, None, vec![], None, now()).await;
    assert!(matches!(again, Err(LoginError::Exists { .. })));
    let user = try_in(&users, None, now()).await.unwrap();
    assert_eq!(user.email, DANA);
    assert_eq!(user.groups, ["dev", "release"]);
    let wrong = users.authenticate(DANA, Password::new("wrong"), None, now());
    assert_eq!(wrong.await.unwrap(), Err(Rejected::Credentials));
    let nobody = users.authenticate("eve@example.com", secret(), None, now());
    assert_eq!(nobody.await.unwrap(), Err(Rejected::Credentials));
    users.enable(DANA, false, now()).await.unwrap();
    assert_eq!(
        try_in(&users, None, now()).await,
        Err(Rejected::Credentials)
    );
    users.enable(DANA, true, now()).await.unwrap();
    users
        .set_password(DANA, Password::new("another long one"), now())
        .await
        .unwrap();
    assert_eq!(
        try_in(&users, None, now()).await,
        Err(Rejected::Credentials)
    );
    users
        .add("bob@example.com", None, vec![], None, now())
        .await
        .unwrap();
    let bob = users.authenticate("bob@example.com", secret(), None, now());
    assert_eq!(
        bob.await.unwrap(),
        Err(Rejected::Credentials),
        "no password yet"
    );
    let list = users.list().await.unwrap();
    let emails: Vec<_> = list.iter().map(|user| user.email.as_str()).collect();
    assert_eq!(emails, ["bob@example.com", DANA]);
    let raw = store.values().get(SPACE, DANA).await.unwrap().unwrap();
    assert!(!String::from_utf8(raw).unwrap().contains("another long one"));
}

#[tokio::test]
async fn what_cannot_stand_in_a_certificate_is_no_user() {
    let World {
        users, _directory, ..
    } = world().await;
    for bad in [
        "",
        "dana",
        "a@b@c",
        "http://h/oidc/login/client/x",
        "dana@exämple.com",
    ] {
        let added = users.add(bad, None, vec![], None, now()).await;
        assert!(matches!(added, Err(LoginError::Email)), "{bad}");
    }
    let groups = vec!["a b".to_owned()];
    assert!(users.add(DANA, None, groups, None, now()).await.is_err());
    let added = users
        .add(DANA, Some("x\u{7}".into()), vec![], None, now())
        .await;
    assert!(matches!(added, Err(LoginError::Name { .. })));
}

async fn enrol(users: &Users) -> (Vec<u8>, Vec<String>) {
    let enrolment = users.enrol_totp(DANA).await.unwrap();
    // Not asked for before the first code was seen.
    assert!(try_in(users, None, now()).await.is_ok());
    let secret = unbase32(&enrolment.secret);
    assert!(matches!(
        users.confirm_totp(DANA, "000000", now() - 90.hours()).await,
        Err(LoginError::Totp)
    ));
    let code = code_at(&secret, now());
    let codes = users.confirm_totp(DANA, &code, now()).await;
    (secret, codes.unwrap())
}

fn code_at(secret: &[u8], at: Timestamp) -> String {
    format!("{:06}", otp::hotp(secret, at.as_second() as u64 / 30))
}

fn unbase32(text: &str) -> Vec<u8> {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits: String = text
        .chars()
        .map(|c| format!("{:05b}", alphabet.find(c).unwrap()))
        .collect();
    bits.as_bytes()
        .chunks_exact(8)
        .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap())
        .collect()
}

#[tokio::test]
async fn a_second_factor_is_asked_for_and_good_once() {
    let World {
        users,
        store,
        _directory,
    } = world().await;
    add(&users).await;
    let (secret, recovery) = enrol(&users).await;
    assert_eq!(try_in(&users, None, now()).await, Err(Rejected::Code));
    // The code that confirmed it was used.
    let first = code_at(&secret, now());
    assert_eq!(
        try_in(&users, Some(&first), now()).await,
        Err(Rejected::Code)
    );
    let later = now() + 30.seconds();
    let code = code_at(&secret, later);
    // Twice at once: one gets in.
    let (one, two) = tokio::join!(
        try_in(&users, Some(&code), later),
        try_in(&users, Some(&code), later)
    );
    assert_eq!(one.is_ok() as u8 + two.is_ok() as u8, 1);
    assert_eq!(
        try_in(&users, Some(&code), later).await,
        Err(Rejected::Code)
    );
    // Recovery codes: each once, however it is written.
    let typed = recovery[0].to_lowercase().replace('-', " ");
    assert_eq!(
        try_in(&users, Some(&typed), later)
            .await
            .unwrap()
            .recovery_codes,
        9
    );
    assert_eq!(
        try_in(&users, Some(&typed), later).await,
        Err(Rejected::Code)
    );
    let raw = store.values().get(SPACE, DANA).await.unwrap().unwrap();
    let raw = String::from_utf8(raw).unwrap();
    assert!(!raw.contains(&hex::encode(&secret)) && !raw.contains(&recovery[1]));
    // A second enrolment must not push the first out.
    assert!(matches!(
        users.enrol_totp(DANA).await,
        Err(LoginError::Unfit(_))
    ));
    users.remove_totp(DANA, later).await.unwrap();
    assert!(try_in(&users, None, later).await.is_ok());
}

#[tokio::test]
async fn a_sealed_secret_opens_for_its_own_user_only() {
    let World {
        users, _directory, ..
    } = world().await;
    let sealed = users.seal(DANA, b"secret").unwrap();
    assert_eq!(users.unseal(DANA, &sealed).unwrap(), b"secret");
    assert!(matches!(
        users.unseal("eve@example.com", &sealed),
        Err(LoginError::Seal(_))
    ));
}

#[tokio::test]
async fn an_old_hash_is_renewed_at_login() {
    use argon2::{Argon2, PasswordHasher as _, password_hash::SaltString};
    let World {
        users,
        store,
        _directory,
    } = world().await;
    add(&users).await;
    let params = argon2::Params::new(8192, 1, 1, None).unwrap();
    let weak = Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let salt = SaltString::encode_b64(&[1; 16]).unwrap();
    let phc = weak
        .hash_password(b"correct horse battery", &salt)
        .unwrap()
        .to_string();
    let found = users.read(DANA).await.unwrap().unwrap();
    let record = Record {
        password: Some(phc),
        ..found.record
    };
    assert!(users.write(DANA, Some(&found.raw), &record).await.unwrap());
    assert!(try_in(&users, None, now()).await.is_ok());
    let raw = store.values().get(SPACE, DANA).await.unwrap().unwrap();
    assert!(String::from_utf8(raw).unwrap().contains("m=19456,t=2"));
}
