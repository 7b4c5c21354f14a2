//! The rows of [`super::commands`], and the flags that only one command has.
//!
//! Compared with the real program's `--help` by a test: no visible flag of its
//! commands may be missing here, and none may be here that it does not know.

use super::{
    attach, attest, bundles,
    commands::{Command, Takes},
    download,
    flag::Flag,
    flags::{
        ANNOTATIONS, IDENTITY, IMAGE_VERIFY, PREDICATE, PREDICATE_TYPE, PRIVATE_KEY, PUBLIC_KEY,
        REFERRERS_MODE, REGISTRY, REQUIREMENTS, SIGNING, TOKEN, TOKEN_SOURCE,
    },
    info, initialize, keys, login, sign, sign_blob, signing_config, transfer, trusted_root, verify,
    verify_blob,
};

const BUNDLE: &str = "--bundle";

/// Every command; the first is `cosign` itself.
pub static COMMANDS: &[Command] = &[
    Command::new(
        "",
        "Sign, verify and store signatures of containers and files, with cosign's flags",
        "[command]",
    ),
    Command::new(
        "attach",
        "Attach evidence that was made elsewhere",
        "[command]",
    )
    .old("oras"),
    Command::new(
        "attach attestation",
        "Attach an attestation to an image",
        "IMAGE",
    )
    .takes(Takes::Exactly(1))
    .flags(&[REGISTRY, ATTACH_ATTESTATION])
    .runs(attach::attestation),
    Command::new(
        "attach sbom",
        "Attach an SBOM to an image, unsigned",
        "IMAGE",
    )
    .takes(Takes::Exactly(1))
    .flags(&[REGISTRY, REFERRERS_MODE, ATTACH_SBOM])
    .runs(attach::sbom),
    Command::new(
        "attach signature",
        "Attach a signature to an image",
        "IMAGE",
    )
    .takes(Takes::Exactly(1))
    .flags(&[REGISTRY, ATTACH_SIGNATURE])
    .runs(attach::signature),
    Command::new(
        "attest",
        "Attach a signed statement to an image",
        "IMAGE...",
    )
    .takes(Takes::AtLeast(1))
    .flags(&[
        PRIVATE_KEY,
        TOKEN,
        TOKEN_SOURCE,
        SIGNING,
        PREDICATE,
        REGISTRY,
        ATTEST,
    ])
    .runs(attest::run),
    Command::new("attest-blob", "Sign a statement about a file", "BLOB")
        .takes(Takes::AtMost(1))
        .flags(&[
            PRIVATE_KEY,
            TOKEN,
            TOKEN_SOURCE,
            SIGNING,
            PREDICATE,
            ATTEST_BLOB,
        ])
        .runs(attest::run_blob),
    Command::new("bundle", "Make, show and renew bundles", "[command]"),
    Command::new("bundle create", "Make a bundle from its parts", "")
        .takes(Takes::Exactly(0))
        .flags(&[PUBLIC_KEY, BUNDLE_CREATE])
        .runs(bundles::create),
    Command::new("bundle inspect", "Show what a bundle holds", "BUNDLE")
        .takes(Takes::Exactly(1))
        .runs(bundles::inspected),
    Command::new("bundle upgrade", "Bring a bundle to version 0.3", "BUNDLE")
        .takes(Takes::Exactly(1))
        .flags(&[BUNDLE_UPGRADE])
        .runs(bundles::upgraded),
    Command::new("clean", "Remove the evidence of an image", "IMAGE")
        .takes(Takes::Exactly(1))
        .flags(&[REGISTRY, CLEAN])
        .runs(transfer::clean),
    Command::new(
        "completion",
        "Write a completion script",
        "[bash|zsh|fish|powershell]",
    )
    .takes(Takes::Exactly(1))
    .not("the shell's own completion of file names"),
    Command::new(
        "copy",
        "Copy an image and its evidence",
        "SOURCE DESTINATION",
    )
    .takes(Takes::Exactly(2))
    .flags(&[REGISTRY, COPY])
    .old("cosign save and cosign load")
    .runs(transfer::copy),
    Command::new("dockerfile", "Work on Dockerfiles", "[command]").old("cosign verify"),
    Command::new(
        "dockerfile verify",
        "Verify the base images of a Dockerfile",
        "FILE",
    )
    .flags(&[
        PUBLIC_KEY,
        TOKEN,
        IDENTITY,
        REQUIREMENTS,
        IMAGE_VERIFY,
        ANNOTATIONS,
        REGISTRY,
        VERIFY,
        DOCKERFILE,
    ])
    .not("cosign verify for each image that the Dockerfile names"),
    Command::new("download", "Print evidence of an image", "[command]"),
    Command::new(
        "download attestation",
        "Print the attestations of an image",
        "IMAGE",
    )
    .takes(Takes::Exactly(1))
    .flags(&[REGISTRY, DOWNLOAD_ATTESTATION])
    .runs(download::attestation),
    Command::new(
        "download sbom",
        "Print the SBOM attached to an image",
        "IMAGE",
    )
    .takes(Takes::Exactly(1))
    .flags(&[REGISTRY, PLATFORM])
    .old("cosign download attestation")
    .runs(download::sbom),
    Command::new(
        "download signature",
        "Print the signatures of an image",
        "IMAGE",
    )
    .takes(Takes::Exactly(1))
    .flags(&[REGISTRY])
    .runs(download::signature),
    Command::new("env", "Print the environment variables that count", "")
        .takes(Takes::Exactly(0))
        .flags(&[ENV])
        .runs(info::env),
    Command::new(
        "generate",
        "Print the payload that would be signed",
        "IMAGE",
    )
    .takes(Takes::Exactly(1))
    .flags(&[REGISTRY, ANNOTATIONS])
    .old("in-toto")
    .not("cosign sign --upload=false"),
    Command::new("generate-key-pair", "Make a key pair", "")
        .flags(&[GENERATE_KEY_PAIR])
        .runs(keys::generate),
    Command::new(
        "import-key-pair",
        "Encrypt a private key of another format",
        "",
    )
    .takes(Takes::Exactly(0))
    .flags(&[IMPORT_KEY_PAIR])
    .runs(keys::import),
    Command::new("initialize", "Fetch the trust root of an instance", "")
        .takes(Takes::Exactly(0))
        .flags(&[INITIALIZE])
        .runs(initialize::run),
    Command::new("load", "Push a saved image and its evidence", "IMAGE")
        .takes(Takes::Exactly(1))
        .flags(&[REGISTRY, DIRECTORY])
        .runs(transfer::load),
    Command::new("login", "Keep a credential for a registry", "[SERVER]")
        .takes(Takes::AtMost(1))
        .flags(&[LOGIN])
        .runs(login::run),
    Command::new("manifest", "Work on Kubernetes manifests", "[command]").old("cosign verify"),
    Command::new("manifest verify", "Verify the images of a manifest", "FILE")
        .flags(&[
            PUBLIC_KEY,
            TOKEN,
            IDENTITY,
            REQUIREMENTS,
            IMAGE_VERIFY,
            ANNOTATIONS,
            REGISTRY,
            VERIFY,
        ])
        .not("cosign verify for each image that the manifest names, or bulla admit"),
    Command::new("piv-tool", "Work on PIV tokens", "").not("a tool of the token's maker"),
    Command::new("pkcs11-tool", "Work on PKCS#11 tokens", "").not("pkcs11-tool of OpenSC"),
    Command::new("public-key", "Print the public half of a key", "")
        .takes(Takes::Exactly(0))
        .flags(&[PRIVATE_KEY, TOKEN, PUBLIC_KEY_FILE])
        .runs(keys::public_key),
    Command::new(
        "save",
        "Write an image and its evidence to a directory",
        "IMAGE",
    )
    .takes(Takes::Exactly(1))
    .flags(&[REGISTRY, DIRECTORY])
    .runs(transfer::save),
    Command::new("sign", "Sign an image", "IMAGE...")
        .takes(Takes::AtLeast(1))
        .flags(&[
            PRIVATE_KEY,
            TOKEN,
            TOKEN_SOURCE,
            SIGNING,
            ANNOTATIONS,
            REGISTRY,
            REFERRERS_MODE,
            SIGN,
        ])
        .runs(sign::run),
    Command::new("sign-blob", "Sign a file", "BLOB...")
        .takes(Takes::AtLeast(1))
        .flags(&[PRIVATE_KEY, TOKEN, TOKEN_SOURCE, SIGNING, SIGN_BLOB])
        .runs(sign_blob::run),
    Command::new("signing-config", "Work on signing configs", "[command]"),
    Command::new("signing-config create", "Make a signing config", "")
        .takes(Takes::Exactly(0))
        .flags(&[SIGNING_CONFIG_CREATE])
        .runs(signing_config::create),
    Command::new("tree", "Show the evidence of an image", "IMAGE")
        .takes(Takes::Exactly(1))
        .flags(&[REGISTRY, REFERRERS_MODE, TREE])
        .runs(download::tree),
    Command::new(
        "triangulate",
        "Print where the old layout keeps evidence",
        "IMAGE",
    )
    .takes(Takes::Exactly(1))
    .flags(&[REGISTRY, TRIANGULATE])
    .old("cosign tree")
    .runs(transfer::triangulate),
    Command::new("trusted-root", "Work on trust roots", "[command]"),
    Command::new("trusted-root create", "Make a trust root", "")
        .takes(Takes::Exactly(0))
        .flags(&[TRUSTED_ROOT_CREATE])
        .runs(trusted_root::create),
    Command::new("upload", "Push files to a registry", "[command]").old("oras"),
    Command::new("upload blob", "Push files to a registry", "IMAGE")
        .flags(&[REGISTRY, UPLOAD_BLOB])
        .not("oras push"),
    Command::new("upload wasm", "Push a wasm module to a registry", "IMAGE")
        .flags(&[REGISTRY, UPLOAD_WASM])
        .not("oras push"),
    Command::new("verify", "Verify the signatures of an image", "IMAGE...")
        .takes(Takes::AtLeast(1))
        .flags(&[
            PUBLIC_KEY,
            TOKEN,
            IDENTITY,
            REQUIREMENTS,
            IMAGE_VERIFY,
            ANNOTATIONS,
            REGISTRY,
            VERIFY,
        ])
        .runs(verify::run),
    Command::new(
        "verify-attestation",
        "Verify the attestations of an image",
        "IMAGE...",
    )
    .takes(Takes::AtLeast(1))
    .flags(&[
        PUBLIC_KEY,
        TOKEN,
        IDENTITY,
        REQUIREMENTS,
        IMAGE_VERIFY,
        PREDICATE_TYPE,
        REGISTRY,
        POLICY,
    ])
    .runs(verify::run_attestation),
    Command::new("verify-blob", "Verify a signature over a file", "BLOB")
        .takes(Takes::Exactly(1))
        .flags(&[PUBLIC_KEY, TOKEN, IDENTITY, REQUIREMENTS, BLOB_MATERIAL])
        .runs(verify_blob::run),
    Command::new(
        "verify-blob-attestation",
        "Verify an attestation about a file",
        "[BLOB]",
    )
    .takes(Takes::AtMost(1))
    .flags(&[
        PUBLIC_KEY,
        TOKEN,
        IDENTITY,
        REQUIREMENTS,
        BLOB_MATERIAL,
        PREDICATE_TYPE,
        BLOB_CLAIMS,
    ])
    .runs(verify_blob::run_attestation),
    Command::new("version", "Print the version", "")
        .takes(Takes::Any)
        .flags(&[VERSION])
        .runs(info::version),
];

