//! The documents of the plugin protocol, version `v1`, as Go writes and reads
//! them: bytes in base64, hashes by the number of Go's `crypto.Hash`.

use bulla_core::limits::{self, LimitError};
use bulla_crypto::Hash;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::MAX_ANSWER_BYTES;

/// The version: the first argument of every call.
pub(super) const VERSION: &str = "v1";

/// The second argument of every call.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Arguments<'a> {
    init_options: InitOptions<'a>,
    #[serde(flatten)]
    call: Call,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InitOptions<'a> {
    ctx_deadline: String,
    protocol_version: &'static str,
    #[serde(rename = "keyResourceID")]
    key: &'a str,
    hash_func: u8,
    rpc_options: RpcOptions,
}

/// Which method, and its arguments.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Call {
    method_name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_algorithm: Option<Nothing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    supported_algorithms: Option<Nothing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    create_key: Option<CreateKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<PublicKeyCall>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sign_message: Option<SignMessage>,
}

#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
struct CreateKey {
    algorithm: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PublicKeyCall {
    public_key_options: PublicKeyOptions,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct PublicKeyOptions {
    rpc_options: RpcOptions,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SignMessage {
    sign_options: SignOptions,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SignOptions {
    rpc_options: RpcOptions,
    message_options: MessageOptions,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct RpcOptions {
    key_version: &'static str,
    remote_verification: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageOptions {
    hash_func: u8,
}

impl<'a> Arguments<'a> {
    pub(super) fn new(key: &'a str, hash: Hash, deadline: Timestamp, call: Call) -> Self {
        Self {
            init_options: InitOptions {
                ctx_deadline: deadline.to_string(),
                protocol_version: VERSION,
                key,
                hash_func: number(hash),
                rpc_options: RpcOptions::default(),
            },
            call,
        }
    }

    pub(super) fn to_json(&self) -> String {
        // Strings and numbers only: this cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Call {
    pub(super) fn default_algorithm() -> Self {
        Self {
            method_name: "defaultAlgorithm",
            default_algorithm: Some(Nothing {}),
            ..Self::default()
        }
    }

    pub(super) fn supported_algorithms() -> Self {
        Self {
            method_name: "supportedAlgorithms",
            supported_algorithms: Some(Nothing {}),
            ..Self::default()
        }
    }

    pub(super) fn create_key(algorithm: String) -> Self {
        Self {
            method_name: "createKey",
            create_key: Some(CreateKey { algorithm }),
            ..Self::default()
        }
    }

    pub(super) fn public_key() -> Self {
        Self {
            method_name: "publicKey",
            public_key: Some(PublicKeyCall {
                public_key_options: PublicKeyOptions::default(),
            }),
            ..Self::default()
        }
    }

    pub(super) fn sign_message(hash: Hash) -> Self {
        let sign_options = SignOptions {
            rpc_options: RpcOptions::default(),
            message_options: MessageOptions {
                hash_func: number(hash),
            },
        };
        Self {
            method_name: "signMessage",
            sign_message: Some(SignMessage { sign_options }),
            ..Self::default()
        }
    }
}

/// What a plugin writes. Fields that a later minor version adds are passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    pub(super) error_message: Option<String>,
    pub(super) default_algorithm: Option<DefaultAlgorithm>,
    pub(super) supported_algorithms: Option<SupportedAlgorithms>,
    pub(super) create_key: Option<KeyAnswer>,
    pub(super) public_key: Option<KeyAnswer>,
    pub(super) sign_message: Option<SignAnswer>,
}

#[derive(Deserialize)]
pub(super) struct DefaultAlgorithm {
    #[serde(rename = "defaultAlgorithm")]
    pub(super) name: String,
}

#[derive(Deserialize)]
pub(super) struct SupportedAlgorithms {
    #[serde(rename = "supportedAlgorithms")]
    pub(super) names: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct KeyAnswer {
    /// Base64 of PEM.
    #[serde(rename = "publicKeyPEM")]
    pub(super) pem: String,
}

#[derive(Deserialize)]
pub(super) struct SignAnswer {
    /// Base64.
    pub(super) signature: String,
}

impl Answer {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, LimitError> {
        limits::parse_json(bytes, MAX_ANSWER_BYTES, "a plugin's answer")
    }
}

fn number(hash: Hash) -> u8 {
    match hash {
        Hash::Sha256 => 5,
        Hash::Sha384 => 6,
        Hash::Sha512 => 7,
    }
}
