//! Manifests of the old layout, put together as cosign does it: image manifest,
//! an image configuration that counts the layers, one layer for each seal.
//! Pure: what is there goes in, what should be there comes out.

use bulla_core::{Descriptor, descriptor::media_type};
use bytes::Bytes;
use serde_json::json;
use std::collections::BTreeSet;

use super::{Existing, annotation};
use crate::{
    client::ClientError,
    manifest::{ImageManifest, Manifest, ManifestError},
};

/// Go's zero time, which is what cosign writes without
/// `--record-creation-timestamp`: the same layers give the same digest.
const NO_TIME: &str = "0001-01-01T00:00:00Z";

/// A manifest, and the configuration that it needs.
pub(crate) struct Growth {
    pub(crate) manifest: ImageManifest,
    pub(crate) config: Bytes,
}

/// `now` with the layers of `add`; `None` if it holds them already.
///
/// # Errors
/// If `now` is an index, or there would be more than `limit` layers.
pub(crate) fn grown(
    now: Option<&Manifest>,
    add: &[Descriptor],
    existing: Existing,
    limit: usize,
    place: &str,
) -> Result<Option<Growth>, ClientError> {
    let mut base = match now {
        None => None,
        Some(Manifest::Image(manifest)) => Some(manifest.clone()),
        Some(Manifest::Index(_)) => return Err(ManifestError::Ambiguous.into()),
    };
    let mut layers = base
        .as_mut()
        .map(|manifest| std::mem::take(&mut manifest.layers))
        .unwrap_or_default();
    let before = layers.len();
    if existing == Existing::ReplacePredicate {
        let types: BTreeSet<_> = add.iter().filter_map(predicate_type).collect();
        layers.retain(|layer| {
            add.iter().any(|new| same(new, layer))
                || !predicate_type(layer).is_some_and(|kind| types.contains(kind))
        });
    }
    let mut changed = layers.len() != before || base.is_none();
    for new in add {
        if !layers.iter().any(|layer| same(layer, new)) {
            layers.push(new.clone());
            changed = true;
        }
    }
    if !changed {
        return Ok(None);
    }
    if layers.len() > limit {
        return Err(ClientError::TooManyLayers {
            place: place.to_owned(),
            count: layers.len(),
            limit,
        });
    }
    let config = config(&layers);
    let media_type = base.as_ref().and_then(|base| base.media_type.clone());
    let manifest = ImageManifest {
        schema_version: 2,
        media_type: Some(media_type.unwrap_or_else(|| media_type::MANIFEST.into())),
        artifact_type: None,
        config: Descriptor::of(media_type::CONFIG, &config),
        layers,
        subject: None,
        annotations: base.map(|base| base.annotations).unwrap_or_default(),
    };
    Ok(Some(Growth { manifest, config }))
}

/// `there` with every layer of `new` that it lacks; `None` if it lacks none.
///
/// # Errors
/// As [`grown`].
pub(crate) fn merged(
    there: Option<&Manifest>,
    new: &ImageManifest,
    limit: usize,
    place: &str,
) -> Result<Option<Growth>, ClientError> {
    grown(there, &new.layers, Existing::Keep, limit, place)
}

/// Whether two layers say the same: one payload may be signed many times.
pub(crate) fn same(a: &Descriptor, b: &Descriptor) -> bool {
    a.digest == b.digest && a.media_type == b.media_type && a.annotations == b.annotations
}

fn predicate_type(layer: &Descriptor) -> Option<&String> {
    layer.annotations.get(annotation::PREDICATE_TYPE)
}

/// The configuration that counts these layers. They are not compressed, so the
/// digest of each is that of its content, too.
fn config(layers: &[Descriptor]) -> Bytes {
    let history: Vec<_> = layers
        .iter()
        .map(|_| json!({ "created": NO_TIME }))
        .collect();
    let ids: Vec<_> = layers.iter().map(|layer| &layer.digest).collect();
    // By hand, for the order that Go gives it: equal bytes are stored once.
    let (history, ids) = (json!(history), json!(ids));
    let text = format!(
        r#"{{"architecture":"","created":"{NO_TIME}","history":{history},"os":"","rootfs":{{"type":"layers","diff_ids":{ids}}},"config":{{}}}}"#
    );
    Bytes::from(text)
}

#[cfg(test)]
mod tests;
