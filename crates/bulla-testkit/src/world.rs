//! An empty machine for one test: folders of its own, an environment that is
//! the same everywhere, and the binary under test.

use std::{
    ffi::OsStr,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::Outcome;

/// Variables that reach the commands of a test: where the compiler is kept, and
/// how its registry is reached. Everything else is set here or absent.
const KEPT: [&str; 12] = [
    "ALL_PROXY",
    "CARGO_HTTP_CAINFO",
    "GOFLAGS",
    "GOPROXY",
    "GOSUMDB",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "LLVM_PROFILE_FILE",
    "NO_PROXY",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "https_proxy",
];

/// Folders and environment of one test; gone when dropped.
#[derive(Debug)]
pub struct World {
    folder: TempDir,
    binary: Option<PathBuf>,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// A new, empty world.
    ///
    /// # Panics
    /// If the temporary folder cannot be made.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("bulla-test-")
            .tempdir()
            .expect("a temporary folder");
        let world = Self {
            folder,
            binary: None,
        };
        for dir in [world.home(), world.dir(), world.root().join("run")] {
            fs::create_dir(&dir).expect("a folder in the temporary folder");
        }
        world
    }

    /// The same with another binary than the one of this build.
    #[must_use]
    pub fn with_binary(mut self, binary: impl Into<PathBuf>) -> Self {
        self.binary = Some(binary.into());
        self
    }

    /// The binary that this world runs.
    pub fn binary(&self) -> PathBuf {
        self.binary.clone().unwrap_or_else(binary)
    }

    /// Everything of this world lies below.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// `$HOME`.
    pub fn home(&self) -> PathBuf {
        self.root().join("home")
    }

    /// Where commands start.
    pub fn dir(&self) -> PathBuf {
        self.root().join("work")
    }

    /// The data directory that commands use when none is named.
    pub fn data(&self) -> PathBuf {
        self.home().join(".local/share/bulla/local")
    }

    /// Writes a file, relative to [`World::dir`], and answers its path. It is there
    /// at once: tests that share a world may write the same, while others read it.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir().join(path);
        let parent = path.parent().expect("a parent");
        fs::create_dir_all(parent).expect("folders");
        let file = tempfile::Builder::new()
            .permissions(fs::Permissions::from_mode(0o644))
            .tempfile_in(parent)
            .expect("a file");
        fs::write(&file, content).expect("a file");
        file.persist(&path).expect("a file");
        path
    }

    /// Runs `bulla` with these arguments.
    pub fn bulla<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Outcome {
        let mut command = self.command(self.binary());
        command.args(args);
        self.run(&mut command)
    }

    /// A command of this world, to be refined and given to [`World::run`].
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.dir())
            .stdin(Stdio::null())
            .env_clear();
        for (name, value) in self.environment() {
            command.env(name, value);
        }
        command
    }

    /// Runs a command to its end.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn run(&self, command: &mut Command) -> Outcome {
        let line = line(command);
        let output = command
            .output()
            .unwrap_or_else(|error| panic!("{line}: {error}"));
        Outcome::new(line, &output, self.root())
    }

    /// The whole environment of a command.
    pub fn environment(&self) -> Vec<(String, PathBuf)> {
        let home = self.home();
        let mut environment: Vec<(String, PathBuf)> = vec![
            ("COLUMNS".into(), "96".into()),
            ("GIT_CONFIG_GLOBAL".into(), home.join(".gitconfig")),
            ("GIT_CONFIG_NOSYSTEM".into(), "1".into()),
            ("GIT_TERMINAL_PROMPT".into(), "0".into()),
            ("HOME".into(), home.clone()),
            ("LANG".into(), "C.UTF-8".into()),
            ("NO_COLOR".into(), "1".into()),
            ("TERM".into(), "dumb".into()),
            ("TZ".into(), "UTC".into()),
            ("XDG_CACHE_HOME".into(), home.join(".cache")),
            ("XDG_CONFIG_HOME".into(), home.join(".config")),
            ("XDG_DATA_HOME".into(), home.join(".local/share")),
            ("XDG_RUNTIME_DIR".into(), self.root().join("run")),
            ("XDG_STATE_HOME".into(), home.join(".local/state")),
        ];
        if let Some(path) = std::env::var_os("PATH") {
            environment.push(("PATH".into(), path.into()));
        }
        // The compiler lives in the real home unless told otherwise.
        let real = std::env::var_os("HOME").map(PathBuf::from);
        for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            let place = std::env::var_os(name).map(PathBuf::from);
            let place = place.or_else(|| real.as_ref().map(|home| home.join(folder)));
            if let Some(place) = place.filter(|place| place.is_dir()) {
                environment.push((name.into(), place));
            }
        }
        for name in KEPT {
            if let Some(value) = std::env::var_os(name) {
                environment.push((name.into(), value.into()));
            }
        }
        environment
    }
}

/// The binary under test: `BULLA_BIN`, what cargo says, or the one beside the
/// running test.
///
/// # Panics
/// If there is none: `cargo build -p bulla` makes it.
pub fn binary() -> PathBuf {
    for name in ["BULLA_BIN", "CARGO_BIN_EXE_bulla"] {
        if let Some(path) = std::env::var_os(name) {
            return path.into();
        }
    }
    let test = std::env::current_exe().expect("the path of this test");
    let found = test
        .ancestors()
        .map(|folder| folder.join("bulla"))
        .find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("no bulla beside {}: cargo build -p bulla", test.display()))
}

/// The root of the repository that this crate was built in.
pub fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// The command as a person would type it.
fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let program = program.file_name().unwrap_or(program.as_os_str());
    let mut line = program.to_string_lossy().into_owned();
    for arg in command.get_args() {
        line.push(' ');
        line.push_str(&arg.to_string_lossy());
    }
    line
}
