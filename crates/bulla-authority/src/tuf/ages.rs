//! How long what is published still holds, and who renews it.

use bulla_trust::tuf::metadata::Role;
use jiff::Timestamp;

use super::{TufSettings, keys::Keys, repository::Repository};
use crate::health::Lifetime;

/// What begins a renewal by the people who hold the offline keys.
const CEREMONY: &str = "bulla trust export --ceremony export.json && bulla trust ceremony plan DIR --export export.json";

/// Of each role that is published.
pub(super) fn lifetimes(
    repository: &Repository,
    keys: &Keys,
    settings: &TufSettings,
    installed: Option<Timestamp>,
) -> Vec<Lifetime> {
    let root = &repository.root;
    let of = |what, role, expires: Timestamp, life: super::settings::Life| match (
        keys.speaks_for(role, root),
        installed,
    ) {
        (false, Some(installed)) => Lifetime::by_command(what, installed, expires, CEREMONY),
        (false, None) => Lifetime::by_command(what, life.since(expires), expires, CEREMONY),
        (true, _) => Lifetime::itself(what, life.since(expires), expires),
    };
    let mut all = vec![of("TUF root", Role::Root, root.expires, settings.root())];
    let Some(current) = &repository.current else {
        return all;
    };
    all.push(of(
        "TUF targets",
        Role::Targets,
        current.targets.expires,
        settings.targets(),
    ));
    let mut online = vec![
        (
            "TUF snapshot",
            current.snapshot.expires,
            settings.snapshot(),
        ),
        (
            "TUF timestamp",
            current.timestamp.expires,
            settings.timestamp(),
        ),
    ];
    if let Some(targets) = &current.online {
        online.push(("TUF online targets", targets.expires, settings.online()));
    }
    let itself = |(what, expires, life): (_, Timestamp, super::settings::Life)| {
        Lifetime::itself(what, life.since(expires), expires)
    };
    all.extend(online.into_iter().map(itself));
    all
}
