//! Building twice: the same digests, or the first difference and what it is likely
//! to be.
//!
//! Two builds that share nothing but source, fetched files and toolchain. The hint
//! is a guess for people (a time in an archive, a section of an ELF file); the
//! verdict is the comparison of bytes.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use crate::{
    build::{self, BuildError, BuildEvent, Built, Options},
    recipe::Recipe,
};

mod hint;

/// What building twice showed.
#[derive(Clone, Debug)]
pub struct Reproduction {
    /// The first build.
    pub first: Built,
    /// The second build.
    pub second: Built,
    /// The first difference; none: the same bytes.
    pub difference: Option<Difference>,
}

/// Where two builds differ first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The output, as the recipe declares it.
    pub output: PathBuf,
    /// The first byte that differs.
    pub offset: u64,
    /// Up to 16 bytes from there, of both.
    pub bytes: (Vec<u8>, Vec<u8>),
    /// What it is likely to be.
    pub hint: Option<String>,
}

/// Builds twice and compares.
///
/// # Errors
/// [`BuildError`] of either build.
pub fn reproduce(
    recipe: &Recipe,
    source: &Path,
    options: &Options,
    tell: &mut dyn FnMut(BuildEvent<'_>),
) -> Result<Reproduction, BuildError> {
    let first = build::build(recipe, source, options, tell)?;
    let again = Options {
        outputs: options.outputs.join("again"),
        isolation: Some(first.isolation),
        ..options.clone()
    };
    let second = build::build(recipe, source, &again, tell)?;
    let pairs = first.outputs.iter().zip(&second.outputs);
    let mut difference = None;
    for (a, b) in pairs {
        if a.digest != b.digest {
            let found = compare(&a.file, &b.file).map_err(BuildError::io("comparing outputs"))?;
            difference = found.map(|found| Difference {
                output: a.declared.path.clone(),
                ..found
            });
            break;
        }
    }
    Ok(Reproduction {
        first,
        second,
        difference,
    })
}

/// The first difference of two files; none if they are the same.
///
/// # Errors
/// If one cannot be read.
pub fn compare(a: &Path, b: &Path) -> io::Result<Option<Difference>> {
    let open = |path| File::open(path).map(BufReader::new);
    let (mut left, mut right) = (open(a)?.bytes(), open(b)?.bytes());
    let mut offset = 0;
    loop {
        match (left.next().transpose()?, right.next().transpose()?) {
            (None, None) => return Ok(None),
            (x, y) if x == y => offset += 1,
            _ => break,
        }
    }
    Ok(Some(Difference {
        output: a.to_path_buf(),
        offset,
        bytes: (window(a, offset)?, window(b, offset)?),
        hint: hint::of(a, b, offset)?,
    }))
}

fn window(path: &Path, offset: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(16).read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (a, b) = (hex::encode(&self.bytes.0), hex::encode(&self.bytes.1));
        write!(
            f,
            "{} differs at byte {}: {a} and {b}",
            self.output.display(),
            self.offset
        )?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// Removes the copies of the second build.
///
/// # Errors
/// If they cannot be removed.
pub fn forget_second(options: &Options) -> io::Result<()> {
    fs::remove_dir_all(options.outputs.join("again"))
}

#[cfg(test)]
mod tests;
