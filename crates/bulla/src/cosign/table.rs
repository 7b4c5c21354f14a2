//! The rows of [`super::commands`].
//!
//! Compared with the real program's `--help` by a test: no visible flag of its
//! commands may be missing here, and none may be here that it does not know.

use super::{
    attach, attest, bundles,
    commands::{Command, Takes},
    completion, download,
    flags::{
        ANNOTATIONS, IDENTITY, IMAGE_VERIFY, PREDICATE, PREDICATE_TYPE, PRIVATE_KEY, PUBLIC_KEY,
        REFERRERS_MODE, REGISTRY, REQUIREMENTS, SIGNING, TOKEN, TOKEN_SOURCE,
    },
    generate, info, initialize, keys, login,
    own_flags::{
        ATTACH_ATTESTATION, ATTACH_SBOM, ATTACH_SIGNATURE, ATTEST, ATTEST_BLOB, BLOB_CLAIMS,
        BLOB_MATERIAL, BUNDLE_CREATE, BUNDLE_UPGRADE, CLEAN, COPY, DIRECTORY, DOCKERFILE,
        DOWNLOAD_ATTESTATION, ENV, GENERATE_KEY_PAIR, IMPORT_KEY_PAIR, INITIALIZE, LOGIN, MODULE,
        PKCS11_KEYS, PLATFORM, POLICY, PUBLIC_KEY_FILE, SIGN, SIGN_BLOB, SIGNING_CONFIG_CREATE,
        TREE, TRIANGULATE, TRUSTED_ROOT_CREATE, UPLOAD_BLOB, UPLOAD_WASM, VERIFY, VERSION,
    },
    pkcs11_tool, sign, sign_blob, signing_config, transfer, trusted_root, upload, verify,
    verify_blob,
};

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
    .runs(completion::run),
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
    .runs(generate::run),
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
    Command::new("pkcs11-tool", "Work on PKCS#11 tokens", "[command]"),
    Command::new(
        "pkcs11-tool list-keys-uris",
        "List the private keys of a token, each as --key takes it",
        "",
    )
    .takes(Takes::Exactly(0))
    .flags(&[MODULE, PKCS11_KEYS])
    .runs(pkcs11_tool::list_keys),
    Command::new("pkcs11-tool list-tokens", "List the tokens of a module", "")
        .takes(Takes::Exactly(0))
        .flags(&[MODULE])
        .runs(pkcs11_tool::list_tokens),
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
        .runs(upload::blob),
    Command::new("upload wasm", "Push a wasm module to a registry", "IMAGE")
        .flags(&[REGISTRY, UPLOAD_WASM])
        .runs(upload::wasm),
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
