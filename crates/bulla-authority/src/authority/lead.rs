//! Leading an instance: its logs together, and the first entry of each.

use super::{Authority, create};
use crate::{
    log::{Fence, Log},
    replica::{Lead, Logs, Pending},
};

impl Authority {
    /// Its logs, which are led together.
    pub(super) fn logs(&self) -> Logs {
        Logs::new(self.each_log().into_iter().cloned())
    }

    fn each_log(&self) -> [&Log; 3] {
        let parts = &self.parts;
        [parts.ca.ct.log(), parts.rekor.log(), parts.rekor_v1.log()]
    }

    /// Waits until readers find a checkpoint in each log, whoever leads; not for
    /// ever, since nobody may.
    pub async fn first_checkpoints(&self) {
        create::first_checkpoints(self.each_log()).await;
    }
}

impl Lead for Authority {
    /// Nobody is answered before every log has its genesis entry.
    fn lead(&self, epoch: u64, fence: Fence) -> Pending<'_, ()> {
        Box::pin(async move {
            self.logs().lead(epoch, fence).await?;
            let parts = &self.parts;
            create::genesis(&parts.ca, &parts.config.base_url).await?;
            parts.rekor.begin().await?;
            parts.rekor_v1.begin().await
        })
    }

    fn step_down(&self) {
        self.logs().step_down();
    }

    fn is_leading(&self) -> bool {
        self.logs().is_leading()
    }

    fn refresh(&self) -> Pending<'_, ()> {
        Box::pin(async move { self.logs().refresh().await })
    }
}
