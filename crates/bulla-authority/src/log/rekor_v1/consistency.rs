//! `GET /api/v1/log/proof`: that one tree is the beginning of another.

use axum::{
    Json,
    extract::{Query, State},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{RekorV1, routes::Failure};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sizes {
    #[serde(default = "first_leaf")]
    first_size: u64,
    last_size: u64,
    #[serde(default, rename = "treeID")]
    tree_id: Option<String>,
}

fn first_leaf() -> u64 {
    1
}

pub(super) async fn proof(
    State(rekor): State<RekorV1>,
    sizes: Result<Query<Sizes>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Value>, Failure> {
    let Query(sizes) = sizes.map_err(|_| Failure::bad("firstSize and lastSize are numbers"))?;
    let (first, last) = (sizes.first_size, sizes.last_size);
    let tree_id = sizes.tree_id.as_deref().filter(|text| !text.is_empty());
    if tree_id.is_some_and(|text| text.parse() != Ok(rekor.tree_id)) {
        return Err(Failure::bad("there is no tree of that id here"));
    }
    if first == 0 || first > last {
        return Err(Failure::bad(
            "firstSize must be at least 1 and not greater than lastSize",
        ));
    }
    let size = rekor.log.size();
    if last > size {
        return Err(Failure::bad(format!(
            "the tree size requested({last}) was greater than what is currently observable({size})"
        )));
    }
    let hashes = rekor.log.consistency(first, last).await;
    let hashes = hashes.map_err(Failure::Internal)?;
    let head = rekor.head().await.map_err(Failure::Internal)?;
    // As in Rekor: the root of the present tree, not of the last one asked for.
    Ok(Json(json!({
        "rootHash": hex::encode(head.root),
        "hashes": hashes.iter().map(hex::encode).collect::<Vec<_>>(),
    })))
}
