//! Fulcio's issuer file, in YAML or JSON, unchanged.
//!
//! `oidc-issuers`, `meta-issuers` and `ci-issuer-metadata` (Fulcio's
//! `pkg/config`). Fulcio drops fields that it does not know; here they are
//! refused (rule R15), since a misspelt restriction must not become none. What
//! only informs people (`contact`, `description`) is read and dropped.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use bulla_core::{Code, Diagnose, limits};
use bulla_crypto::x509::FulcioExtension;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};

use super::{
    check,
    pattern::MetaPattern,
    template::{Template, TemplateError},
};

/// Longest file, in bytes.
const FILE_BYTES: u64 = 1 << 20;
/// Issuers, patterns and providers of one file.
const ENTRIES: usize = 1000;

/// An issuer file that was read and understood.
#[derive(Clone, Debug, Default)]
pub struct IssuerFile {
    /// Each by its URL.
    pub issuers: BTreeMap<String, Entry>,
    /// Many by one pattern.
    pub meta: Vec<(MetaPattern, Entry)>,
    /// Templates of `ci-provider` entries, by the provider's name.
    pub providers: BTreeMap<String, Provider>,
}

/// What a file says about one issuer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Entry {
    /// The issuer, as its tokens name it.
    #[serde(alias = "IssuerURL")]
    pub issuer_url: String,
    /// The audience of its tokens.
    #[serde(alias = "ClientID")]
    pub client_id: String,
    /// What its tokens are about.
    #[serde(rename = "type", alias = "Type")]
    pub kind: String,
    /// Which templates apply.
    #[serde(alias = "CIProvider")]
    pub ci_provider: String,
    /// Where the token names the issuer behind it, `$.member.member`.
    #[serde(alias = "IssuerClaim")]
    pub issuer_claim: String,
    /// The domain of its subjects.
    #[serde(alias = "SubjectDomain")]
    pub subject_domain: String,
    /// The trust domain of its SPIFFE ids.
    #[serde(rename = "spiffe-trust-domain", alias = "SPIFFETrustDomain")]
    pub spiffe_trust_domain: String,
    /// The claim that clients sign as proof of possession.
    #[serde(alias = "ChallengeClaim")]
    pub challenge_claim: String,
    /// The authority of its server's certificate, in PEM.
    #[serde(alias = "CACert")]
    pub ca_cert: String,
    /// Whether addresses count although the issuer does not say that it verified them.
    #[serde(alias = "SkipEmailVerification")]
    pub skip_email_verification: bool,
    #[serde(alias = "Description")]
    description: Informative,
    #[serde(alias = "Contact")]
    contact: Informative,
    #[serde(alias = "Environment")]
    environment: Informative,
}

/// A field for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Informative;

impl<'de> Deserialize<'de> for Informative {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

/// The templates of a provider of continuous integration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Values of claims that a token may lack.
    pub defaults: BTreeMap<String, String>,
    /// The name of the certificate's subject, a URI.
    pub name: Template,
    /// Its extensions.
    pub extensions: Vec<(FulcioExtension, Template)>,
}

