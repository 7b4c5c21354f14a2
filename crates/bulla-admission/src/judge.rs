//! The one way from an image text to a decision, with every bound on the way.
//!
//! parse → denied by name? → resolve (once per text) → cached verdict of the digest, else fetch
//! seals → verify → evaluate. Verification runs on a blocking thread, at most
//! so many at once; the whole answer has one deadline, and what is not decided
//! by then is undecided, which is refused.

use bulla_core::{Clock, Code, Decision, Diagnose, Digest, Outcome, Reason, Reference, RuleResult};
use bulla_policy::{Evidence, Input, Policy, Seal, Stage, denied_by_name, evaluate};
use bulla_trust::TrustRoot;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use std::{borrow::Borrow, collections::BTreeSet, sync::Arc, time::Duration};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};

use crate::{
    cache::{Cache, Key, Life},
    report::RecordSink,
    resolve::{ImageSource, SourceError, digest_of, parse_image},
};

/// Bytes of all seals about one image that are verified.
const SEALS_BYTES: usize = 64 << 20;

/// The seals about one image are larger together than is looked at: somebody
/// attached very much to it, or its inventory is huge.
const BUDGET_EXCEEDED: &str = "ADMIT-0032";

/// Turns seals into evidence.
pub trait Verifier: Send + Sync + 'static {
    /// Names the trust roots in use: another answer, another name.
    fn roots(&self) -> Digest;

    /// Verifies every seal about `digest` as of `now`.
    fn collect(&self, seals: &[Seal], digest: &Digest, now: Timestamp) -> Evidence;
}

/// Trust roots, tried one by one.
impl<R: Borrow<TrustRoot> + Send + Sync + 'static> Verifier for Vec<R> {
    fn roots(&self) -> Digest {
        let names: Vec<_> = self
            .iter()
            .map(|root| {
                let root: &TrustRoot = root.borrow();
                let list = root.revocations().name();
                format!("{} {} {list}\n", root.id().0, root.digest())
            })
            .collect();
        Digest::sha256(names.concat().as_bytes())
    }

    fn collect(&self, seals: &[Seal], digest: &Digest, now: Timestamp) -> Evidence {
        Evidence::collect(self, seals, digest, now)
    }
}

/// Bounds of the work.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// After this, what is not decided is undecided. Below the webhook's timeout.
    pub deadline: Duration,
    /// Images that are worked on at once, over all requests.
    pub at_once: usize,
    /// How long an allowance is used again for the same digest.
    pub allowed_life: Duration,
    /// How long a refusal is used again for the same digest.
    pub refused_life: Duration,
}

impl Default for Settings {
    /// 8 s (Kubernetes gives 10), 16 images, 60 s, 2 s.
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(8),
            at_once: 16,
            allowed_life: Duration::from_secs(60),
            refused_life: Duration::from_secs(2),
        }
    }
}

/// Admission: one policy, one set of roots, one source of images.
pub struct Admission<S, V> {
    pub(crate) policy: Arc<Policy>,
    pub(crate) policy_digest: Digest,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) sink: Arc<dyn RecordSink>,
    pub(crate) settings: Settings,
    pub(crate) roots: Digest,
    source: S,
    verifier: Arc<V>,
    cache: Cache,
    permits: Semaphore,
    verifying: Arc<Semaphore>,
}

/// One image, judged.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    /// The text in the workload.
    pub(crate) text: String,
    /// What it was resolved to.
    pub(crate) resolved: Option<(Reference, Digest)>,
    pub(crate) decision: Decision,
    pub(crate) cached: bool,
}

impl<S: ImageSource, V: Verifier> Admission<S, V> {
    /// Admission by `policy` over what `source` holds and `verifier` accepts.
    pub fn new(
        policy: Policy,
        source: S,
        verifier: V,
        clock: Arc<dyn Clock>,
        sink: Arc<dyn RecordSink>,
        settings: Settings,
    ) -> Self {
        Self {
            policy_digest: policy.digest(),
            policy: Arc::new(policy),
            clock,
            sink,
            settings,
            roots: verifier.roots(),
            source,
            verifier: Arc::new(verifier),
            cache: Cache::new(Life {
                allowed: settings.allowed_life,
                refused: settings.refused_life,
            }),
            permits: Semaphore::new(settings.at_once.max(1)),
            verifying: Arc::new(Semaphore::new(
                std::thread::available_parallelism().map_or(2, usize::from),
            )),
        }
    }

    /// Judges each distinct text once, all by one deadline, in the order of the
    /// texts.
    pub(crate) async fn judge_all(&self, texts: BTreeSet<String>, limit: Duration) -> Vec<Judged> {
        let limit = limit.min(self.settings.deadline);
        let deadline = Instant::now() + limit;
        let at_once = self.settings.at_once.max(1);
        stream::iter(texts)
            .map(async |text| match timeout_at(deadline, self.judge(&text)).await {
                Ok(judged) => judged,
                Err(_) => self.refused(
                    &text,
                    Outcome::Undecided,
                    Reason::new("ADMIT-0030", format!("no decision within {limit:?}"))
                        .hint("try again; if it stays, `bulla admit --review FILE` shows what takes so long"),
                ),
            })
            .buffered(at_once)
            .collect()
            .await
    }

