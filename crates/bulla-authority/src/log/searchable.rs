//! A log as the search index reads it.

use super::Log;
use crate::search::{Reading, Source};

impl Source for Log {
    fn size(&self) -> u64 {
        Self::size(self)
    }

    fn is_leading(&self) -> bool {
        Self::is_leading(self)
    }

    fn bundle(&self, number: u64, width: u16) -> Reading<'_, Vec<Vec<u8>>> {
        Box::pin(async move {
            let entries = self.entries(number, width).await?;
            let entries = entries.unwrap_or_default();
            Ok(entries.iter().map(|entry| entry.to_vec()).collect())
        })
    }

    fn entry(&self, index: u64) -> Reading<'_, Option<Vec<u8>>> {
        Box::pin(async move { Ok(Self::entry(self, index).await?.map(Vec::from)) })
    }
}
