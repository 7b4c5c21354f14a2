//! Passwords: argon2id in the PHC string format (RFC 9106, OWASP's parameters).
//!
//! Whoever is unknown, disabled or has no password costs exactly the work of
//! whoever has one. Only a few hashes are computed at a time, since each takes
//! 19 MiB, and those who wait too long are told to come again.

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version,
    password_hash::{PasswordHash, SaltString},
};
use bulla_crypto::random;
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::LoginError;

/// Characters that a new password must have, and bytes that it may have.
const LENGTH: std::ops::RangeInclusive<usize> = 12..=1024;
/// Hashes at a time, and how long one may wait for its turn.
const AT_ONCE: usize = 2;
const PATIENCE: Duration = Duration::from_secs(5);
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

/// A password as it was typed. It has no `Debug` form and is wiped when dropped.
#[derive(Clone, serde::Deserialize)]
#[serde(from = "String")]
pub struct Password(Zeroizing<String>);

impl From<String> for Password {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl Password {
    /// Wraps it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Whether it may become somebody's password.
    ///
    /// # Errors
    /// [`LoginError::Password`] with what is wrong.
    pub fn check_new(&self, email: &str) -> Result<(), LoginError> {
        if self.0.chars().count() < *LENGTH.start() {
            return Err(LoginError::Password("it has less than 12 characters"));
        }
        if self.0.len() > *LENGTH.end() {
            return Err(LoginError::Password("it has more than 1024 bytes"));
        }
        if self.0.to_lowercase().contains(&email.to_lowercase()) {
            return Err(LoginError::Password("it contains the address"));
        }
        Ok(())
    }
}

/// What a check says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not this one.
    Wrong,
    /// This one; `outdated`: hashed with less work than is asked today.
    Right {
        /// Whether to hash it anew.
        outdated: bool,
    },
}

/// Computes hashes, a few at a time. Cheap to clone.
#[derive(Clone)]
pub struct Hasher {
    turns: Arc<Semaphore>,
}

impl Default for Hasher {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

impl Hasher {
    /// The PHC string of a password.
    ///
    /// # Errors
    /// [`LoginError::Busy`], or if there is no randomness.
    pub async fn hash(&self, password: Password) -> Result<String, LoginError> {
        let salt = random::bytes::<16>()?;
        self.run(move || hash(&password, &salt)).await?
    }

    /// Checks a password against a PHC string; against none, it takes as long and
    /// is wrong.
    ///
    /// # Errors
    /// [`LoginError::Busy`].
    pub async fn verify(
        &self,
        password: Password,
        phc: Option<String>,
    ) -> Result<Verdict, LoginError> {
        self.run(move || verify(&password, phc.as_deref())).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, LoginError> {
        let turn = tokio::time::timeout(PATIENCE, self.turns.clone().acquire_owned());
        let Ok(Ok(turn)) = turn.await else {
            return Err(LoginError::Busy);
        };
        let work = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        work.await.map_err(|_| LoginError::Busy)
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(password: &Password, salt: &[u8]) -> Result<String, LoginError> {
    let salt = SaltString::encode_b64(salt).map_err(|_| LoginError::Hash)?;
    let hash = argon2().hash_password(password.0.as_bytes(), &salt);
    Ok(hash.map_err(|_| LoginError::Hash)?.to_string())
}

fn verify(password: &Password, phc: Option<&str>) -> Verdict {
    static NOBODY: OnceLock<Option<String>> = OnceLock::new();
    let nobody = || {
        let salt = [0u8; 16];
        NOBODY.get_or_init(|| hash(&Password::new("nobody"), &salt).ok())
    };
    let known = phc.is_some();
    let phc = phc.or_else(|| nobody().as_deref());
    let Some(Ok(parsed)) = phc.map(PasswordHash::new) else {
        return Verdict::Wrong;
    };
    // The parameters of the hash rule, not ours; the comparison is constant-time.
    let right = argon2().verify_password(password.0.as_bytes(), &parsed);
    if right.is_err() || !known {
        return Verdict::Wrong;
    }
    let params = Params::try_from(&parsed);
    let current = params.is_ok_and(|p| p.m_cost() >= MEMORY_KIB && p.t_cost() >= PASSES)
        && parsed.algorithm == Algorithm::Argon2id.ident();
    Verdict::Right { outdated: !current }
}

#[cfg(test)]
mod tests;
