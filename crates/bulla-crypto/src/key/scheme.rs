//! Signature schemes: the kind of key together with the hash it signs.
//!
//! The list is that of Sigstore's algorithm registry, without the post-quantum
//! ones: ECDSA with the hash of its curve's size, Ed25519 over the message
//! (pure) or over its SHA-512 (Ed25519ph, RFC 8032), and RSA PKCS #1 v1.5.

use aws_lc_rs::signature::{self, EcdsaSigningAlgorithm, VerificationAlgorithm};
use der::asn1::AnyRef;
use spki::{AlgorithmIdentifierOwned, ObjectIdentifier};

use super::Hash;

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const ECDSA_WITH_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");
const RSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");

/// A signature scheme: key type and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// ECDSA on P-256 with SHA-256.
    EcdsaP256,
    /// ECDSA on P-384 with SHA-384.
    EcdsaP384,
    /// ECDSA on P-521 with SHA-512.
    EcdsaP521,
    /// Pure Ed25519.
    Ed25519,
    /// Ed25519 over the SHA-512 of the message (Ed25519ph).
    Ed25519ph,
    /// RSA of 2048 bits, PKCS #1 v1.5 with SHA-256.
    Rsa2048,
    /// RSA of 3072 bits, PKCS #1 v1.5 with SHA-256.
    Rsa3072,
    /// RSA of 4096 bits, PKCS #1 v1.5 with SHA-256.
    Rsa4096,
}

impl Scheme {
    /// Every scheme.
    pub const ALL: [Self; 8] = [
        Self::EcdsaP256,
        Self::EcdsaP384,
        Self::EcdsaP521,
        Self::Ed25519,
        Self::Ed25519ph,
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
    ];

    /// The hash that it signs. Pure Ed25519 signs the message, and its clients
    /// name SHA-512, which it uses inside.
    pub fn hash(self) -> Hash {
        match self {
            Self::EcdsaP256 | Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => Hash::Sha256,
            Self::EcdsaP384 => Hash::Sha384,
            Self::EcdsaP521 | Self::Ed25519 | Self::Ed25519ph => Hash::Sha512,
        }
    }

    /// Whether a signature can be checked from the digest of the message alone.
    pub fn signs_digest(self) -> bool {
        self != Self::Ed25519
    }

    /// Whether it is RSA of any length.
    pub fn is_rsa(self) -> bool {
        matches!(self, Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096)
    }

    /// Whether both are schemes of one kind of key: Ed25519 has two.
    pub fn same_key_kind(self, other: Self) -> bool {
        self == other || self.is_ed25519() && other.is_ed25519()
    }

