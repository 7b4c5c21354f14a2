//! Whom the instance's own list revokes gets no certificate.
//!
//! Verifiers that know the list would refuse what such a signer signs; those of
//! other makers know no list, and are spared it here. A key on the list is
//! certified for nobody. A cut-off that is still to come forbids nothing yet.

use bulla_crypto::PublicKey;
use bulla_trust::revocation::{RevocationList, Target};

use super::{CaRefusal, CertificateAuthority, Denied, internal, issuer::Principal};

impl CertificateAuthority {
    /// Refuses whom or what the list revokes now.
    ///
    /// Where there is a list that cannot be read, nobody gets a certificate:
    /// clients that know no list rely on that, and little is lost, since the log
    /// promises for no certificate without the same store. The revoker alone is
    /// never asked about: it signs the list that puts this right. So whatever is
    /// revoked, a service of the instance too, can be withdrawn again.
    pub(super) async fn require_unrevoked(
        &self,
        principal: &Principal,
        key: &PublicKey,
    ) -> Result<(), Denied> {
        let signer = Target::Identity {
            issuer: principal.extensions.issuer().to_owned(),
            subject: principal.name().to_owned(),
        };
        if signer == RevocationList::revoker(self.service.url()) {
            return Ok(());
        }
        let list = self.revocations.list().await;
        let list = list.map_err(|error| internal(CaRefusal::Internal, error))?;
        let asked = [signer, Target::Key(key.id())];
        let hit = list.as_ref().and_then(|list| {
            let now = self.clock.now();
            list.in_force(&asked, now)
        });
        match hit {
            None => Ok(()),
            Some(entry) => Err(CaRefusal::Revoked {
                what: entry.target.to_string(),
                from: entry.from,
                reason: entry.reason.clone(),
            }
            .into()),
        }
    }
}