/// A table whose keys occur once: of two entries for one issuer, nobody can say
/// which one counts. An empty one may be written as nothing.
struct Once<T>(BTreeMap<String, T>);

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Once<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Table<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Table<T> {
            type Value = Once<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table")
            }

            fn visit_unit<E>(self) -> Result<Once<T>, E> {
                Ok(Once::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Once<T>, A::Error> {
                let mut table = BTreeMap::new();
                while let Some((key, value)) = map.next_entry::<String, T>()? {
                    if table.contains_key(&key) {
                        let twice = format!("{key:?} occurs twice");
                        return Err(serde::de::Error::custom(twice));
                    }
                    table.insert(key, value);
                }
                Ok(Once(table))
            }
        }
        deserializer.deserialize_any(Table(PhantomData))
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Document {
    #[serde(rename = "oidc-issuers", alias = "OIDCIssuers")]
    issuers: Once<Entry>,
    #[serde(rename = "meta-issuers", alias = "MetaIssuers")]
    meta: Once<Entry>,
    #[serde(rename = "ci-issuer-metadata", alias = "CIIssuerMetadata")]
    providers: Once<RawProvider>,
    /// Where real files keep their anchors.
    #[serde(rename = "define")]
    _define: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct RawProvider {
    #[serde(alias = "DefaultTemplateValues")]
    default_template_values: Once<String>,
    #[serde(alias = "ExtensionTemplates")]
    extension_templates: Once<String>,
    #[serde(alias = "SubjectAlternativeNameTemplate")]
    subject_alternative_name_template: String,
}

impl IssuerFile {
    /// Reads a file: JSON if it begins with a brace, else YAML.
    ///
    /// # Errors
    /// [`IssuerFileError`] that names the entry which is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, IssuerFileError> {
        if bytes.len() as u64 > FILE_BYTES {
            return Err(IssuerFileError::Size);
        }
        let document: Document = match bytes.trim_ascii_start().first() {
            Some(b'{') => limits::parse_json(bytes, FILE_BYTES, "issuer file")
                .map_err(|error| IssuerFileError::Syntax(error.to_string()))?,
            _ => yaml_serde::from_slice(bytes)
                .map_err(|error| IssuerFileError::Syntax(error.to_string()))?,
        };
        let mut file = Self::default();
        for (name, raw) in document.providers.0 {
            let provider = raw.read(&name)?;
            file.providers.insert(name, provider);
        }
        for (url, mut entry) in document.issuers.0 {
            if entry.issuer_url.is_empty() {
                entry.issuer_url = url.clone();
            }
            if entry.issuer_url != url {
                return Err(refused(&url, "its issuer-url is another one"));
            }
            check::entry(&url, &entry, &file.providers, false)?;
            file.issuers.insert(url, entry);
        }
        for (text, entry) in document.meta.0 {
            let pattern = MetaPattern::parse(&text).ok_or_else(|| {
                refused(
                    &text,
                    "a pattern is an https URL with `*` in its path or in front of a fixed domain",
                )
            })?;
            check::entry(&text, &entry, &file.providers, true)?;
            file.meta.push((pattern, entry));
        }
        // Where two patterns match, the one that says more counts.
        file.meta
            .sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.as_str().len()));
        if file.issuers.len() + file.meta.len() + file.providers.len() > ENTRIES {
            return Err(IssuerFileError::Size);
        }
        Ok(file)
    }
}

impl RawProvider {
    fn read(self, name: &str) -> Result<Provider, IssuerFileError> {
        let template = |field: &str, text: &str| {
            Template::parse(text).map_err(|source| IssuerFileError::Template {
                provider: name.to_owned(),
                field: field.to_owned(),
                source,
            })
        };
        let mut extensions = Vec::new();
        for (field, text) in self.extension_templates.0 {
            // The issuer is always the token's.
            if text.trim().is_empty() || matches!(field.as_str(), "Issuer" | "issuer") {
                continue;
            }
            let extension = FulcioExtension::ALL
                .iter()
                .find(|one| one.yaml_name() == field || one.json_name() == field)
                .ok_or_else(|| IssuerFileError::Extension {
                    provider: name.to_owned(),
                    field: field.clone(),
                })?;
            extensions.push((*extension, template(&field, &text)?));
        }
        let subject = self.subject_alternative_name_template.trim();
        if subject.is_empty() {
            return Err(refused(name, "it has no subject-alternative-name-template"));
        }
        Ok(Provider {
            defaults: self.default_template_values.0,
            name: template("subject-alternative-name-template", subject)?,
            extensions,
        })
    }
}

pub(super) fn refused(entry: &str, why: &'static str) -> IssuerFileError {
    IssuerFileError::Entry {
        entry: entry.chars().take(200).collect(),
        why,
    }
}

/// What is wrong with an issuer file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerFileError {
    /// An entry.
    #[error("the issuer file's entry {entry:?} cannot be used: {why}")]
    Entry {
        /// The issuer, pattern or provider.
        entry: String,
        /// What is wrong.
        why: &'static str,
    },
    /// An extension that certificates do not have.
    #[error("the provider {provider:?} fills the unknown extension {field:?}")]
    Extension {
        /// The provider.
        provider: String,
        /// The extension.
        field: String,
    },
    /// Too much of it.
    #[error("the issuer file is larger than 1 MiB, or has more than {ENTRIES} entries")]
    Size,
    /// Not a file of that shape.
    #[error("the issuer file cannot be read: {0}")]
    Syntax(String),
    /// A template.
    #[error("the template {field:?} of provider {provider:?}: {source}")]
    Template {
        /// The provider.
        provider: String,
        /// The field.
        field: String,
        /// What is wrong with it.
        source: TemplateError,
    },
}

impl Diagnose for IssuerFileError {
    fn code(&self) -> Code {
        match self {
            Self::Entry { .. } => Code("AUTH-0404"),
            Self::Extension { .. } => Code("AUTH-0405"),
            Self::Size => Code("AUTH-0406"),
            Self::Syntax(_) => Code("AUTH-0407"),
            Self::Template { source, .. } => source.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Template { source, .. } => source.hint(),
            _ => Some("correct the file that `issuers` names in the section [ca]".into()),
        }
    }
}
