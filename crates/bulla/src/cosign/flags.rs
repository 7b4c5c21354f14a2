//! The flags that several of cosign's commands share, group by group.
//!
//! Names, kinds and defaults are cosign 3.1.3's; the words are ours. What is
//! accepted without an effect says so in the help (rule R15: nothing is ignored
//! in silence).

use super::flag::Flag;

const ROOT: &str = "--trusted-root";
const BUNDLE: &str = "--bundle";
const SERVICES: &str = "--signing-config";
const PIV: &str = "use --key with a pkcs11: URI of the token";

/// Every command has these.
pub const GLOBAL: &[Flag] = &[
    Flag::text("output-file", "write what would go to stdout into FILE"),
    Flag::time("timeout", "end the command after this time")
        .short('t')
        .or("3m0s"),
    Flag::switch("verbose", "say what happens inside")
        .no_effect("nothing more is said")
        .short('d'),
];

/// How a registry is reached.
pub const REGISTRY: &[Flag] = &[
    Flag::switch(
        "allow-http-registry",
        "allow plain HTTP to the registry, for tests",
    )
    .no_effect("plain HTTP goes to this machine only"),
    Flag::switch(
        "allow-insecure-registry",
        "accept any TLS certificate of the registry, for tests",
    )
    .no_effect("certificates are checked: name the CA with --registry-cacert"),
    Flag::text(
        "attachment-tag-prefix",
        "prefix of the evidence tags of the old layout",
    )
    .old("OCI referrers"),
    Flag::switch(
        "k8s-keychain",
        "ask the credential helpers of Google, AWS, Azure, Alibaba and GitHub",
    )
    .refused(
        "they are not run; set DOCKER_CONFIG to a mounted pull secret, or give --registry-token",
    ),
    Flag::text(
        "registry-cacert",
        "PEM file of the CA to trust for the registry",
    ),
    Flag::text(
        "registry-client-cert",
        "PEM file of the client certificate for the registry",
    ),
    Flag::text(
        "registry-client-key",
        "PEM file of the client key for the registry",
    ),
    Flag::text("registry-password", "password for the registry"),
    Flag::text(
        "registry-server-name",
        "DNS name to expect in the registry's certificate",
    ),
    Flag::text(
        "registry-token",
        "bearer token for the registry, used as it is",
    ),
    Flag::text("registry-username", "user name for the registry"),
];

/// Which of the two ways evidence is attached.
pub const REFERRERS_MODE: &[Flag] = &[Flag::text(
    "registry-referrers-mode",
    "how evidence is found or attached: legacy or oci-1-1",
)];

/// A hardware token through PIV: this build has none, as cosign's has none.
pub const TOKEN: &[Flag] = &[
    Flag::switch("sk", "use a hardware security key").refused(PIV),
    Flag::text("slot", "slot of the hardware security key").no_effect("only --sk uses it"),
];

/// Which key verifies.
pub const PUBLIC_KEY: &[Flag] = &[Flag::text(
    "key",
    "the public key: a file, env://VAR, k8s://…, gitlab://…, pkcs11:… or a KMS URI",
)];

/// Which key signs.
pub const PRIVATE_KEY: &[Flag] = &[Flag::text(
    "key",
    "the private key: a file, env://VAR, k8s://…, gitlab://…, pkcs11:… or a KMS URI",
)];

/// Whose certificate counts.
pub const IDENTITY: &[Flag] = &[
    Flag::text(
        "certificate-identity",
        "the signer in the certificate, exactly",
    ),
    Flag::text(
        "certificate-identity-regexp",
        "the signer, as a regular expression",
    ),
    Flag::text(
        "certificate-oidc-issuer",
        "the issuer in the certificate, exactly",
    ),
    Flag::text(
        "certificate-oidc-issuer-regexp",
        "the issuer, as a regular expression",
    ),
    Flag::text(
        "certificate-github-workflow-name",
        "name of the GitHub workflow",
    ),
    Flag::text(
        "certificate-github-workflow-ref",
        "git ref of the GitHub workflow",
    ),
    Flag::text(
        "certificate-github-workflow-repository",
        "repository of the GitHub workflow",
    ),
    Flag::text(
        "certificate-github-workflow-sha",
        "commit of the GitHub workflow",
    ),
    Flag::text(
        "certificate-github-workflow-trigger",
        "event that started the GitHub workflow",
    ),
    Flag::text("certificate", "PEM file of the signer's certificate").old(BUNDLE),
    Flag::text("certificate-chain", "PEM file of its CA chain, root last").old(ROOT),
    Flag::text("ca-roots", "PEM file of CA roots").old(ROOT),
    Flag::text("ca-intermediates", "PEM file of CA intermediates").old(ROOT),
    Flag::switch(
        "insecure-ignore-sct",
        "do not ask that the certificate was logged",
    ),
    Flag::text("sct", "file of a detached certificate timestamp").old(BUNDLE),
];

