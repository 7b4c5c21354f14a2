//! The flags that one command has, or few: the rest of [`super::flags`].
//!
//! Names, kinds and defaults are cosign 3.1.3's; the words are ours.

use super::flag::Flag;

const BUNDLE: &str = "--bundle";

/// Of one command, or of a few.
pub const ATTACH_ATTESTATION: &[Flag] = &[Flag::many("attestation", "file of the envelope")];
/// Of one command, or of a few.
pub const ATTACH_SBOM: &[Flag] = &[
    Flag::text("input-format", "json, xml or text"),
    Flag::text("sbom", "file of the SBOM; - for stdin"),
    Flag::text("type", "spdx, cyclonedx or syft").or("spdx"),
];
/// Of one command, or of a few.
pub const ATTACH_SIGNATURE: &[Flag] = &[
    Flag::text("bundle", "file of the payload; the same as --payload"),
    Flag::text("certificate", "PEM file of the certificate"),
    Flag::text("certificate-chain", "PEM file of its CA chain, root last"),
    Flag::text("payload", "file of the payload that was signed"),
    Flag::text("rekor-response", "file of the log entry"),
    Flag::text("signature", "file of the signature; - for stdin"),
    Flag::text("tsr", "file of the signed timestamp"),
];
/// Of one command, or of a few.
pub const ATTEST: &[Flag] = &[
    Flag::text("bundle", "write the bundle to FILE too"),
    Flag::switch("no-upload", "print the envelope instead of attaching it"),
    Flag::switch("record-creation-timestamp", "say when it was made")
        .no_effect("bundles say it always, the old layout never")
        .old("nothing"),
    Flag::switch("replace", "replace earlier attestations of the type").old("nothing"),
];
/// Of one command, or of a few.
pub const ATTEST_BLOB: &[Flag] = &[
    Flag::text("bundle", "write the bundle to FILE"),
    Flag::text("hash", "digest of the file in hex, instead of the file"),
    Flag::text("output-attestation", "write the envelope to FILE").old(BUNDLE),
    Flag::text("output-certificate", "write the certificate to FILE").old(BUNDLE),
    Flag::text("output-signature", "write the signature to FILE").old(BUNDLE),
    Flag::text(
        "rfc3161-timestamp-bundle",
        "write the signed timestamp to FILE",
    )
    .old(BUNDLE),
];
/// Of one command, or of a few.
pub const BLOB_CLAIMS: &[Flag] = &[
    Flag::switch(
        "check-claims",
        "compare the statement's subject with the file",
    )
    .or("true"),
    Flag::text("digest", "digest of the file, instead of the file"),
    Flag::text("digestAlg", "algorithm of --digest"),
];
/// Of one command, or of a few.
pub const BLOB_MATERIAL: &[Flag] = &[
    Flag::text("bundle", "file of the bundle"),
    Flag::text("rfc3161-timestamp", "file of the signed timestamp").old(BUNDLE),
    Flag::text("signature", "the signature, or a file of it").old(BUNDLE),
];
/// Of one command, or of a few.
pub const BUNDLE_CREATE: &[Flag] = &[
    Flag::text("artifact", "the file that was signed"),
    Flag::text("attestation", "file of the envelope"),
    Flag::text("bundle", "file of a bundle of the old format"),
    Flag::text("certificate", "PEM file of the certificate"),
    Flag::switch("ignore-tlog", "do not ask for a log entry"),
    Flag::text("out", "write the bundle to FILE"),
    Flag::text("rfc3161-timestamp", "file of the signed timestamp"),
    Flag::text("signature", "file of the signature in base64"),
    Flag::switch("sk", "use a hardware security key")
        .refused("use --key with a pkcs11: URI of the token"),
    Flag::text("slot", "slot of the hardware security key")
        .or("signature")
        .no_effect("only --sk uses it"),
];
/// Of one command, or of a few.
pub const BUNDLE_UPGRADE: &[Flag] = &[
    Flag::text("out", "write the bundle to FILE"),
    Flag::text("rekor-url", "log to ask for what is missing")
        .no_effect("no log is asked")
        .or("https://rekor.sigstore.dev"),
];
/// Of one command, or of a few.
pub const CLEAN: &[Flag] = &[
    Flag::switch("force", "do not ask for confirmation").short('f'),
    Flag::text("type", "signature, attestation, referrer, sbom or all").or("all"),
];
/// Of one command, or of a few.
pub const COPY: &[Flag] = &[
    Flag::switch("force", "overwrite what is there").short('f'),
    Flag::list("only", "copy only this evidence: sig, att, sbom"),
    Flag::text("platform", "copy only this platform: OS/ARCHITECTURE"),
    Flag::switch("sig-only", "copy only signatures; use --only=sig"),
];
/// Of one command, or of a few.
pub const DIRECTORY: &[Flag] = &[Flag::text("dir", "the directory")];
/// Of one command, or of a few.
pub const DOCKERFILE: &[Flag] = &[Flag::switch(
    "base-image-only",
    "verify only the last stage's image",
)];
/// Of one command, or of a few.
pub const DOWNLOAD_ATTESTATION: &[Flag] = &[
    Flag::text("platform", "of this platform: OS/ARCHITECTURE"),
    Flag::text("predicate-type", "only of this predicate type"),
];
/// Of one command, or of a few.
pub const ENV: &[Flag] = &[
    Flag::switch("show-descriptions", "say what each is for").or("true"),
    Flag::switch("show-sensitive-values", "show secrets too"),
];
/// Of one command, or of a few.
pub const GENERATE_KEY_PAIR: &[Flag] = &[
    Flag::text("kms", "make the key in this KMS"),
    Flag::text(
        "output-key-prefix",
        "name of both files, before .key and .pub",
    )
    .or("cosign"),
];
/// Of one command, or of a few.
pub const IMPORT_KEY_PAIR: &[Flag] = &[
    Flag::text("key", "PEM file of the private key").short('k'),
    Flag::text(
        "output-key-prefix",
        "name of both files, before .key and .pub",
    )
    .short('o')
    .or("import-cosign"),
    Flag::switch("yes", "overwrite files without asking").short('y'),
];
/// Of one command, or of a few.
pub const INITIALIZE: &[Flag] = &[
    Flag::text("mirror", "address of the TUF repository").or("https://tuf-repo-cdn.sigstore.dev"),
    Flag::text("root", "file or address of its first root.json"),
    Flag::text("root-checksum", "SHA-256 of that root.json"),
    Flag::switch("staging", "use the staging instance")
        .refused("give --mirror and --root of the staging instance"),
];
/// Of one command, or of a few.
pub const LOGIN: &[Flag] = &[
    Flag::text("password", "the password").short('p'),
    Flag::switch("password-stdin", "read the password from stdin"),
    Flag::text("username", "the user name").short('u'),
];
/// Of one command, or of a few.
pub const MODULE: &[Flag] = &[Flag::text(
    "module-path",
    "absolute path of the PKCS#11 module; without it COSIGN_PKCS11_MODULE_PATH",
)];
/// Of one command, or of a few.
pub const PKCS11_KEYS: &[Flag] = &[
    Flag::text(
        "pin",
        "PIN of the token; without it COSIGN_PKCS11_PIN, or it is asked for",
    ),
    Flag::number("slot-id", "slot of the token").or("0"),
];
/// Of one command, or of a few.
pub const PLATFORM: &[Flag] = &[Flag::text("platform", "of this platform: OS/ARCHITECTURE")];
/// Of one command, or of a few.
pub const POLICY: &[Flag] = &[Flag::list(
    "policy",
    "Rego files to hold the statement against; CUE is refused",
)];
/// Of one command, or of a few.
pub const PUBLIC_KEY_FILE: &[Flag] = &[Flag::text("outfile", "write it to FILE")];
/// Of one command, or of a few.
pub const SIGN: &[Flag] = &[
    Flag::text("attachment", "sign what is attached, not the image: sbom").old("OCI referrers"),
    Flag::text("bundle", "write the bundle to FILE too"),
    Flag::text("output-certificate", "write the certificate to FILE").old(BUNDLE),
    Flag::text("output-payload", "write the payload to FILE").old(BUNDLE),
    Flag::text("output-signature", "write the signature to FILE").old(BUNDLE),
    Flag::text("payload", "sign this payload instead of a new one").old("nothing"),
    Flag::switch("record-creation-timestamp", "say when it was made")
        .no_effect("bundles say it always, the old layout never")
        .old("nothing"),
    Flag::switch("recursive", "sign each image of an index too").short('r'),
    Flag::list(
        "sign-container-identity",
        "name the image so in the payload",
    )
    .old("nothing"),
    Flag::switch("upload", "attach the signature").or("true"),
];
/// Of one command, or of a few.
pub const SIGN_BLOB: &[Flag] = &[
    Flag::switch("b64", "print the signature in base64")
        .or("true")
        .old(BUNDLE),
    Flag::text("bundle", "write the bundle to FILE"),
    Flag::text("output", "write the signature to FILE").old(BUNDLE),
    Flag::text("output-certificate", "write the certificate to FILE").old(BUNDLE),
    Flag::text("output-signature", "write the signature to FILE").old(BUNDLE),
    Flag::text("rfc3161-timestamp", "write the signed timestamp to FILE").old(BUNDLE),
    Flag::text(
        "signing-algorithm",
        "algorithm of a key made for this signature",
    )
    .or("ecdsa-sha2-256-nistp256"),
];
/// Of one command, or of a few.
pub const SIGNING_CONFIG_CREATE: &[Flag] = &[
    Flag::text("base-config", "start from this signing config"),
    Flag::many(
        "fulcio",
        "a CA: url=…,api-version=…,start-time=…,operator=…[,end-time=…]",
    ),
    Flag::switch("no-default-fulcio", "leave out the default CAs"),
    Flag::switch("no-default-oidc", "leave out the default issuers"),
    Flag::switch("no-default-rekor", "leave out the default logs"),
    Flag::switch(
        "no-default-tsa",
        "leave out the default timestamp authorities",
    ),
    Flag::many("oidc-provider", "an issuer, written as --fulcio"),
    Flag::text("out", "write the signing config to FILE"),
    Flag::many("rekor", "a log, written as --fulcio"),
    Flag::text("rekor-config", "ANY, ALL or EXACT:N logs"),
    Flag::many("tsa", "a timestamp authority, written as --fulcio"),
    Flag::text("tsa-config", "ANY, ALL or EXACT:N timestamp authorities"),
    Flag::switch(
        "with-default-rekor-v2",
        "take the version with Rekor v2 as default",
    ),
    Flag::switch(
        "with-default-services",
        "start from the public-good services",
    ),
];
/// Of one command, or of a few.
pub const TREE: &[Flag] = &[Flag::switch("experimental-oci11", "show referrers")
    .no_effect("referrers are always shown")
    .or("true")
    .old("the default")];
