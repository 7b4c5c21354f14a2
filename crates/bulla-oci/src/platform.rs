//! `--platform OS/ARCHITECTURE[/VARIANT]`, in the names that Go uses.
//!
//! OCI image specification, *image index*, `platform`. An entry of an index that
//! tells no platform fits none; versions and features of systems are not asked for.
//! A single image is asked by its configuration.

use bulla_core::{Code, Descriptor, Diagnose, descriptor::Platform};
use std::{fmt, str::FromStr};

use crate::client::{Child, ClientError};

/// Images of an index that are named in one message.
const SHOWN: usize = 12;
/// Characters of a name in one.
const LENGTH: usize = 40;

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

    /// The one image of these for this platform.
    pub(crate) fn choose(
        &self,
        children: &[Child],
        reference: &str,
    ) -> Result<Descriptor, ClientError> {
        let images = || children.iter().filter(|child| !child.is_index);
        let fits = |child: &&Child| self.fits(&child.descriptor);
        let found: Vec<&Child> = images().filter(fits).collect();
        match found.as_slice() {
            [one] => Ok(one.descriptor.clone()),
            [] => Err(ClientError::NoPlatform {
                reference: reference.to_owned(),
                platform: self.to_string(),
                there: match children {
                    [only] if !only.is_index => match &only.descriptor.platform {
                        Some(own) => format!("it is one image, for {}", told(own)),
                        None => "it is one manifest that is for no platform".into(),
                    },
                    _ => format!("there is {}", listed(images())),
                },
            }),
            several => Err(ClientError::SeveralForPlatform {
                reference: reference.to_owned(),
                platform: self.to_string(),
                there: listed(several.iter().copied()),
            }),
        }
    }
}

/// What an entry of an index says that it runs on, as people write it: a hint
/// for them, in the index's own words, cut where nobody writes so much.
pub fn told(platform: &Platform) -> String {
    let parts = [Some(&platform.os), Some(&platform.architecture)];
    let parts = parts.into_iter().chain([platform.variant.as_ref()]);
    let clean = |text: &String| -> String {
        let plain = text.chars().filter(|c| !c.is_control() && *c != '/');
        plain.take(LENGTH).collect()
    };
    let parts: Vec<String> = parts.flatten().map(clean).collect();
    parts.join("/")
}

/// Images with their platforms, for a person.
fn listed<'c>(images: impl Iterator<Item = &'c Child>) -> String {
    let mut names: Vec<String> = images
        .map(|child| {
            let platform = child.descriptor.platform.as_ref();
            let name = platform.map_or_else(|| "no platform".into(), told);
            format!("{name} ({})", child.descriptor.digest.short())
        })
        .collect();
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    match (names.is_empty(), more) {
        (true, _) => "no image in it".into(),
        (_, 0) => names.join(", "),
        (_, more) => format!("{} and {more} more", names.join(", ")),
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
mod tests;
