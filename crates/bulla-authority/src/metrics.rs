//! What a monitoring system reads at `/metrics`, in the text form of OpenMetrics.
//!
//! Every label comes from a fixed list: nothing that a request carries becomes
//! one, or strangers could fill the memory (GHSA of timestamp-authority,
//! CVE-2026-49835). Nothing here tells who asked for what: that is the audit
//! log's.

use axum::{
    extract::Request,
    http::{Method, StatusCode},
};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::health::{
    Alarm, Lifetime, Urgency,
    concern::{Concerns, Kind},
};

/// The media type of the text form.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper ends of the buckets for commits and requests, in seconds.
const SECONDS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// Counters of one authority. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Family<ServiceLabel, Histogram>,
    commit_seconds: Family<LogLabel, Histogram>,
    entries: Family<LogLabel, Counter>,
    certificates: Counter,
    timestamps: Counter,
    lifetime: Family<WhatLabel, Gauge>,
    alarms: Family<UrgencyLabel, Gauge>,
    concerns: Family<KindLabel, Gauge>,
    leader: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    service: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ServiceLabel {
    service: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LogLabel {
    log: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WhatLabel {
    what: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UrgencyLabel {
    urgency: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

fn histogram() -> Histogram {
    Histogram::new(SECONDS)
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("bulla");
        let inner = Inner {
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(histogram as fn() -> Histogram),
            commit_seconds: Family::new_with_constructor(histogram as fn() -> Histogram),
            entries: Family::default(),
            certificates: Counter::default(),
            timestamps: Counter::default(),
            lifetime: Family::default(),
            alarms: Family::default(),
            concerns: Family::default(),
            leader: Gauge::default(),
            registry: Registry::default(),
        };
        let register = &mut registry;
        register.register(
            "requests",
            "Requests by service, and how they ended",
            inner.requests.clone(),
        );
        register.register_with_unit(
            "request",
            "Time from a request's head to its answer's",
            Unit::Seconds,
            inner.request_seconds.clone(),
        );
        register.register_with_unit(
            "log_commit",
            "Time of a group commit until it is durable",
            Unit::Seconds,
            inner.commit_seconds.clone(),
        );
        register.register(
            "log_entries",
            "Entries committed by this process",
            inner.entries.clone(),
        );
        register.register(
            "certificates",
            "Certificates issued by this process",
            inner.certificates.clone(),
        );
        register.register(
            "timestamps",
            "Timestamps given by this process",
            inner.timestamps.clone(),
        );
        register.register_with_unit(
            "lifetime",
            "What is left of the life of things that end; negative once they ended",
            Unit::Seconds,
            inner.lifetime.clone(),
        );
        register.register(
            "alarms",
            "Things that somebody has to renew, or that expired",
            inner.alarms.clone(),
        );
        register.register(
            "concerns",
            "Things that somebody ought to look at",
            inner.concerns.clone(),
        );
        register.register(
            "leader",
            "Whether this process sequences the logs",
            inner.leader.clone(),
        );
        Self {
            inner: Arc::new(Inner { registry, ..inner }),
        }
    }
}

impl Metrics {
    /// Counts a group commit of `entries` entries that took `time`.
    pub fn commit(&self, log: &'static str, entries: usize, time: Duration) {
        let label = LogLabel { log };
        let seconds = self.inner.commit_seconds.get_or_create(&label);
        seconds.observe(time.as_secs_f64());
        let count = self.inner.entries.get_or_create(&label);
        count.inc_by(u64::try_from(entries).unwrap_or(u64::MAX));
    }

    /// The text form, with what `lifetimes`, `alarms` and `concerns` say at this moment.
    pub fn text(
        &self,
        lifetimes: &[(Lifetime, i64)],
        alarms: &[Alarm],
        concerns: &Concerns,
        leader: bool,
    ) -> Result<String, std::fmt::Error> {
        let inner = &self.inner;
        inner.leader.set(i64::from(leader));
        // Two of the same name are two processes' leaves: the shorter one counts.
        inner.lifetime.clear();
        for (lifetime, left) in lifetimes {
            let what = lifetime.what.clone();
            let gauge = inner.lifetime.get_or_create_owned(&WhatLabel { what });
            let known = gauge.get();
            gauge.set(if known == 0 { *left } else { known.min(*left) });
        }
        for urgency in [Urgency::Soon, Urgency::Overdue, Urgency::Expired] {
            let count = alarms.iter().filter(|alarm| alarm.urgency == urgency);
            let urgency = match urgency {
                Urgency::Soon => "soon",
                Urgency::Overdue => "overdue",
                Urgency::Expired => "expired",
            };
            let gauge = inner.alarms.get_or_create(&UrgencyLabel { urgency });
            gauge.set(i64::try_from(count.count()).unwrap_or(i64::MAX));
        }
        for kind in Kind::ALL {
            let count = concerns.count_of(kind);
            let label = KindLabel { kind: kind.name() };
            let gauge = inner.concerns.get_or_create(&label);
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        let mut text = String::new();
        encode(&mut text, &inner.registry)?;
        Ok(text)
    }

    /// A request that begins now.
    pub(crate) fn watch(&self, request: &Request) -> Watch {
        Watch {
            metrics: self.clone(),
            service: Service::of(request.method(), request.uri().path()),
            began: Instant::now(),
        }
    }

    fn request(&self, service: Service, status: StatusCode, time: Duration) {
        let outcome = match status.as_u16() {
            500.. => "failed",
            400.. => "refused",
            _ => "ok",
        };
        let name = service.name;
        let labels = RequestLabels {
            service: name,
            outcome,
        };
        self.inner.requests.get_or_create(&labels).inc();
        let seconds = ServiceLabel { service: name };
        let seconds = self.inner.request_seconds.get_or_create(&seconds);
        seconds.observe(time.as_secs_f64());
        match (service.gives, outcome) {
            (Some(Gives::Certificate), "ok") => drop(self.inner.certificates.inc()),
            (Some(Gives::Timestamp), "ok") => drop(self.inner.timestamps.inc()),
            _ => {}
        }
    }
}

/// A request on its way, to be counted.
pub(crate) struct Watch {
    metrics: Metrics,
    service: Service,
    began: Instant,
}

impl Watch {
    /// Counts it with the answer it got.
    pub(crate) fn end(self, status: StatusCode) {
        let time = self.began.elapsed();
        self.metrics.request(self.service, status, time);
    }
}

/// Whose request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Service {
    name: &'static str,
    gives: Option<Gives>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gives {
    Certificate,
    Timestamp,
}

/// Paths by their beginnings, the longer ones first.
const SERVICES: [(&str, &str); 14] = [
    ("/api/v1/timestamp", "tsa"),
    ("/api/v1/signingCert", "ca"),
    ("/api/v2/signingCert", "ca"),
    ("/api/v1/rootCert", "ca"),
    ("/api/v2/trustBundle", "ca"),
    ("/api/v2/configuration", "ca"),
    ("/api/v1/log", "log-v1"),
    ("/api/v1/index", "log-v1"),
    ("/api/v2", "log-v2"),
    ("/api/bulla", "search"),
    ("/ct/", "ct"),
    ("/oidc/", "oidc"),
    ("/tuf/", "tuf"),
    ("/.well-known/", "trust"),
];

impl Service {
    fn of(method: &Method, path: &str) -> Self {
        let known = SERVICES.iter().find(|(prefix, _)| path.starts_with(prefix));
        let name = known.map_or("other", |(_, name)| name);
        let gives = match (method == Method::POST, name) {
            (true, "ca") => Some(Gives::Certificate),
            (true, "tsa") => Some(Gives::Timestamp),
            _ => None,
        };
        Self { name, gives }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::concern::Concern;

    #[test]
    fn strangers_make_no_labels() {
        for (method, path, name) in [
            (Method::POST, "/api/v2/signingCert", "ca"),
            (Method::POST, "/api/v1/signingCert", "ca"),
            (Method::POST, "/api/v1/timestamp", "tsa"),
            (Method::POST, "/api/v2/log/entries", "log-v2"),
            (Method::GET, "/api/v1/log/entries/0123", "log-v1"),
            (Method::GET, "/api/v2/tile/0/000", "log-v2"),
            (Method::GET, "/tuf/timestamp.json", "tuf"),
            (Method::GET, "/wp-admin.php?x=1", "other"),
        ] {
            assert_eq!(Service::of(&method, path).name, name, "{path}");
        }
        assert_eq!(Service::of(&Method::GET, "/api/v2/trustBundle").gives, None);
    }

    #[test]
    fn the_text_says_what_was_counted_and_what_is_left() {
        let metrics = Metrics::default();
        let ca = Service::of(&Method::POST, "/api/v2/signingCert");
        metrics.request(ca, StatusCode::OK, Duration::from_millis(3));
        metrics.request(ca, StatusCode::BAD_REQUEST, Duration::from_millis(1));
        metrics.commit("log-v2", 7, Duration::from_millis(4));
        let at = |text: &str| text.parse().unwrap();
        let root = Lifetime::by_command(
            "TUF root",
            at("2026-01-01T00:00Z"),
            at("2026-01-02T00:00Z"),
            "mend",
        );
        let now = at("2026-01-01T23:59Z");
        let alarms = [root.alarm(now).unwrap()];
        let left = root.seconds_left(now);
        let mut concerns = Concerns::default();
        for witness in ["one", "two"] {
            concerns.add(Concern::new(Kind::WitnessFailing, witness, None, "mend"));
        }
        let lifetimes = [(root, left)];
        let text = metrics.text(&lifetimes, &alarms, &concerns, true).unwrap();
        assert!(!text.contains("two"), "what is wrong is no label: {text}");
        for line in [
            "bulla_requests_total{service=\"ca\",outcome=\"ok\"} 1",
            "bulla_requests_total{service=\"ca\",outcome=\"refused\"} 1",
            "bulla_certificates_total 1",
            "bulla_timestamps_total 0",
            "bulla_log_entries_total{log=\"log-v2\"} 7",
            "bulla_log_commit_seconds_count{log=\"log-v2\"} 1",
            "bulla_lifetime_seconds{what=\"TUF root\"} 60",
            "bulla_alarms{urgency=\"soon\"} 1",
            "bulla_alarms{urgency=\"expired\"} 0",
            "bulla_concerns{kind=\"monitor-finding\"} 0",
            "bulla_concerns{kind=\"monitor-unread\"} 0",
            "bulla_concerns{kind=\"witness-failing\"} 2",
            "bulla_leader 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
