//! Users and clients, managed over the instance's Unix socket.
//!
//! One request, one answer, both JSON: what `bulla user` and `bulla client` send
//! to whichever process serves the instance. Passwords and codes travel over the
//! socket alone (mode 0600, peer checked) and are wiped afterwards; a client's
//! secret and a user's recovery codes are in the answer once and nowhere else.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Login, LoginError,
    client::{Client, NewClient},
    password::Password,
    user::{Enrolment, User},
};

/// What to do.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Order {
    /// Registers a client.
    ClientAdd(NewClient),
    /// Lists the clients.
    ClientList {},
    /// Removes a client.
    ClientRemove {
        /// Its name.
        id: String,
    },
    /// Adds a user.
    UserAdd {
        /// Their address.
        email: String,
        /// What to call them.
        name: Option<String>,
        /// Their groups.
        groups: Vec<String>,
        /// Their password.
        password: Option<Password>,
    },
    /// Lets a user in, or not any more.
    UserEnable {
        /// Their address.
        email: String,
        /// Whether they may log in.
        enabled: bool,
    },
    /// Replaces a user's groups.
    UserGroups {
        /// Their address.
        email: String,
        /// The groups.
        groups: Vec<String>,
    },
    /// Lists the users.
    UserList {},
    /// Replaces a user's password.
    UserPassword {
        /// Their address.
        email: String,
        /// The new one.
        password: Password,
    },
    /// Begins a second factor.
    TotpBegin {
        /// Their address.
        email: String,
    },
    /// Makes it count.
    TotpConfirm {
        /// Their address.
        email: String,
        /// What the app shows.
        code: String,
    },
    /// Takes it away.
    TotpRemove {
        /// Their address.
        email: String,
    },
}

/// What was done.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Done {
    /// A client and, once, its secret.
    Client {
        /// The client.
        client: Box<ShownClient>,
        /// Its secret.
        #[serde(skip_serializing_if = "Option::is_none")]
        secret: Option<String>,
    },
    /// All clients.
    Clients {
        /// In order.
        clients: Vec<ShownClient>,
    },
    /// Recovery codes, once.
    Codes {
        /// One use each.
        recovery_codes: Vec<String>,
    },
    /// A second factor to be confirmed.
    Enrolment(Enrolment),
    /// Nothing to say.
    Nothing {},
    /// The online keys of TUF were replaced.
    Rotated {
        /// Of the root that names them.
        root_version: u64,
    },
    /// A user.
    User {
        /// The user.
        user: User,
    },
    /// All users.
    Users {
        /// In order.
        users: Vec<User>,
    },
}

/// What others may know of a client.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownClient {
    id: String,
    public: bool,
    grants: Vec<super::client::Grant>,
    redirects: Vec<String>,
    audiences: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connectors: Option<Vec<String>>,
    created: Timestamp,
}

impl From<Client> for ShownClient {
    fn from(client: Client) -> Self {
        Self {
            public: client.is_public(),
            id: client.id,
            grants: client.grants,
            redirects: client.redirects,
            audiences: client.audiences,
            connectors: client.connectors,
            created: client.created,
        }
    }
}

impl Login {
    /// Does what is asked. The caller has checked who asks.
    ///
    /// # Errors
    /// [`LoginError`] that says why it was not done.
    pub async fn manage(&self, order: Order) -> Result<Done, LoginError> {
        let now = self.now();
        let (users, clients) = (self.users(), self.clients());
        Ok(match order {
            Order::ClientAdd(new) => {
                let (client, secret) = clients.add(new, now).await?;
                Done::Client {
                    client: Box::new(client.into()),
                    secret,
                }
            }
            Order::ClientList {} => Done::Clients {
                clients: clients.list().await?.into_iter().map(Into::into).collect(),
            },
            Order::ClientRemove { id } => {
                clients.remove(&id).await?;
                Done::Nothing {}
            }
            Order::UserAdd {
                email,
                name,
                groups,
                password,
            } => Done::User {
                user: users.add(&email, name, groups, password, now).await?,
            },
            Order::UserEnable { email, enabled } => Done::User {
                user: users.enable(&email, enabled, now).await?,
            },
            Order::UserGroups { email, groups } => Done::User {
                user: users.set_groups(&email, groups, now).await?,
            },
            Order::UserList {} => Done::Users {
                users: users.list().await?,
            },
            Order::UserPassword { email, password } => Done::User {
                user: users.set_password(&email, password, now).await?,
            },
            Order::TotpBegin { email } => Done::Enrolment(users.enrol_totp(&email).await?),
            Order::TotpConfirm { email, code } => Done::Codes {
                recovery_codes: users.confirm_totp(&email, &code, now).await?,
            },
            Order::TotpRemove { email } => Done::User {
                user: users.remove_totp(&email, now).await?,
            },
        })
    }
}
