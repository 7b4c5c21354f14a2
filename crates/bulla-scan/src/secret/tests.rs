use super::*;

/// Random-looking text of that alphabet: the same each time, and nobody's secret.
fn noise(alphabet: &str, length: usize) -> String {
    let letters: Vec<char> = alphabet.chars().collect();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        letters[(state >> 33) as usize % letters.len()]
    };
    (0..length).map(|_| next()).collect()
}

const LETTERS: &str = "abcdefghijkmnopqrstuvwyzABCDEFGHJKLMNPQRSTUVWYZ";
const WORD: &str = "abcdefghijkmnopqrstuvwyzABCDEFGHJKLMNPQRSTUVWYZ23456789";
const UPPER: &str = "ABCDEFGHJKLMNPQRSTUVWYZ234567";
const HEX: &str = "0123456789abcdef";

fn pem(kind: &str) -> String {
    let body = noise(WORD, 64);
    format!(
        "{d}BEGIN {kind}{d}\n{body}\n{body}\n{d}END {kind}{d}\n",
        d = "-----"
    )
}

/// For each rule: what it must find. Built from pieces, so that no secret-looking
/// text stands in this file.
fn positives() -> Vec<(&'static str, String)> {
    let word = |n| noise(WORD, n);
    let hex = |n| noise(HEX, n);
    vec![
        (
            "age-key",
            format!(
                "AGE-SECRET-KEY-{}{}",
                1,
                noise("023456789ACDEFGHJKLMNPQRSTUVWXYZ", 58)
            ),
        ),
        ("anthropic-key", format!("sk-{}-api03-{}", "ant", word(93))),
        ("atlassian-token", format!("{}T3x{}", "ATAT", word(190))),
        (
            "aws-access-key",
            format!("id = {}IA{}", "AK", noise(UPPER, 16)),
        ),
        (
            "aws-secret-key",
            format!("aws_secret_access_key = {}", word(40)),
        ),
        (
            "azure-client-secret",
            format!("value: {}8Q~{}", word(3), word(33)),
        ),
        ("azure-storage-key", format!("AccountKey={}==;", word(86))),
        ("cosign-key", pem("ENCRYPTED SIGSTORE PRIVATE KEY")),
        (
            "crates-io-token",
            format!("token = \"ci{}{}\"", "o", word(32)),
        ),
        (
            "database-url",
            format!("postgres://app:{}@db.internal/x", word(16)),
        ),
        ("databricks-token", format!("da{}{}", "pi", hex(32))),
        ("digitalocean-token", format!("dop{}{}", "_v1_", hex(64))),
        (
            "discord-webhook",
            format!(
                "https://discord.com/api/webhooks/123456789012345678/{}",
                word(68)
            ),
        ),
        (
            "docker-auth",
            format!(
                "{{\"auths\":{{\"r.example.com\":{{\"auth\":\"{}\"}}}}}}",
                word(40)
            ),
        ),
        ("docker-token", format!("dckr_{}_{}", "pat", word(27))),
        ("gcp-api-key", format!("AI{}{}", "za", word(35))),
        ("gcp-oauth-secret", format!("GOC{}{}", "SPX-", word(28))),
        ("generic-secret", format!("api_key = \"{}\"", word(32))),
        ("github-app-key", format!("gh{}_{}", "p", word(36))),
        (
            "github-fine-grained",
            format!("github{}{}_{}", "_pat_", word(22), word(59)),
        ),
        ("gitlab-token", format!("glp{}{}", "at-", word(20))),
        (
            "grafana-token",
            format!("gl{}_{}_{}", "sa", word(32), hex(8)),
        ),
        (
            "http-password",
            format!("git clone https://me:{}@git.internal/x", word(20)),
        ),
        (
            "huggingface-token",
            format!("h{}_{}", "f", noise(LETTERS, 34)),
        ),
        (
            "jwt",
            format!(
                "Authorization: Bearer ey{}.ey{}.{}",
                "J".to_owned() + &word(20),
                "J".to_owned() + &word(40),
                word(43)
            ),
        ),
        ("linear-key", format!("lin{}{}", "_api_", word(40))),
        ("mailgun-key", format!("MAILGUN_KEY=key-{}", hex(32))),
        ("newrelic-key", format!("NR{}{}", "AK-", noise(UPPER, 27))),
        (
            "npm-config-token",
            format!("//r.example.com/:_auth{}={}", "Token", word(36)),
        ),
        ("npm-token", format!("np{}_{}", "m", word(36))),
        (
            "openai-key",
            format!("sk-{}T3Blbk{}{}", word(20), "FJ", word(20)),
        ),
        ("openssh-key", pem("OPENSSH PRIVATE KEY")),
        (
            "pgp-key",
            pem("PGP PRIVATE KEY BLOCK").replacen('\n', "\nVersion: 1\n\n", 1),
        ),
        ("private-key", pem("EC PRIVATE KEY").replace('\n', "\\n")),
        ("private-key-encrypted", pem("ENCRYPTED PRIVATE KEY")),
        ("pulumi-token", format!("pu{}-{}", "l", hex(40))),
        (
            "putty-key",
            format!(
                "PuTTY-User-Key-File-{}: ssh-ed25519\nEncryption: none\nPrivate-Lines: 1\n{}\n",
                3,
                word(48)
            ),
        ),
        (
            "pypi-token",
            format!("pypi-AgEIcHlwaS5{}{}", "vcmc", word(80)),
        ),
        (
            "sendgrid-key",
            format!("S{}.{}.{}", "G", word(22), word(43)),
        ),
        ("sentry-token", format!("sntr{}_{}", "ys", word(90))),
        ("shopify-token", format!("shp{}_{}", "at", hex(32))),
        (
            "slack-token",
            format!("xox{}-123456789012-123456789012-{}", "b", word(24)),
        ),
        (
            "slack-webhook",
            format!(
                "https://hooks.slack.com/services/T{}/B{}/{}",
                noise(UPPER, 9),
                noise(UPPER, 9),
                word(24)
            ),
        ),
        ("stripe-key", format!("sk_{}_{}", "live", word(24))),
        (
            "telegram-token",
            format!("telegram = 123456789:{}{}", "AA", word(33)),
        ),
        (
            "terraform-token",
            format!("{}.atlas{}.{}", word(14), "v1", word(64)),
        ),
        ("twilio-key", format!("TWILIO_KEY=S{}{}", "K", hex(32))),
        ("vault-token", format!("hv{}.{}", "s", word(96))),
    ]
}