/// What a signature needs to count.
pub const REQUIREMENTS: &[Flag] = &[
    Flag::switch(
        "allow-certificate-chain",
        "accept a certificate chain inside a v0.3 bundle",
    )
    .no_effect("a v0.3 bundle with a chain is refused all the same"),
    Flag::switch("experimental-oci11", "look for referrers of the old types")
        .old("the default")
        .no_effect("referrers are always looked for"),
    Flag::switch(
        "insecure-ignore-tlog",
        "do not ask for a transparency log entry",
    ),
    Flag::number("max-workers", "how many signatures are checked at once")
        .or("10")
        .no_effect("checking takes well under a millisecond each"),
    Flag::switch("new-bundle-format", "expect a Sigstore bundle")
        .old("the default")
        .or("true"),
    Flag::switch("offline", "make no connection to a log")
        .old(BUNDLE)
        .no_effect("verification never asks a log"),
    Flag::switch(
        "private-infrastructure",
        "do not ask for a transparency log entry",
    )
    .old("--insecure-ignore-tlog"),
    Flag::text("rekor-url", "address of the log")
        .or("https://rekor.sigstore.dev")
        .old(BUNDLE)
        .no_effect("verification never asks a log"),
    Flag::text(
        "signature-digest-algorithm",
        "sha224, sha256, sha384 or sha512",
    )
    .or("sha256")
    .old(BUNDLE)
    .no_effect("every algorithm that the key may be used with is tried"),
    Flag::text(
        "timestamp-certificate-chain",
        "PEM file of the timestamp authority's chain",
    )
    .old(ROOT),
    Flag::text("trusted-root", "file of the trust root: trusted_root.json"),
    Flag::switch("use-signed-timestamps", "ask for a signed timestamp"),
];

/// How an image's signatures are read and shown.
pub const IMAGE_VERIFY: &[Flag] = &[
    Flag::switch(
        "check-claims",
        "check what the signature says about the image",
    )
    .or("true"),
    Flag::switch(
        "local-image",
        "the image is a directory made by `cosign save`",
    ),
    Flag::text("output", "json or text").short('o').or("json"),
];

/// Where an identity token comes from.
pub const TOKEN_SOURCE: &[Flag] = &[
    Flag::text(
        "fulcio-auth-flow",
        "normal, device, token or client_credentials",
    ),
    Flag::text("fulcio-url", "address of the CA")
        .or("https://fulcio.sigstore.dev")
        .old(SERVICES),
    Flag::text("identity-token", "the identity token, or a file of it"),
    Flag::switch(
        "insecure-skip-verify",
        "do not check the certificate timestamp when signing",
    )
    .old("nothing")
    .no_effect("cosign ignores it too"),
    Flag::text("oidc-client-id", "client id at the issuer").or("sigstore"),
    Flag::text("oidc-client-secret-file", "file of the client secret"),
    Flag::switch(
        "oidc-disable-ambient-providers",
        "do not take a token from the surroundings",
    ),
    Flag::text("oidc-issuer", "address of the issuer")
        .or("https://oauth2.sigstore.dev/auth")
        .old(SERVICES),
    Flag::text(
        "oidc-provider",
        "the only surroundings to take a token from",
    ),
    Flag::text("oidc-redirect-url", "where the browser returns to"),
];

/// How something is signed.
pub const SIGNING: &[Flag] = &[
    Flag::text("certificate", "PEM file of the certificate for the key"),
    Flag::text("certificate-chain", "PEM file of its CA chain, root last"),
    Flag::switch(
        "issue-certificate",
        "ask the CA for a certificate for the key",
    )
    .old("nothing"),
    Flag::switch("new-bundle-format", "write a Sigstore bundle")
        .old("the default")
        .or("true"),
    Flag::text("rekor-url", "address of the log")
        .or("https://rekor.sigstore.dev")
        .old(SERVICES),
    Flag::text(
        "signing-config",
        "file of the signing config: signing_config.json",
    ),
    Flag::text(
        "timestamp-client-cacert",
        "PEM file of the CA to trust for the timestamp authority",
    ),
    Flag::text(
        "timestamp-client-cert",
        "PEM file of the client certificate for the timestamp authority",
    ),
    Flag::text(
        "timestamp-client-key",
        "PEM file of the client key for the timestamp authority",
    ),
    Flag::text(
        "timestamp-server-name",
        "DNS name to expect in the timestamp authority's certificate",
    ),
    Flag::text("timestamp-server-url", "address of the timestamp authority").old(SERVICES),
    Flag::switch("tlog-upload", "write to the transparency log")
        .or("true")
        .old("--signing-config without a log"),
    Flag::text(
        "trusted-root",
        "trust root to check the new signature under",
    ),
    Flag::switch(
        "use-signing-config",
        "take the services from the signing config",
    )
    .or("true"),
    Flag::switch("yes", "do not ask for confirmation")
        .no_effect("nothing is asked before signing")
        .short('y'),
];

/// What is attested.
pub const PREDICATE: &[Flag] = &[
    Flag::text("predicate", "file of the predicate; - for stdin"),
    Flag::text("rekor-entry-type", "dsse or intoto")
        .or("dsse")
        .old("nothing"),
    Flag::text("statement", "file of a whole statement"),
    Flag::text("type", "predicate type: a short name or a URI").or("custom"),
];

/// Which predicate type counts.
pub const PREDICATE_TYPE: &[Flag] =
    &[Flag::text("type", "predicate type: a short name or a URI").or("custom")];

/// Annotations to sign, or to demand.
pub const ANNOTATIONS: &[Flag] = &[Flag::list("annotations", "key=value pairs").short('a')];
