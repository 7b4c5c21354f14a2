//! The certificates of the authorities, under roots that stay offline.
//!
//! One root each for code signing and for timestamps: whoever holds the one
//! cannot stand in for the other. A root is made anew, or is the one that an
//! earlier ceremony made, if its key is the holder's.

use bulla_core::{Digest, canonical_json};
use bulla_crypto::{
    Signer,
    x509::{CaProfile, Certificate, Issuer, Validity, to_pem_chain},
};
use serde_json::json;
use std::sync::Arc;

use super::{CeremonyError, Folder, Request, RequestKind, folder};

/// One of the two roots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorityKind {
    /// Of the certificate authority.
    Ca,
    /// Of the timestamp authority.
    Tsa,
}

impl AuthorityKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Ca, Self::Tsa];

    /// The name of its root: key file and certificate.
    pub fn root(self) -> &'static str {
        match self {
            Self::Ca => "ca-root",
            Self::Tsa => "tsa-root",
        }
    }

    /// The name of the certificate under it.
    pub fn leaf(self) -> &'static str {
        match self {
            Self::Ca => "ca-intermediate",
            Self::Tsa => "tsa",
        }
    }

    /// What is asked for.
    pub fn request(self) -> RequestKind {
        match self {
            Self::Ca => RequestKind::Intermediate,
            Self::Tsa => RequestKind::Timestamp,
        }
    }

    fn root_name(self) -> &'static str {
        match self {
            Self::Ca => "signing root",
            Self::Tsa => "timestamp root",
        }
    }

    /// Who holds its root key in this ceremony.
    pub fn holder(self, of: &Folder) -> Option<&str> {
        let authorities = of.plan().authorities.as_ref()?;
        Some(match self {
            Self::Ca => &authorities.ca_holder,
            Self::Tsa => &authorities.tsa_holder,
        })
    }

    /// Its certificates as far as they are signed: leaf, then root.
    ///
    /// # Errors
    /// [`CeremonyError`] if one is not what the plan says.
    pub fn chain(self, of: &Folder) -> Result<Option<[Certificate; 2]>, CeremonyError> {
        let (leaf, root) = (of.certificate(self.leaf())?, of.certificate(self.root())?);
        let (Some(leaf), Some(root)) = (leaf, root) else {
            return Ok(None);
        };
        let path = of.certificate_path(self.leaf());
        let wrong = |why: &str| CeremonyError::malformed(&path, why);
        let request = self.asked(of)?;
        if leaf.spki_der()? != request.key()?.spki_der() {
            return Err(wrong(
                "it is not of the key that the instance asked to be certified",
            ));
        }
        if root.spki_der()? != of.require_key(self.root())?.key()?.spki_der() {
            return Err(wrong("its root is not of the holder's key"));
        }
        if !leaf.is_issued_by(&root) || !root.is_issued_by(&root) {
            return Err(wrong("the root did not sign it"));
        }
        Ok(Some([leaf, root]))
    }

    fn asked(self, of: &Folder) -> Result<&Request, CeremonyError> {
        let asked = of.export().request(self.request());
        asked.ok_or_else(|| CeremonyError::Plan {
            why: format!("the instance asks for no {}", self.leaf()),
        })
    }

    /// What its holder signs: in words, and the digest of it.
    ///
    /// # Errors
    /// [`CeremonyError::Plan`], [`CeremonyError::NoKey`].
    pub fn subject(self, of: &Folder) -> Result<(Vec<String>, Digest), CeremonyError> {
        let authorities = of.plan().authorities.as_ref();
        let authorities = authorities.ok_or_else(|| CeremonyError::Plan {
            why: "it names no authorities".into(),
        })?;
        let request = self.asked(of)?;
        let root = of.key(self.root())?.ok_or_else(|| CeremonyError::NoKey {
            name: self.holder(of).unwrap_or_default().into(),
        })?;
        let (key, root) = (request.key()?.id(), root.key()?.id());
        let words = vec![
            format!("{}: key {}", self.root(), root.short()),
            format!(
                "{}: {:?} of {:?}, key {}, from {} until {}",
                self.leaf(),
                request.common_name,
                of.export().organization,
                key.short(),
                authorities.not_before,
                authorities.expires
            ),
        ];
        let described = json!({
            "root": root, "key": key, "commonName": request.common_name,
            "organization": of.export().organization, "kind": request.kind,
            "notBefore": authorities.not_before.to_string(),
            "expires": authorities.expires.to_string(),
            "rootExpires": authorities.root_expires.to_string(),
        });
        let bytes = canonical_json::jcs(&described)
            .map_err(|error| CeremonyError::malformed(of.dir(), error))?;
        Ok((words, Digest::sha256(&bytes)))
    }
}

/// Signs the certificates of one authority with its root key, and writes them.
///
/// # Errors
/// [`CeremonyError::OtherKey`], [`CeremonyError::X509`], [`CeremonyError::Exists`].
pub fn sign_certificates(
    kind: AuthorityKind,
    of: &Folder,
    key: Arc<dyn Signer>,
) -> Result<[Certificate; 2], CeremonyError> {
    let authorities = of.plan().authorities.as_ref();
    let authorities = authorities.ok_or_else(|| CeremonyError::Plan {
        why: "it names no authorities".into(),
    })?;
    if of.require_key(kind.root())?.key()? != *key.public() {
        return Err(CeremonyError::OtherKey {
            name: kind.root().into(),
            why: "another one was registered in keys/".into(),
        });
    }
    let request = kind.asked(of)?;
    let from = authorities.not_before;
    let former = match request.root()? {
        Some(root) if root.spki_der()? == key.public().spki_der() => Some(root),
        _ => None,
    };
    let root = match former {
        Some(root) => Issuer::from_parts(key, root)?,
        None => {
            let validity = Validity {
                from,
                until: authorities.root_expires,
            };
            Issuer::create_root(key, &of.export().organization, kind.root_name(), validity)?
        }
    };
    let validity = Validity {
        from,
        until: authorities.expires,
    };
    let (asked, name) = (request.key()?, &request.common_name);
    let leaf = match kind {
        AuthorityKind::Ca => {
            root.issue_intermediate(&asked, CaProfile::CodeSigning, name, validity)?
        }
        AuthorityKind::Tsa => root.issue_timestamping(&asked, name, validity)?,
    };
    let root = root.certificate().clone();
    for (name, certificate) in [(kind.root(), &root), (kind.leaf(), &leaf)] {
        folder::write_new(
            &of.certificate_path(name),
            to_pem_chain([certificate]).as_bytes(),
        )?;
    }
    Ok([leaf, root])
}
