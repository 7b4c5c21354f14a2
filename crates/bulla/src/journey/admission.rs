//! Admission: the question that a cluster would ask, asked of the webhook itself.

use base64::Engine as _;
use bulla_admission::{Admission, JsonLines, Settings};
use bulla_core::{Reference, SystemClock, limits};
use bulla_net::{Body, Request};
use bulla_trust::TrustRoot;
use serde_json::{Value, json};
use std::{path::Path, sync::Arc};

use super::{evidence, image_source::RegistrySource};
use crate::{
    compose::{self, Instance},
    context::Context,
    failure::{Exit, Failure, OrFail},
};

/// What the webhook answered.
pub struct Verdict {
    /// Whether the pod may run.
    pub allowed: bool,
    /// Why not, as `kubectl` would show it.
    pub message: String,
    /// The image that the patch puts in place of the one asked for.
    pub pinned: Option<String>,
}

/// Asks the instance's webhook, over HTTPS, about a pod with that image.
///
/// # Errors
/// If it cannot be asked, or its answer is none.
pub async fn ask_webhook(instance: &Instance, image: &Reference) -> Result<Verdict, Failure> {
    let review = review_of(&pod(image));
    let url = format!("{}/validate", instance.ready().admission);
    let url = url.parse().map_err(|cause| {
        Failure::new(
            Exit::CouldNotRun,
            "ADMISSION-0091",
            format!("{url} is not a URL: {cause}"),
        )
    })?;
    let body = serde_json::to_vec(&review).unwrap_or_default();
    let request = Request::post(url, Body::bytes(body)).content_type("application/json");
    let response = instance.http().send(request).await.or_undecidable()?;
    let bytes = response
        .bytes(limits::SERVICE_ANSWER_BYTES, "AdmissionReview")
        .await
        .or_undecidable()?;
    let answer: Value = limits::parse_json(&bytes, limits::SERVICE_ANSWER_BYTES, "AdmissionReview")
        .or_undecidable()?;
    let response = &answer["response"];
    if response["uid"] != review["request"]["uid"] {
        return Err(Failure::new(
            Exit::Undecidable,
            "ADMISSION-0090",
            "the webhook answered another question",
        )
        .line(answer.to_string().chars().take(300).collect::<String>()));
    }
    Ok(Verdict {
        allowed: response["allowed"].as_bool() == Some(true),
        message: response["status"]["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        pinned: pinned_by(response),
    })
}

/// Judges a pod with that image as the webhook would, here and under that
/// policy: for an image in a registry that the instance's own does not admit from.
///
/// # Errors
/// If it cannot be judged.
pub async fn judge_here(
    instance: &Instance,
    image: &Reference,
    policy: &bulla_policy::Policy,
) -> Result<Verdict, Failure> {
    let admission = judge(instance, policy)?;
    let bytes = serde_json::to_vec(&review_of(&pod(image))).unwrap_or_default();
    let answer = admission.review(&bytes).await.or_undecidable()?;
    Ok(Verdict {
        allowed: bulla_core::Outcome::is_allowed(answer.outcome),
        message: answer
            .message()
            .map(ToString::to_string)
            .unwrap_or_default(),
        pinned: pinned_by(&answer.to_json()["response"]),
    })
}

fn judge(
    instance: &Instance,
    policy: &bulla_policy::Policy,
) -> Result<Admission<RegistrySource, Vec<TrustRoot>>, Failure> {
    Ok(Admission::new(
        policy.clone(),
        RegistrySource::new(instance)?,
        Vec::<TrustRoot>::from([instance.trust_root()?]),
        Arc::new(SystemClock),
        Arc::new(JsonLines::new(std::io::sink())),
        Settings::default(),
    ))
}

/// Judges a review as the webhook would, under `policy` or the instance's own.
///
/// # Errors
/// If the document is neither a review nor a workload.
pub async fn judge_review(
    bytes: &[u8],
    policy: Option<&Path>,
    context: &Context,
) -> Result<(Value, Exit), Failure> {
    let document: Value =
        limits::parse_json(bytes, limits::REQUEST_BYTES, "AdmissionReview").or_could_not_run()?;
    let named = |field: &str| {
        document[field]
            .as_str()
            .is_some_and(|text| !text.is_empty())
    };
    if !named("kind") || !named("apiVersion") {
        return Err(Failure::new(
            Exit::CouldNotRun,
            "ADMISSION-0093",
            "this is neither an AdmissionReview nor a Kubernetes object",
        )
        .hint("kubectl create -f pod.yaml --dry-run=client -o json | bulla admit --review -"));
    }
    let review = if document["kind"] == "AdmissionReview" {
        document
    } else {
        review_of(&document)
    };
    let instance = compose::connect(context).await?;
    let policy = evidence::policy(&instance, policy)?;
    let admission = judge(&instance, &policy)?;
    let bytes = serde_json::to_vec(&review).unwrap_or_default();
    let answer = admission.review(&bytes).await.or_could_not_run()?;
    if let Some(message) = answer.message() {
        context.talk.alarm(&format!("✗ {message}"));
    }
    for warning in answer.warnings() {
        context.talk.warn(warning);
    }
    let exit = answer.outcome.into();
    let json = answer.to_json();
    instance.stop().await;
    Ok((json, exit))
}

/// A pod that runs one image.
fn pod(image: &Reference) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "ship", "namespace": "default"},
        "spec": {"containers": [{"name": "app", "image": image.to_string()}]},
    })
}

/// The review that an API server would send when `object` is created.
fn review_of(object: &Value) -> Value {
    let (group, version) = object["apiVersion"]
        .as_str()
        .and_then(|api| api.split_once('/'))
        .unwrap_or(("", object["apiVersion"].as_str().unwrap_or("v1")));
    let kind = object["kind"].as_str().unwrap_or_default();
    let resource = format!("{}s", kind.to_lowercase());
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "b0110000-0000-4000-8000-000000000001",
            "kind": {"group": group, "version": version, "kind": kind},
            "resource": {"group": group, "version": version, "resource": resource},
            "operation": "CREATE",
            "name": object["metadata"]["name"], "namespace": object["metadata"]["namespace"],
            "userInfo": {"username": "bulla"},
            "object": object, "dryRun": true,
        },
    })
}

fn pinned_by(response: &Value) -> Option<String> {
    let patch = response["patch"].as_str()?;
    let patch = base64::engine::general_purpose::STANDARD
        .decode(patch)
        .ok()?;
    let patch: Value = serde_json::from_slice(&patch).ok()?;
    patch[0]["value"].as_str().map(str::to_owned)
}
