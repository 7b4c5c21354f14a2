//! The environment variables that a command works with: those of its process, or
//! those that a caller gives. Nothing else here reads the environment.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fmt,
    path::PathBuf,
};

/// What only this program may know: a plugin gets its own secrets from the
/// user, not ours.
const WITHHELD: [&str; 5] = [
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "COSIGN_PASSWORD",
    "COSIGN_PKCS11_PIN",
    "COSIGN_PRIVATE_KEY",
    "SIGSTORE_ID_TOKEN",
];

/// Environment variables. `Debug` shows their names only.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
}

impl Environment {
    /// Those of this process.
    pub fn process() -> Self {
        Self::of(std::env::vars_os())
    }

    /// These.
    pub fn of<N: Into<OsString>, V: Into<OsString>>(
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let variables = variables.into_iter();
        Self {
            variables: variables.map(|(n, v)| (n.into(), v.into())).collect(),
        }
    }

    /// The value of a variable; an empty one counts as absent.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        let value = self.variables.get(OsStr::new(name))?;
        (!value.is_empty()).then_some(value)
    }

    /// The same as text, if it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.to_str()
    }

    /// What a program started for the user gets.
    pub(crate) fn for_programs(&self) -> impl Iterator<Item = (&OsString, &OsString)> {
        let withheld = |name: &OsStr| WITHHELD.iter().any(|secret| name == OsStr::new(secret));
        self.variables
            .iter()
            .filter(move |(name, _)| !withheld(name))
    }

    /// The program of that name along `PATH`. Relative folders in it are passed
    /// over: what lies in the working folder is not installed.
    pub(crate) fn program(&self, name: &str) -> Option<PathBuf> {
        let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        std::env::split_paths(self.get("PATH")?)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(&file))
            .find(|path| is_program(path))
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

#[cfg(unix)]
fn is_program(path: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &std::path::Path) -> bool {
    path.is_file()
}
