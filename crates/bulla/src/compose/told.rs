//! What is told aloud while a process serves: each alarm and each concern once.

use bulla_authority::{
    health::{Alarm, concern::Concerns},
    operations::Operations,
};

use crate::{context::Context, output::talk::Talk};

/// What was told so far.
pub struct Told {
    operations: Operations,
    talk: Talk,
    alarms: Vec<Alarm>,
    concerns: Concerns,
}

impl Told {
    /// What there is now counts as told: whoever announces the start tells it.
    pub async fn at_start(operations: &Operations, context: &Context) -> Self {
        Self {
            operations: operations.clone(),
            talk: context.talk.clone(),
            alarms: operations.alarms(),
            concerns: operations.concerns().await,
        }
    }

    /// Tells what is new, in the log as well.
    pub fn tell(&mut self, concerns: Concerns) {
        let alarms = self.operations.alarms();
        for alarm in alarms.iter().filter(|alarm| !self.alarms.contains(alarm)) {
            tracing::warn!(what = alarm.what, urgency = ?alarm.urgency, "{alarm}");
            self.talk.warn(&alarm.to_string());
        }
        for line in concerns.news(&self.concerns) {
            tracing::warn!("{line}");
            self.talk.warn(&line);
        }
        (self.alarms, self.concerns) = (alarms, concerns);
    }
}

/// Tells all there is: at the start.
pub async fn tell_all(operations: &Operations, talk: &Talk) {
    for alarm in operations.alarms() {
        talk.warn(&alarm.to_string());
    }
    for line in operations.concerns().await.news(&Concerns::default()) {
        talk.warn(&line);
    }
}
