//! The logs of an instance, led and followed together.

use super::{Lead, Pending};
use crate::log::{Fence, Log};

/// All logs that one lease stands for.
pub struct Logs(Vec<Log>);

impl Logs {
    /// These logs.
    pub fn new(logs: impl IntoIterator<Item = Log>) -> Self {
        Self(logs.into_iter().collect())
    }
}

impl Lead for Logs {
    fn lead(&self, epoch: u64, fence: Fence) -> Pending<'_, ()> {
        Box::pin(async move {
            for log in &self.0 {
                log.lead_while(epoch, fence.clone()).await?;
            }
            Ok(())
        })
    }

    fn step_down(&self) {
        for log in &self.0 {
            log.step_down();
        }
    }

    fn is_leading(&self) -> bool {
        self.0.iter().all(Log::is_leading)
    }

    fn refresh(&self) -> Pending<'_, ()> {
        Box::pin(async move {
            for log in &self.0 {
                log.refresh().await?;
            }
            Ok(())
        })
    }
}