/// For each rule: what comes near and is none.
fn negatives() -> Vec<(&'static str, String)> {
    let word = |n| noise(WORD, n);
    let hex = |n| noise(HEX, n);
    let same = |c: &str, n| c.repeat(n);
    vec![
        ("age-key", format!("AGE-SECRET-KEY-{}{}", 1, word(20))),
        ("anthropic-key", "sk-ant-api03-your-key-here".into()),
        ("atlassian-token", "ATATT3xFf is how it begins".into()),
        ("aws-access-key", format!("{}IAIOSFODNN7{}", "AK", "EXAMPLE")),
        ("aws-secret-key", format!("aws_secret_access_key = {}", same("a", 40))),
        ("azure-client-secret", format!("{}8Q~{}", word(3), word(5))),
        ("azure-storage-key", "AccountKey=${STORAGE_KEY};".into()),
        ("cosign-key", "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n...".into()),
        ("crates-io-token", "cio is three letters, and suspicious has more".into()),
        ("database-url", "postgres://user:password@localhost/db".into()),
        ("databricks-token", format!("dapi{}", word(8))),
        ("digitalocean-token", format!("dop_v1_{}", same("0", 64))),
        ("discord-webhook", "https://discord.com/api/webhooks/ID/TOKEN".into()),
        ("docker-auth", "{\"auths\":{\"r\":{\"auth\":\"\"}}}".into()),
        ("docker-token", "dckr_pat_".into()),
        ("gcp-api-key", format!("AIza{}", same("x", 35))),
        ("gcp-oauth-secret", "GOCSPX-your-client-secret-here".into()),
        ("generic-secret", "password = \"correct horse battery\"\ntoken: \"${GITHUB_TOKEN}\"\napi_key = os.environ['API_KEY_OF_SERVICE']".into()),
        ("github-app-key", format!("ghp_{}", same("x", 36))),
        ("github-fine-grained", "github_pat_11AAAA".into()),
        ("gitlab-token", "glpat-xxxxxxxxxxxxxxxxxxxx".into()),
        ("grafana-token", "glsa_name".into()),
        ("http-password", "https://user:password@example.com https://a.b/c:d@e https://u:${PASS_WORD}@h".into()),
        ("huggingface-token", "hf_hub_download(repo_id)".into()),
        ("jwt", format!("integrity ey{}.ey{}.{}", "J".to_owned() + &word(20), "J".to_owned() + &word(40), word(43))),
        ("linear-key", "lin_api_key".into()),
        ("mailgun-key", format!("key-{}", hex(32))),
        ("newrelic-key", "NRAK-0000".into()),
        ("npm-config-token", "//r.example.com/:_authToken=${NPM_TOKEN}".into()),
        ("npm-token", "npm_config_registry npm_lifecycle_event".into()),
        ("openai-key", "sk-short".into()),
        ("openssh-key", "starts with -----BEGIN OPENSSH PRIVATE KEY----- they say".into()),
        ("pgp-key", "-----BEGIN PGP PRIVATE KEY BLOCK-----".into()),
        ("private-key", "if text.contains(\"-----BEGIN PRIVATE KEY-----\") {".into()),
        ("private-key-encrypted", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n(omitted)".into()),
        ("pulumi-token", format!("pul-{}", word(10))),
        ("putty-key", "PuTTY-User-Key-File-3: ssh-rsa\nPublic-Lines: 1".into()),
        ("pypi-token", "pypi-AgEIcHlwaS5vcmc is the prefix".into()),
        ("sendgrid-key", "SG.short.token and msg.sender.name".into()),
        ("sentry-token", "sntrys_".into()),
        ("shopify-token", format!("shpat_{}", same("0", 32))),
        ("slack-token", "xoxb-not-a-real-slack-token".into()),
        ("slack-webhook", "https://hooks.slack.com/services/T000/B000/XXXX".into()),
        ("stripe-key", format!("sk_test_{}", word(24))),
        ("telegram-token", format!("telegram said 123456789:{}", word(5))),
        ("terraform-token", "x.atlasv1.y".into()),
        ("twilio-key", format!("SK{}", hex(32))),
        ("vault-token", "hvs.short".into()),
    ]
}

#[test]
fn every_rule_finds_what_it_is_for() {
    let scanner = Scanner::default();
    let cases = positives();
    for (id, text) in &cases {
        let text = format!("first line\n{text}\nlast line\n");
        let findings = scanner.scan("config.env", text.as_bytes());
        let ids: Vec<&str> = findings.iter().map(|f| f.id.as_str()).collect();
        assert!(
            ids.contains(&format!("secret/{id}").as_str()),
            "{id}: found {ids:?}"
        );
    }
    let tested: Vec<&str> = cases.iter().map(|(id, _)| *id).collect();
    for rule in RULES {
        assert!(tested.contains(&rule.id), "{} has no test", rule.id);
    }
}

#[test]
fn every_rule_leaves_alone_what_comes_near() {
    let scanner = Scanner::default();
    let cases = negatives();
    for (id, text) in &cases {
        let findings = scanner.scan("readme.md", text.as_bytes());
        assert!(findings.is_empty(), "{id}: {findings:?}");
    }
    assert_eq!(cases.len(), RULES.len());
}

#[test]
fn rules_are_sound() {
    assert!(RULES.is_sorted_by_key(|rule| rule.id));
    assert!(RULES.len() >= 25);
    for rule in RULES {
        assert!(
            !rule.keywords.is_empty(),
            "{} would run on every file",
            rule.id
        );
        RegexBuilder::new(rule.pattern)
            .unicode(false)
            .build()
            .unwrap();
    }
}

#[test]
fn a_finding_names_the_line_and_never_the_secret() {
    let secret = format!("gh{}_{}", "p", noise(WORD, 36));
    let text = format!("a\r\nb\r\n\r\ntoken = \"{secret}\" # and more\r\n");
    let findings = Scanner::default().scan("src/main.rs", text.as_bytes());
    assert_eq!(
        findings.len(),
        1,
        "the general rule gives way: {findings:?}"
    );
    assert_eq!(findings[0].location.as_deref(), Some("src/main.rs:4"));
    let said = serde_json::to_string(&findings).unwrap();
    assert!(
        !said.contains(&secret[4..12]),
        "the secret is in the finding"
    );
}

#[test]
fn a_line_can_be_allowed_and_only_that_line() {
    let secret = format!("gh{}_{}", "p", noise(WORD, 36));
    let text = format!("{secret} // {ALLOW}: test\n{secret}\n");
    let findings = Scanner::default().scan("x", text.as_bytes());
    let places: Vec<_> = findings
        .iter()
        .filter_map(|f| f.location.as_deref())
        .collect();
    assert_eq!(places, ["x:2"]);
}

#[test]
fn binary_files_are_not_searched() {
    let text = format!("\0gh{}_{}", "p", noise(WORD, 36));
    assert!(Scanner::default().scan("x", text.as_bytes()).is_empty());
}

proptest::proptest! {
    #[test]
    fn scanning_never_panics(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
        static SCANNER: std::sync::LazyLock<Scanner> = std::sync::LazyLock::new(Scanner::default);
        SCANNER.scan("x", &bytes);
    }
}
