use super::*;
use bulla_core::FixedClock;
use bulla_crypto::{
    Scheme, SigningKey,
    x509::{Issuer, Validity, issue_server_certificate},
};
use jiff::Timestamp;

fn write(dir: &Path, days: i64) -> ListenSettings {
    let validity = Validity::seconds(Timestamp::UNIX_EPOCH, days * 86_400).unwrap();
    let root = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let root = Issuer::create_root(root, "test", "root", validity).unwrap();
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let hosts = ["localhost".to_owned()];
    let leaf = issue_server_certificate(&root, key.public(), &hosts, validity).unwrap();
    let (certificate, private) = (dir.join("tls.pem"), dir.join("tls.key"));
    fs::write(&certificate, leaf.to_pem()).unwrap();
    fs::write(&private, key.to_pkcs8_pem().as_bytes()).unwrap();
    ListenSettings {
        certificate_file: Some(certificate),
        key_file: Some(private),
        ..ListenSettings::default()
    }
}

fn clock(days: i64) -> Arc<dyn Clock> {
    Arc::new(FixedClock(Timestamp::from_second(days * 86_400).unwrap()))
}

#[test]
fn files_are_read_again_and_damage_leaves_the_former() {
    let dir = tempfile::tempdir().unwrap();
    let listen = write(dir.path(), 10);
    let files = TlsFiles::open(&listen, &clock(1)).unwrap().unwrap();
    let first = files.lifetime();
    files.reload();
    assert_eq!(files.lifetime(), first);
    fs::write(dir.path().join("tls.key"), "damaged").unwrap();
    files.reload();
    assert_eq!(files.lifetime(), first);
    write(dir.path(), 20);
    files.reload();
    assert!(files.lifetime().until > first.until);
    assert!(files.server_config().is_ok());
}

#[test]
fn an_expired_or_foreign_certificate_is_refused_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let listen = write(dir.path(), 10);
    let refused = TlsFiles::open(&listen, &clock(11)).unwrap_err();
    assert!(refused.is("AUTH-0800"), "{refused}");
    let other = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    fs::write(dir.path().join("tls.key"), other.to_pkcs8_pem().as_bytes()).unwrap();
    let refused = TlsFiles::open(&listen, &clock(1)).unwrap_err();
    assert!(refused.is("CLI-0513"), "{refused}");
    assert!(
        TlsFiles::open(&ListenSettings::default(), &clock(1))
            .unwrap()
            .is_none()
    );
}
