//! What every command has at hand: the options, the person, the instance.

use std::future::Future;

use crate::{
    cli::Global,
    failure::{Exit, Failure},
    instance::Home,
    output::{Outputs, talk::Talk},
};

/// The surroundings of a command.
pub struct Context {
    /// The global options.
    pub global: Global,
    /// What the person reads.
    pub talk: Talk,
}

impl Context {
    /// From the global options.
    ///
    /// # Errors
    /// None today; the signature leaves room for configuration files.
    pub fn new(global: Global) -> Result<Self, Failure> {
        let talk = Talk::new(&global);
        Ok(Self { global, talk })
    }

    /// The local instance's directory.
    ///
    /// # Errors
    /// If there is no place for one.
    pub fn home(&self) -> Result<Home, Failure> {
        Home::find(self.global.data.as_deref())
    }

    /// Where results go, of the formats that the command knows.
    ///
    /// # Errors
    /// If another format is asked for.
    pub fn outputs(&self, known: &[&str]) -> Result<Outputs, Failure> {
        Outputs::new(&self.global.output, known)
    }

    /// Runs asynchronous work; the runtime exists only for commands that need it.
    ///
    /// # Errors
    /// Those of the work, or if no runtime can be had.
    pub fn block_on<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|cause| {
                Failure::new(Exit::CouldNotRun, "CLI-0004", "no threads to work with")
                    .line(cause.to_string())
            })?;
        let result = runtime.block_on(work);
        runtime.shutdown_timeout(std::time::Duration::from_secs(2));
        result
    }
}

/// The email address that an asserted identity carries: as given, else git's,
/// else the account's at this machine.
pub fn email_or_git(given: Option<String>, talk: &Talk) -> String {
    if let Some(email) = given {
        return email;
    }
    let from_git = std::process::Command::new("git")
        .args(["config", "--get", "user.email"])
        .stdin(std::process::Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .filter(|email| !email.is_empty());
    if let Some(email) = from_git {
        return email;
    }
    // On the local instance the address is only asserted, so the account's own
    // name says no less than an address that nobody checks; but it is said aloud.
    let account = std::env::var("USER")
        .or_else(|_| std::env::var("LOGNAME"))
        .ok();
    let is_plain = |name: &String| {
        !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    let account = account
        .filter(is_plain)
        .unwrap_or_else(|| "somebody".into());
    let email = format!("{account}@localhost");
    talk.warn(&format!(
        "git has no user.email: the asserted identity is {email}; to be named, git config --global user.email you@example.com"
    ));
    email
}