/// Of one command, or of a few.
pub const TRIANGULATE: &[Flag] =
    &[Flag::text("type", "signature, attestation, sbom or digest").or("signature")];
/// Of one command, or of a few.
pub const TRUSTED_ROOT_CREATE: &[Flag] = &[
    Flag::many("certificate-chain", "PEM file of a CA chain").old("--fulcio"),
    Flag::many(
        "ctfe",
        "a certificate log: url=…,public-key=…,start-time=…[,end-time=…,origin=…]",
    ),
    Flag::many("ctfe-end-time", "until when a certificate log counts").old("--ctfe"),
    Flag::many("ctfe-key", "PEM file of a certificate log's key").old("--ctfe"),
    Flag::many("ctfe-start-time", "from when a certificate log counts").old("--ctfe"),
    Flag::many("ctfe-url", "address of a certificate log").old("--ctfe"),
    Flag::many(
        "fulcio",
        "a CA: url=…,certificate-chain=…[,start-time=…,end-time=…]",
    ),
    Flag::many("fulcio-uri", "address of a CA").old("--fulcio"),
    Flag::switch("no-default-ctfe", "leave out the default certificate logs"),
    Flag::switch("no-default-fulcio", "leave out the default CAs"),
    Flag::switch("no-default-rekor", "leave out the default logs"),
    Flag::switch(
        "no-default-tsa",
        "leave out the default timestamp authorities",
    ),
    Flag::text("out", "write the trust root to FILE"),
    Flag::many(
        "rekor",
        "a log: url=…,public-key=…,start-time=…[,end-time=…,origin=…]",
    ),
    Flag::many("rekor-end-time", "until when a log counts").old("--rekor"),
    Flag::many("rekor-key", "PEM file of a log's key").old("--rekor"),
    Flag::many("rekor-start-time", "from when a log counts").old("--rekor"),
    Flag::many("rekor-url", "address of a log").old("--rekor"),
    Flag::many(
        "timestamp-certificate-chain",
        "PEM file of a timestamp authority's chain",
    )
    .old("--tsa"),
    Flag::many("timestamp-uri", "address of a timestamp authority").old("--tsa"),
    Flag::many(
        "tsa",
        "a timestamp authority: url=…,certificate-chain=…[,start-time=…,end-time=…]",
    ),
    Flag::switch("with-default-services", "start from the public-good root"),
];
/// Of one command, or of a few.
pub const UPLOAD_BLOB: &[Flag] = &[
    Flag::list("annotation", "key=value pairs").short('a'),
    Flag::text("ct", "media type; without it, what the file begins like"),
    Flag::list(
        "files",
        "the files: FILE, or FILE:OS/ARCHITECTURE for several",
    )
    .short('f'),
];
/// Of one command, or of a few.
pub const UPLOAD_WASM: &[Flag] = &[Flag::text("file", "the module").short('f')];
/// Of one command, or of a few.
pub const VERIFY: &[Flag] = &[
    Flag::text("attachment", "verify what is attached, not the image: sbom").old("OCI referrers"),
    Flag::text("payload", "file of the payload that was signed").old("nothing"),
    Flag::text("signature", "the signature, or a file of it").old("nothing"),
];
/// Of one command, or of a few.
pub const VERSION: &[Flag] = &[Flag::switch("json", "print JSON")];
