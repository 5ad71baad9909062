//! Asks whether the node has the images that pods wait for, one after another. It never lists images: CRI-O walks its
//! storage for that, and no more than these matter.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::{Connection, told};
use crate::client::cri::Cri;
use crate::clock::Clock;
use crate::model::observation::Seen;
use crate::model::{Time, since};
use crate::observe::Outlet;

/// An image is asked for again after so long, however many pods come to wait for it meanwhile.
const AGAIN: Duration = Duration::from_secs(30);

/// The images that are waited for, and which of them were asked for lately.
pub(super) struct Images<'a> {
    pub(super) cri: &'a Cri,
    pub(super) out: &'a Outlet,
    pub(super) clock: Clock,
    pub(super) connection: watch::Receiver<Connection>,
    pub(super) awaited: watch::Receiver<Arc<[Arc<str>]>>,
    pub(super) asked: BTreeMap<Arc<str>, Time>,
}

impl Images<'_> {
    /// Asks as long as there is a connection.
    pub(super) async fn run(mut self) {
        while self.connection.wait_for(Option::is_some).await.is_ok() {
            match self.due() {
                Some(image) => self.ask(image).await,
                None => self.rest().await,
            }
        }
    }

    fn due(&mut self) -> Option<Arc<str>> {
        let now = self.clock.now();
        self.asked.retain(|_, at| since(*at, now) < AGAIN);
        let awaited = self.awaited.borrow_and_update();
        awaited.iter().find(|image| !self.asked.contains_key(*image)).cloned()
    }

    async fn ask(&mut self, image: Arc<str>) {
        self.asked.insert(image.clone(), self.clock.now());
        if let Ok(answer) = told(self.out, self.cri.image_status(&image).await).await {
            self.out.tell(Seen::Image { name: image, here: answer.image.is_some() }).await;
        }
    }

    /// Until another image is waited for, or the first of those that were asked for is due.
    async fn rest(&mut self) {
        let now = self.clock.now();
        let first = self.asked.values().map(|at| AGAIN.saturating_sub(since(*at, now))).min();
        tokio::select! {
            Ok(()) = self.awaited.changed() => {}
            () = sleep(first.unwrap_or(AGAIN)) => {}
        }
    }
}