const ATTACH_ATTESTATION: &[Flag] = &[Flag::many("attestation", "file of the envelope")];
const ATTACH_SBOM: &[Flag] = &[
    Flag::text("input-format", "json, xml or text"),
    Flag::text("sbom", "file of the SBOM; - for stdin"),
    Flag::text("type", "spdx, cyclonedx or syft").or("spdx"),
];
const ATTACH_SIGNATURE: &[Flag] = &[
    Flag::text("bundle", "file of the payload; the same as --payload"),
    Flag::text("certificate", "PEM file of the certificate"),
    Flag::text("certificate-chain", "PEM file of its CA chain, root last"),
    Flag::text("payload", "file of the payload that was signed"),
    Flag::text("rekor-response", "file of the log entry"),
    Flag::text("signature", "file of the signature; - for stdin"),
    Flag::text("tsr", "file of the signed timestamp"),
];
const ATTEST: &[Flag] = &[
    Flag::text("bundle", "write the bundle to FILE too"),
    Flag::switch("no-upload", "print the envelope instead of attaching it"),
    Flag::switch("record-creation-timestamp", "say when it was made").old("nothing"),
    Flag::switch("replace", "replace earlier attestations of the type").old("nothing"),
];
const ATTEST_BLOB: &[Flag] = &[
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
const BLOB_CLAIMS: &[Flag] = &[
    Flag::switch(
        "check-claims",
        "compare the statement's subject with the file",
    )
    .or("true"),
    Flag::text("digest", "digest of the file, instead of the file"),
    Flag::text("digestAlg", "algorithm of --digest"),
];
const BLOB_MATERIAL: &[Flag] = &[
    Flag::text("bundle", "file of the bundle"),
    Flag::text("rfc3161-timestamp", "file of the signed timestamp").old(BUNDLE),
    Flag::text("signature", "the signature, or a file of it").old(BUNDLE),
];
const BUNDLE_CREATE: &[Flag] = &[
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
const BUNDLE_UPGRADE: &[Flag] = &[
    Flag::text("out", "write the bundle to FILE"),
    Flag::text("rekor-url", "log to ask for what is missing").or("https://rekor.sigstore.dev"),
];
const CLEAN: &[Flag] = &[
    Flag::switch("force", "do not ask for confirmation").short('f'),
    Flag::text("type", "signature, attestation, referrer, sbom or all").or("all"),
];
const COPY: &[Flag] = &[
    Flag::switch("force", "overwrite what is there").short('f'),
    Flag::list("only", "copy only this evidence: sig, att, sbom"),
    Flag::text("platform", "copy only this platform: OS/ARCHITECTURE"),
    Flag::switch("sig-only", "copy only signatures; use --only=sig"),
];
const DIRECTORY: &[Flag] = &[Flag::text("dir", "the directory")];
const DOCKERFILE: &[Flag] = &[Flag::switch(
    "base-image-only",
    "verify only the last stage's image",
)];
const DOWNLOAD_ATTESTATION: &[Flag] = &[
    Flag::text("platform", "of this platform: OS/ARCHITECTURE"),
    Flag::text("predicate-type", "only of this predicate type"),
];
const ENV: &[Flag] = &[
    Flag::switch("show-descriptions", "say what each is for").or("true"),
    Flag::switch("show-sensitive-values", "show secrets too"),
];
const GENERATE_KEY_PAIR: &[Flag] = &[
    Flag::text("kms", "make the key in this KMS"),
    Flag::text(
        "output-key-prefix",
        "name of both files, before .key and .pub",
    )
    .or("cosign"),
];
const IMPORT_KEY_PAIR: &[Flag] = &[
    Flag::text("key", "PEM file of the private key").short('k'),
    Flag::text(
        "output-key-prefix",
        "name of both files, before .key and .pub",
    )
    .short('o')
    .or("import-cosign"),
    Flag::switch("yes", "overwrite files without asking").short('y'),
];
const INITIALIZE: &[Flag] = &[
    Flag::text("mirror", "address of the TUF repository").or("https://tuf-repo-cdn.sigstore.dev"),
    Flag::text("root", "file or address of its first root.json"),
    Flag::text("root-checksum", "SHA-256 of that root.json"),
    Flag::switch("staging", "use the staging instance")
        .refused("give --mirror and --root of the staging instance"),
];
const LOGIN: &[Flag] = &[
    Flag::text("password", "the password").short('p'),
    Flag::switch("password-stdin", "read the password from stdin"),
    Flag::text("username", "the user name").short('u'),
];
const PLATFORM: &[Flag] = &[Flag::text("platform", "of this platform: OS/ARCHITECTURE")];
const POLICY: &[Flag] = &[
    Flag::list("policy", "CUE or Rego files to hold the statement against")
        .refused("use bulla verify --policy"),
];
const PUBLIC_KEY_FILE: &[Flag] = &[Flag::text("outfile", "write it to FILE")];
const SIGN: &[Flag] = &[
    Flag::text("attachment", "sign what is attached, not the image")
        .old("OCI referrers")
        .refused("sign an attestation instead"),
    Flag::text("bundle", "write the bundle to FILE too"),
    Flag::text("output-certificate", "write the certificate to FILE").old(BUNDLE),
    Flag::text("output-payload", "write the payload to FILE").old(BUNDLE),
    Flag::text("output-signature", "write the signature to FILE").old(BUNDLE),
    Flag::text("payload", "sign this payload instead of a new one")
        .old("nothing")
        .refused("the payload is always made from the image"),
    Flag::switch("record-creation-timestamp", "say when it was made").old("nothing"),
    Flag::switch("recursive", "sign each image of an index too").short('r'),
    Flag::list(
        "sign-container-identity",
        "name the image so in the payload",
    )
    .old("nothing"),
    Flag::switch("upload", "attach the signature").or("true"),
];
const SIGN_BLOB: &[Flag] = &[
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
const SIGNING_CONFIG_CREATE: &[Flag] = &[
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
const TREE: &[Flag] = &[Flag::switch("experimental-oci11", "show referrers")
    .or("true")
    .old("the default")];
const TRIANGULATE: &[Flag] =
    &[Flag::text("type", "signature, attestation, sbom or digest").or("signature")];
const TRUSTED_ROOT_CREATE: &[Flag] = &[
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
const UPLOAD_BLOB: &[Flag] = &[
    Flag::list("annotation", "key=value pairs").short('a'),
    Flag::text("ct", "media type"),
    Flag::list("files", "the files").short('f'),
];
const UPLOAD_WASM: &[Flag] = &[Flag::text("file", "the module").short('f')];
const VERIFY: &[Flag] = &[
    Flag::text("attachment", "verify what is attached, not the image")
        .old("OCI referrers")
        .refused("verify an attestation instead"),
    Flag::text("payload", "file of the payload that was signed").old("nothing"),
    Flag::text("signature", "the signature, or a file of it").old("nothing"),
];
const VERSION: &[Flag] = &[Flag::switch("json", "print JSON")];