    async fn judge(&self, text: &str) -> Judged {
        let image = match parse_image(text) {
            Ok(image) => image,
            Err(error) => return self.refused(text, Outcome::Deny, reason(&error)),
        };
        if let Some(decision) = denied_by_name(&self.policy, &image, self.clock.now()) {
            return Judged {
                text: text.to_owned(),
                resolved: None,
                decision,
                cached: false,
            };
        }
        let Ok(_permit) = self.permits.acquire().await else {
            let closed = Reason::new("ADMIT-0031", "admission is shutting down");
            return self.refused(text, Outcome::Undecided, closed);
        };
        let digest = match digest_of(&self.source, &image).await {
            Ok(digest) => digest,
            Err(error) => return self.unresolved(text, &error),
        };
        let key = Key {
            repository: image.name(),
            digest: digest.clone(),
            policy: self.policy_digest.clone(),
            roots: self.roots.clone(),
        };
        let (decision, cached) = self
            .cache
            .get_or_judge(key, self.decide(&image, &digest))
            .await;
        Judged {
            text: text.to_owned(),
            resolved: Some((image, digest)),
            decision,
            cached,
        }
    }

    async fn decide(&self, image: &Reference, digest: &Digest) -> Decision {
        let now = self.clock.now();
        let found = match self.source.seals(&image.by_digest(digest.clone())).await {
            Ok(found) => found,
            Err(error) => {
                let gap = Evidence {
                    gaps: vec![reason(&error)],
                    ..Evidence::default()
                };
                return self.evaluate(image, digest, &gap, now);
            }
        };
        let (seals, left_out) = within_bounds(found.seals);
        let mut gaps = found.gaps;
        if left_out > 0 {
            let text = format!("{left_out} seals beyond {SEALS_BYTES} bytes were left out");
            gaps.push(Reason::new(BUDGET_EXCEEDED, text));
        }
        let (verifier, of) = (Arc::clone(&self.verifier), digest.clone());
        // the permit goes along, so that work that nobody waits for still counts
        let permit = Arc::clone(&self.verifying).acquire_owned().await;
        let verified = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            verifier.collect(&seals, &of, now)
        });
        let mut evidence = or_gap(verified.await);
        evidence.gaps.append(&mut gaps);
        self.evaluate(image, digest, &evidence, now)
    }

    fn evaluate(
        &self,
        image: &Reference,
        digest: &Digest,
        evidence: &Evidence,
        now: Timestamp,
    ) -> Decision {
        let input = Input {
            requested: image.clone(),
            digest: digest.clone(),
            stage: Stage::Admission,
        };
        evaluate(&self.policy, &input, evidence, now)
    }

    fn unresolved(&self, text: &str, error: &SourceError) -> Judged {
        let outcome = match error {
            SourceError::Missing { .. } => Outcome::Deny,
            SourceError::Unavailable { .. } => Outcome::Undecided,
        };
        self.refused(text, outcome, reason(error))
    }

    fn refused(&self, text: &str, outcome: Outcome, reason: Reason) -> Judged {
        Judged {
            text: text.to_owned(),
            resolved: None,
            decision: self.decision("image-resolved", outcome, reason),
            cached: false,
        }
    }

    /// A decision of one rule of ours, about something no policy speaks of.
    pub(crate) fn decision(&self, rule: &str, outcome: Outcome, reason: Reason) -> Decision {
        let result = RuleResult {
            rule: rule.to_owned(),
            outcome,
            reasons: vec![reason],
            evidence: Vec::new(),
        };
        Decision::from_rules(
            self.policy.name(),
            self.policy_digest.clone(),
            vec![result],
            self.clock.now(),
        )
    }
}

pub(crate) fn reason(error: &dyn Diagnose) -> Reason {
    Reason {
        code: error.code(),
        text: bulla_policy::text::one_line(&error.to_string()),
        hint: error.hint(),
    }
}

/// The seals that fit, and how many do not.
fn within_bounds(seals: Vec<Seal>) -> (Vec<Seal>, usize) {
    let (mut kept, mut bytes, mut left_out) = (Vec::new(), 0usize, 0usize);
    for seal in seals {
        bytes = bytes.saturating_add(seal.size());
        if bytes > SEALS_BYTES {
            left_out += 1;
        } else {
            kept.push(seal);
        }
    }
    (kept, left_out)
}

/// A verification that panicked decided nothing (rule R12).
fn or_gap(verified: Result<Evidence, tokio::task::JoinError>) -> Evidence {
    verified.unwrap_or_else(|_| Evidence {
        gaps: vec![Reason {
            code: Code("ADMIT-0033"),
            text: "verification broke off".into(),
            hint: Some(
                "this is a fault of bulla: please report it with what hangs on the image".into(),
            ),
        }],
        ..Evidence::default()
    })
}

#[cfg(test)]
mod tests;
