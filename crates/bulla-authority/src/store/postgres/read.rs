//! Reading tiles, entries and places. What an object holds is checked against the
//! digest that was committed with it.

use bulla_store::sqlx::{self, Row as _};
use bytes::Bytes;
use std::collections::BTreeMap;

use super::{
    super::{
        StoreError,
        sql::{signed, unsigned},
    },
    BUNDLE, FULL, LogObjectError, PostgresStore,
    object::{LOG_OBJECT_BYTES, name, sha256, unbundle},
};

impl PostgresStore {
    pub(super) async fn read_tile(
        &self,
        log: &'static str,
        level: u8,
        index: u64,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let query = sqlx::query_scalar(
            "SELECT digest FROM log_object WHERE log = $1 AND kind = $2 AND idx = $3",
        )
        .bind(log)
        .bind(i16::from(level))
        .bind(signed(index)?)
        .fetch_optional(self.state.pool());
        let Some(digest): Option<Vec<u8>> = self.state.within(query).await? else {
            return Ok(None);
        };
        let bytes = self.object(log, level.into(), index, &digest).await?;
        Ok(Some(bytes.to_vec()))
    }

    /// An object whose row says that it is there.
    async fn object(
        &self,
        log: &str,
        kind: i16,
        index: u64,
        digest: &[u8],
    ) -> Result<Bytes, StoreError> {
        let digest: [u8; 32] = digest.try_into().map_err(|_| StoreError::Range)?;
        if let Some(bytes) = self.cache.get(&digest) {
            return Ok(bytes);
        }
        let name = name(log, kind, index, &digest)?;
        let found = self.objects.get(&name, LOG_OBJECT_BYTES).await?;
        let name = name.to_string();
        let bytes = found.ok_or_else(|| LogObjectError::Gone { name: name.clone() })?;
        if sha256(&bytes) != digest {
            return Err(LogObjectError::Damaged { name }.into());
        }
        self.cache.keep(digest, bytes.clone());
        Ok(bytes)
    }

    pub(super) async fn read_entries(
        &self,
        log: &'static str,
        first: u64,
        count: u16,
    ) -> Result<Vec<Bytes>, StoreError> {
        let end = first
            .saturating_add(count.into())
            .min(i64::MAX.unsigned_abs());
        if first >= end {
            return Ok(Vec::new());
        }
        // One statement, one moment: an entry is in exactly one of the two.
        let query = sqlx::query(
            "SELECT true AS full, idx, digest AS data FROM log_object
                WHERE log = $1 AND kind = $2 AND idx >= $3 AND idx <= $4
             UNION ALL
             SELECT false, idx, bytes FROM log_entry WHERE log = $1 AND idx >= $5 AND idx < $6",
        )
        .bind(log)
        .bind(BUNDLE)
        .bind(signed(first / FULL)?)
        .bind(signed((end - 1) / FULL)?)
        .bind(signed(first)?)
        .bind(signed(end)?)
        .fetch_all(self.state.pool());
        let mut found: BTreeMap<u64, Bytes> = BTreeMap::new();
        for row in self.state.within(query).await? {
            let (index, data) = (unsigned(row.get("idx"))?, row.get::<Vec<u8>, _>("data"));
            if !row.get::<bool, _>("full") {
                found.insert(index, data.into());
                continue;
            }
            let object = self.object(log, BUNDLE, index, &data).await?;
            let entries = unbundle(object).ok_or(StoreError::Range)?;
            found.extend((index * FULL..).zip(entries));
        }
        let wanted = (first..end).map_while(|index| found.remove(&index));
        Ok(wanted.collect())
    }

    pub(super) async fn locate(
        &self,
        log: &'static str,
        identities: &[[u8; 32]],
    ) -> Result<Vec<Option<u64>>, StoreError> {
        let wanted: Vec<&[u8]> = identities.iter().map(|identity| &identity[..]).collect();
        let query = sqlx::query_as(
            "SELECT w.place, i.idx FROM unnest($2::bytea[]) WITH ORDINALITY AS w (identity, place)
             JOIN log_identity i ON i.log = $1 AND i.identity = w.identity",
        )
        .bind(log)
        .bind(wanted)
        .fetch_all(self.state.pool());
        let rows: Vec<(i64, i64)> = self.state.within(query).await?;
        let mut found = vec![None; identities.len()];
        for (place, index) in rows {
            let place = usize::try_from(place - 1).map_err(|_| StoreError::Range)?;
            *found.get_mut(place).ok_or(StoreError::Range)? = Some(unsigned(index)?);
        }
        Ok(found)
    }
}
