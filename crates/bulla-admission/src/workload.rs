//! The images of a workload, each with the JSON pointer to it.
//!
//! Pods and everything that holds a pod template: containers, init containers,
//! ephemeral containers and image volumes. An image that an update leaves as it
//! was is not judged again: patching it would restart what runs.

use bulla_core::{Code, Diagnose};
use serde_json::Value;

use crate::review::Request;

/// Containers and volumes of one workload that are looked at.
pub const ENTRIES: usize = 500;

const CONTAINER_LISTS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// One image of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// JSON pointer to the text in the object.
    pub pointer: String,
    /// The text: a reference as somebody wrote it.
    pub text: String,
}

/// What is to be judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workload {
    /// Its images.
    pub images: Vec<Image>,
    /// Something to tell although nothing is wrong.
    pub note: Option<String>,
}

/// The images of `request` that are to be judged.
///
/// # Errors
/// [`WorkloadError`] if the object is not what its kind says.
pub fn workload(request: &Request) -> Result<Workload, WorkloadError> {
    match request.operation.as_str() {
        "CREATE" | "UPDATE" => {}
        "DELETE" | "CONNECT" => return Ok(Workload::default()),
        other => {
            return Err(WorkloadError::Operation {
                operation: bulla_policy::text::clean(other),
            });
        }
    }
    let Some(base) = pod_spec(&request.kind.group, &request.kind.kind) else {
        let subresource = request.sub_resource.as_deref().unwrap_or_default();
        let kind = bulla_policy::text::clean(&request.kind.kind);
        return Ok(Workload {
            images: Vec::new(),
            note: subresource.is_empty().then(|| {
                format!("bulla does not know where a {kind} names images; its pods are judged when they are created")
            }),
        });
    };
    let kind = request.object.get("kind").and_then(Value::as_str);
    if kind.is_some_and(|kind| kind != request.kind.kind) || !request.object.is_object() {
        return Err(WorkloadError::Object {
            expected: bulla_policy::text::clean(&request.kind.kind),
            found: bulla_policy::text::clean(kind.unwrap_or("nothing")),
        });
    }
    let found = images(&request.object, base)?;
    if request.operation == "CREATE" {
        return Ok(Workload {
            images: found.into_iter().map(|entry| entry.image).collect(),
            note: None,
        });
    }
    let before = images(&request.old_object, base).unwrap_or_default();
    let changed = |entry: &Entry| {
        !before.iter().any(|old| {
            (old.list, &old.name, &old.image.text) == (entry.list, &entry.name, &entry.image.text)
        })
    };
    Ok(Workload {
        images: found
            .into_iter()
            .filter(changed)
            .map(|entry| entry.image)
            .collect(),
        note: None,
    })
}

/// Where a kind keeps its pod spec; `None`: nowhere that is known.
fn pod_spec(group: &str, kind: &str) -> Option<&'static str> {
    Some(match (group, kind) {
        ("", "Pod") => "/spec",
        ("", "PodTemplate") => "/template/spec",
        ("", "ReplicationController")
        | ("apps" | "extensions", "DaemonSet" | "Deployment" | "ReplicaSet")
        | ("apps", "StatefulSet")
        | ("batch", "Job") => "/spec/template/spec",
        ("batch", "CronJob") => "/spec/jobTemplate/spec/template/spec",
        _ => return None,
    })
}

struct Entry {
    list: &'static str,
    name: String,
    image: Image,
}

fn images(object: &Value, base: &str) -> Result<Vec<Entry>, WorkloadError> {
    let Some(spec) = object.pointer(base) else {
        return Ok(Vec::new());
    };
    let is_template = base != "/spec";
    let mut entries = Vec::new();
    for list in CONTAINER_LISTS {
        for (index, container) in items(spec, list, base)? {
            let pointer = format!("{base}/{list}/{index}/image");
            match container.get("image") {
                // a template may leave the image to whoever fills it in
                None | Some(Value::Null) if is_template => {}
                Some(Value::String(text)) if text.is_empty() && is_template => {}
                Some(Value::String(text)) if !text.is_empty() => {
                    entries.push(entry(list, container, pointer, text));
                }
                _ => return Err(WorkloadError::Image { pointer }),
            }
        }
    }
    for (index, volume) in items(spec, "volumes", base)? {
        let Some(image) = volume.get("image").filter(|image| !image.is_null()) else {
            continue;
        };
        let pointer = format!("{base}/volumes/{index}/image/reference");
        match image.get("reference") {
            Some(Value::String(text)) if !text.is_empty() => {
                entries.push(entry("volumes", volume, pointer, text));
            }
            None | Some(Value::Null | Value::String(_)) if is_template => {}
            _ => return Err(WorkloadError::Image { pointer }),
        }
    }
    if entries.len() > ENTRIES {
        return Err(WorkloadError::Count {
            found: entries.len(),
        });
    }
    Ok(entries)
}

fn items<'a>(
    spec: &'a Value,
    list: &str,
    base: &str,
) -> Result<impl Iterator<Item = (usize, &'a Value)>, WorkloadError> {
    let items: &[Value] = match spec.get(list) {
        None | Some(Value::Null) => &[],
        Some(Value::Array(items)) => items,
        Some(_) => {
            return Err(WorkloadError::Image {
                pointer: format!("{base}/{list}"),
            });
        }
    };
    Ok(items.iter().enumerate())
}

fn entry(list: &'static str, owner: &Value, pointer: String, text: &str) -> Entry {
    let name = owner
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    Entry {
        list,
        name: name.to_owned(),
        image: Image {
            pointer,
            text: text.to_owned(),
        },
    }
}

/// Why the images of a workload cannot be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkloadError {
    /// Too many of them.
    #[error("the workload names {found} images, more than {ENTRIES}")]
    Count {
        /// How many.
        found: usize,
    },
    /// Not an image where one belongs.
    #[error("{pointer} holds no image reference")]
    Image {
        /// Where.
        pointer: String,
    },
    /// Another object than the request says.
    #[error("the request is about a {expected}, its object is {found}")]
    Object {
        /// The request's kind.
        expected: String,
        /// The object's kind.
        found: String,
    },
    /// An operation that Kubernetes does not have.
    #[error("operation {operation:?} is not known")]
    Operation {
        /// The operation.
        operation: String,
    },
}

impl Diagnose for WorkloadError {
    fn code(&self) -> Code {
        match self {
            Self::Count { .. } => Code("ADMIT-0010"),
            Self::Image { .. } => Code("ADMIT-0011"),
            Self::Object { .. } => Code("ADMIT-0012"),
            Self::Operation { .. } => Code("ADMIT-0013"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(
            "kubectl apply --dry-run=client -o yaml -f FILE   shows the object as it is sent"
                .into(),
        )
    }
}

#[cfg(test)]
mod tests;
