//! `--platform OS/ARCHITECTURE[/VARIANT]`, in the names that Go uses.
//!
//! OCI image specification, *image index*, `platform`. An entry of an index that
//! tells no platform fits none; versions and features of systems are not asked for.

use bulla_core::{Code, Descriptor, Diagnose, Reference};
use std::{fmt, str::FromStr};

use crate::client::{Child, ClientError};

/// A platform as people name it, in Go's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformName {
    /// `linux`.
    pub os: String,
    /// `arm64`.
    pub architecture: String,
    /// `v8`; without it every variant fits.
    pub variant: Option<String>,
}

impl PlatformName {
    /// Whether an entry of an index is for this platform.
    pub fn fits(&self, descriptor: &Descriptor) -> bool {
        descriptor.platform.as_ref().is_some_and(|platform| {
            let variant = |wanted: &String| platform.variant.as_ref() == Some(wanted);
            platform.os == self.os
                && platform.architecture == self.architecture
                && self.variant.as_ref().is_none_or(variant)
        })
    }

    /// The first image of these for this platform.
    pub(crate) fn choose(
        &self,
        children: &[Child],
        reference: &Reference,
    ) -> Result<Descriptor, ClientError> {
        let found = children
            .iter()
            .find(|child| !child.is_index && self.fits(&child.descriptor));
        found
            .map(|child| child.descriptor.clone())
            .ok_or_else(|| ClientError::NoPlatform {
                reference: reference.to_string(),
                platform: self.to_string(),
            })
    }
}

impl fmt::Display for PlatformName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

impl FromStr for PlatformName {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let fits = |part: &str| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
            (1..=64).contains(&part.len()) && part.bytes().all(plain)
        };
        let parts: Vec<&str> = text.split('/').collect();
        let (os, architecture, variant) = match parts.as_slice() {
            [os, architecture] => (os, architecture, None),
            [os, architecture, variant] => (os, architecture, Some(*variant)),
            _ => return Err(PlatformError(text.chars().take(120).collect())),
        };
        if !fits(os) || !fits(architecture) || !variant.is_none_or(fits) {
            return Err(PlatformError(text.chars().take(120).collect()));
        }
        Ok(Self {
            os: (*os).into(),
            architecture: (*architecture).into(),
            variant: variant.map(Into::into),
        })
    }
}

/// A text that names no platform.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a platform")]
pub struct PlatformError(String);

impl Diagnose for PlatformError {
    fn code(&self) -> Code {
        Code("OCI-0210")
    }

    fn hint(&self) -> Option<String> {
        Some("write OS/ARCHITECTURE, for example linux/arm64".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bulla_core::descriptor::Platform;

    #[test]
    fn a_platform_is_read_and_compared_as_written() {
        for text in ["linux/amd64", "linux/arm/v7", "windows/amd64"] {
            assert_eq!(text.parse::<PlatformName>().unwrap().to_string(), text);
        }
        for text in ["", "linux", "linux/", "/amd64", "a/b/c/d", "linux/am d64"] {
            assert!(text.parse::<PlatformName>().is_err(), "{text}");
        }
        let mut entry = Descriptor::of("x", b"y");
        let arm: PlatformName = "linux/arm64".parse().unwrap();
        assert!(!arm.fits(&entry), "an entry without a platform is for none");
        entry.platform = Some(Platform {
            architecture: "arm64".into(),
            os: "linux".into(),
            variant: Some("v8".into()),
        });
        assert!(arm.fits(&entry));
        assert!(
            "linux/arm64/v8"
                .parse::<PlatformName>()
                .unwrap()
                .fits(&entry)
        );
        assert!(
            !"linux/arm64/v7"
                .parse::<PlatformName>()
                .unwrap()
                .fits(&entry)
        );
    }
}