    /// The name (`PublicKeyDetails`) that Sigstore's documents use.
    pub fn sigstore_name(self) -> &'static str {
        match self {
            Self::EcdsaP256 => "PKIX_ECDSA_P256_SHA_256",
            Self::EcdsaP384 => "PKIX_ECDSA_P384_SHA_384",
            Self::EcdsaP521 => "PKIX_ECDSA_P521_SHA_512",
            Self::Ed25519 => "PKIX_ED25519",
            Self::Ed25519ph => "PKIX_ED25519_PH",
            Self::Rsa2048 => "PKIX_RSA_PKCS1V15_2048_SHA256",
            Self::Rsa3072 => "PKIX_RSA_PKCS1V15_3072_SHA256",
            Self::Rsa4096 => "PKIX_RSA_PKCS1V15_4096_SHA256",
        }
    }

    /// The scheme of that name.
    pub fn from_sigstore_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|scheme| scheme.sigstore_name() == name)
    }

    /// The algorithm identifier of its signatures in X.509 and CMS.
    ///
    /// Ed25519ph has none there; it answers with that of Ed25519, and a
    /// certificate must be signed with the pure kind.
    pub fn signature_algorithm(self) -> AlgorithmIdentifierOwned {
        let oid = match self {
            Self::EcdsaP256 => ECDSA_WITH_SHA256,
            Self::EcdsaP384 => ECDSA_WITH_SHA384,
            Self::EcdsaP521 => ECDSA_WITH_SHA512,
            Self::Ed25519 | Self::Ed25519ph => ED25519,
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => RSA_WITH_SHA256,
        };
        AlgorithmIdentifierOwned {
            oid,
            // RFC 4055: NULL for RSA; RFC 5758 and 8410: absent for the others.
            parameters: self.is_rsa().then(|| AnyRef::NULL.into()),
        }
    }

    /// The algorithm identifier of its keys.
    pub(super) fn key_algorithm(self) -> AlgorithmIdentifierOwned {
        let (oid, parameters) = match self {
            Self::EcdsaP256 => (EC, Some(P256.into())),
            Self::EcdsaP384 => (EC, Some(P384.into())),
            Self::EcdsaP521 => (EC, Some(P521.into())),
            Self::Ed25519 | Self::Ed25519ph => (ED25519, None),
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => (RSA, Some(AnyRef::NULL.into())),
        };
        AlgorithmIdentifierOwned { oid, parameters }
    }

    /// The scheme of a key, from its algorithm identifier; `modulus_bits` is
    /// asked for RSA only.
    pub(super) fn of_key(
        oid: ObjectIdentifier,
        curve: Option<ObjectIdentifier>,
        modulus_bits: impl FnOnce() -> Option<usize>,
    ) -> Option<Self> {
        match (oid, curve) {
            (EC, Some(P256)) => Some(Self::EcdsaP256),
            (EC, Some(P384)) => Some(Self::EcdsaP384),
            (EC, Some(P521)) => Some(Self::EcdsaP521),
            (ED25519, _) => Some(Self::Ed25519),
            (RSA, _) => Self::of_rsa(modulus_bits()?),
            _ => None,
        }
    }

    /// Whether keys of this algorithm are RSA or elliptic, of whatever size.
    pub(super) fn is_known_kind(oid: ObjectIdentifier) -> bool {
        matches!(oid, EC | RSA | ED25519)
    }

    pub(super) fn of_rsa(modulus_bits: usize) -> Option<Self> {
        match modulus_bits {
            2048 => Some(Self::Rsa2048),
            3072 => Some(Self::Rsa3072),
            4096 => Some(Self::Rsa4096),
            _ => None,
        }
    }

    pub(super) fn is_ed25519(self) -> bool {
        matches!(self, Self::Ed25519 | Self::Ed25519ph)
    }

    /// How its keys sign, for ECDSA.
    pub(super) fn ecdsa(self) -> Option<&'static EcdsaSigningAlgorithm> {
        match self {
            Self::EcdsaP256 => Some(&signature::ECDSA_P256_SHA256_ASN1_SIGNING),
            Self::EcdsaP384 => Some(&signature::ECDSA_P384_SHA384_ASN1_SIGNING),
            Self::EcdsaP521 => Some(&signature::ECDSA_P521_SHA512_ASN1_SIGNING),
            _ => None,
        }
    }

    /// How its signatures over `hash` are checked; other hashes than the
    /// scheme's own occur in what other tools signed.
    pub(super) fn verification(self, hash: Hash) -> &'static dyn VerificationAlgorithm {
        match (self, hash) {
            (Self::Ed25519 | Self::Ed25519ph, _) => &signature::ED25519,
            (Self::EcdsaP256, Hash::Sha256) => &signature::ECDSA_P256_SHA256_ASN1,
            (Self::EcdsaP256, Hash::Sha384) => &signature::ECDSA_P256_SHA384_ASN1,
            (Self::EcdsaP256, Hash::Sha512) => &signature::ECDSA_P256_SHA512_ASN1,
            (Self::EcdsaP384, Hash::Sha256) => &signature::ECDSA_P384_SHA256_ASN1,
            (Self::EcdsaP384, Hash::Sha384) => &signature::ECDSA_P384_SHA384_ASN1,
            (Self::EcdsaP384, Hash::Sha512) => &signature::ECDSA_P384_SHA512_ASN1,
            (Self::EcdsaP521, Hash::Sha256) => &signature::ECDSA_P521_SHA256_ASN1,
            (Self::EcdsaP521, Hash::Sha384) => &signature::ECDSA_P521_SHA384_ASN1,
            (Self::EcdsaP521, Hash::Sha512) => &signature::ECDSA_P521_SHA512_ASN1,
            (Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096, Hash::Sha256) => {
                &signature::RSA_PKCS1_2048_8192_SHA256
            }
            (Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096, Hash::Sha384) => {
                &signature::RSA_PKCS1_2048_8192_SHA384
            }
            (Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096, Hash::Sha512) => {
                &signature::RSA_PKCS1_2048_8192_SHA512
            }
        }
    }
}
