//! Images that the kubelet is about to ask for: those of pods that just came to this node and have no sandbox yet. Of a small
//! image the pull is over before it is found among the runtime's leases; so what does not lie on the node is made way for
//! ahead of it. It knows nothing of how long a pod counts as new: what the engine lists no more is not expected.

use std::sync::Arc;

use tokio::sync::watch;

use crate::client::cri::Cri;

/// As many are asked for at a look: it is not to take long, and one that is missing is enough.
const ASKED: usize = 8;

/// The images of pods that just came, and whether the node has them.
pub(super) struct Expected {
    cri: Cri,
    images: watch::Receiver<Arc<[Arc<str>]>>,
    missing: bool,
}

impl Expected {
    pub(super) fn new(cri: Cri, mut images: watch::Receiver<Arc<[Arc<str>]>>) -> Self {
        images.mark_changed();
        Self { cri, images, missing: false }
    }

    /// Waits until others are expected; for ever where nobody will say.
    pub(super) async fn changed(&mut self) {
        if self.images.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        self.images.mark_changed();
    }

    /// Whether the node lacks one of them. The runtime is asked when others are expected than before; where it does not
    /// answer, none counts as missing.
    pub(super) async fn is_missing(&mut self) -> bool {
        if self.images.has_changed().unwrap_or(false) {
            let images = self.images.borrow_and_update().clone();
            self.missing = self.lacks(&images).await;
        }
        self.missing
    }

    async fn lacks(&self, images: &[Arc<str>]) -> bool {
        for image in images.iter().take(ASKED) {
            if self.cri.image_status(image).await.result.is_ok_and(|answer| answer.image.is_none()) {
                return true;
            }
        }
        false
    }
}
