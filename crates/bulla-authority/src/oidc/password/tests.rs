use super::*;

#[tokio::test]
async fn right_wrong_and_nobody() {
    let hasher = Hasher::default();
    let secret = || Password::new("correct horse battery");
    let phc = hasher.hash(secret()).await.unwrap();
    assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
    assert_ne!(phc, hasher.hash(secret()).await.unwrap());
    let verify = async |text: &str, phc: Option<&str>| {
        let phc = phc.map(str::to_owned);
        hasher.verify(Password::new(text), phc).await.unwrap()
    };
    let right = Verdict::Right { outdated: false };
    assert_eq!(verify("correct horse battery", Some(&phc)).await, right);
    assert_eq!(
        verify("correct horse batterz", Some(&phc)).await,
        Verdict::Wrong
    );
    assert_eq!(verify("nobody", None).await, Verdict::Wrong);
    assert_eq!(verify("x", Some("not a hash")).await, Verdict::Wrong);
}

#[tokio::test]
async fn a_hash_of_less_work_is_told() {
    let weak = Argon2::new(
        Algorithm::Argon2id,
        Version::V0x13,
        Params::new(8192, 1, 1, None).unwrap(),
    );
    let salt = SaltString::encode_b64(&[7; 16]).unwrap();
    let phc = weak.hash_password(b"an old password", &salt).unwrap();
    let hasher = Hasher::default();
    let verdict = hasher.verify(Password::new("an old password"), Some(phc.to_string()));
    assert_eq!(verdict.await.unwrap(), Verdict::Right { outdated: true });
}

#[test]
fn new_passwords_are_long_and_not_the_address() {
    let check = |text: &str| Password::new(text).check_new("dana@example.com");
    assert!(check("twelve chars").is_ok());
    assert!(check("elevenchars").is_err());
    assert!(check("éééééé").is_err());
    assert!(check("my-Dana@Example.com-1").is_err());
    assert!(check(&"x".repeat(1025)).is_err());
}
