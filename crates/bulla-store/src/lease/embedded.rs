//! Leases of an embedded store: whoever holds the data directory's lock wins,
//! and only the epoch has to be remembered.

use serde::{Deserialize, Serialize};
use std::time::Duration;

use super::{Claim, Holder, Lease};
use crate::state::{Change, StateError, Values};

const SPACE: &str = "lease";

#[derive(Serialize, Deserialize)]
struct Row {
    holder: String,
    address: String,
    epoch: u64,
}

pub(super) async fn acquire(
    values: &Values,
    name: &str,
    holder: &str,
    address: &str,
) -> Result<Claim, StateError> {
    loop {
        let kept = values.get(SPACE, name).await?;
        let last = row(kept.as_deref());
        let epoch = match &last {
            Some(last) if last.holder == holder => last.epoch,
            Some(last) => last.epoch.saturating_add(1),
            None => 1,
        };
        let next = serde_json::json!({ "holder": holder, "address": address, "epoch": epoch });
        let next = next.to_string();
        let swap = Change::Swap {
            key: name,
            expected: kept.as_deref(),
            value: next.as_bytes(),
        };
        if values.apply(SPACE, &[swap]).await? {
            return Ok(Claim::Won(Lease {
                name: name.to_owned(),
                holder: holder.to_owned(),
                epoch,
                life: Duration::MAX,
                until: None,
            }));
        }
    }
}

pub(super) async fn holder(values: &Values, name: &str) -> Result<Option<Holder>, StateError> {
    let kept = values.get(SPACE, name).await?;
    Ok(row(kept.as_deref()).map(|row| Holder {
        holder: row.holder,
        address: row.address,
        epoch: row.epoch,
    }))
}

fn row(kept: Option<&[u8]>) -> Option<Row> {
    serde_json::from_slice(kept?).ok()
}
