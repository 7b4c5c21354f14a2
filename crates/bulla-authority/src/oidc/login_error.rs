//! Why the login issuer's own state cannot be read or changed as asked.

use bulla_core::{Code, Diagnose};
use bulla_crypto::KeyError;
use bulla_store::StateError;

/// A failure of managing users and clients, or of the state beneath.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// Too much to do at once.
    #[error("the issuer is busy")]
    Busy,
    /// Somebody else changed the same record.
    #[error("somebody else changed it at the same moment")]
    Conflict,
    /// An upstream issuer that cannot be meant.
    #[error("the upstream issuer {id:?} cannot be used: {why}")]
    Connector {
        /// Our name for it.
        id: String,
        /// What is wrong.
        why: &'static str,
    },
    /// Not an address that a certificate can carry.
    #[error("this is not an email address")]
    Email,
    /// There already.
    #[error("the {what} exists already")]
    Exists {
        /// A user or a client.
        what: &'static str,
    },
    /// A hash could not be computed.
    #[error("the password could not be hashed")]
    Hash,
    /// Randomness.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A malformed name, group, scope or audience.
    #[error("{what} must be 1 to {limit} letters, digits and -._:/@ characters")]
    Name {
        /// Which one.
        what: &'static str,
        /// The longest.
        limit: usize,
    },
    /// A password that may not be used.
    #[error("the password cannot be used: {0}")]
    Password(&'static str),
    /// A redirect address that may not be used.
    #[error("{url:?} cannot be a redirect address: {why}")]
    Redirect {
        /// As given.
        url: String,
        /// What is wrong.
        why: &'static str,
    },
    /// Stored state that cannot be read.
    #[error("the stored record cannot be read: {0}")]
    Record(#[from] serde_json::Error),
    /// A sealed secret.
    #[error("the second factor's secret cannot be opened: {0}")]
    Seal(String),
    /// The database.
    #[error(transparent)]
    State(StateError),
    /// A one-time code that is wrong.
    #[error("the one-time code is wrong")]
    Totp,
    /// An upstream issuer that does not do its part.
    #[error("the upstream issuer {id} does not do its part: {why}")]
    Upstream {
        /// Our name for it.
        id: String,
        /// What went wrong.
        why: String,
    },
    /// Nobody of that name.
    #[error("there is no such {what}")]
    Unknown {
        /// A user or a client.
        what: &'static str,
    },
    /// A record that the operation cannot be done on.
    #[error("{0}")]
    Unfit(&'static str),
}

impl Diagnose for LoginError {
    fn code(&self) -> Code {
        match self {
            Self::Busy => Code("AUTH-0500"),
            Self::Conflict => Code("AUTH-0501"),
            Self::Connector { .. } => Code("AUTH-0529"),
            Self::Upstream { .. } => Code("AUTH-0530"),
            Self::Email => Code("AUTH-0531"),
            Self::Exists { .. } => Code("AUTH-0502"),
            Self::Hash => Code("AUTH-0503"),
            Self::Key(error) => error.code(),
            Self::Name { .. } => Code("AUTH-0504"),
            Self::Password(_) => Code("AUTH-0505"),
            Self::Redirect { .. } => Code("AUTH-0506"),
            Self::Record(_) => Code("AUTH-0507"),
            Self::Seal(_) => Code("AUTH-0508"),
            Self::State(error) => error.code(),
            Self::Totp => Code("AUTH-0509"),
            Self::Unknown { .. } => Code("AUTH-0527"),
            Self::Unfit(_) => Code("AUTH-0528"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Busy | Self::Conflict => "run the same command again".into(),
            Self::Connector { .. } => {
                "correct [[oidc.upstream]] or [[oidc.exchange]] in the configuration".into()
            }
            Self::Email => "bulla user add you@example.com".into(),
            Self::Exists { what: "user" } => "change it: bulla user --help".into(),
            Self::Exists { .. } => {
                "see `bulla client list`; `bulla client remove` frees its name".into()
            }
            Self::Password(_) => "choose a longer one: 12 characters or more".into(),
            Self::Record(_) | Self::Seal(_) => {
                "restore the data directory from its backup as a whole".into()
            }
            Self::State(error) => return error.hint(),
            Self::Totp => {
                "see that the clocks of this machine and of the app agree, then enter the next code"
                    .into()
            }
            Self::Unknown { what: "user" } => "see `bulla user list`".into(),
            Self::Unknown { .. } => "see `bulla client list`".into(),
            _ => return None,
        })
    }
}
