//! How long each call to the runtime may take. The kubelet allows two minutes for all of them; this agent is to notice a
//! runtime that hangs, so it allows what a well runtime needs even on a busy disk.

use std::time::Duration;

/// Deadlines by method. `PullImage` has none: it ends with its caller's token.
#[derive(Clone, Debug)]
pub struct Deadlines {
    /// Opening the socket.
    pub connect: Duration,
    /// `Version`: a constant, answered without a lock.
    pub version: Duration,
    /// `ListPodSandbox`, `ListContainers`: answered from memory in milliseconds by containerd and CRI-O, in up to a second
    /// or two by cri-dockerd. What takes longer holds up the kubelet as well, which asks every second.
    pub list: Duration,
    /// `Status`: runs the CNI plugins' STATUS from containerd 2.1 on.
    pub status: Duration,
    /// `ImageStatus`, `ImageFsInfo`.
    pub image: Duration,
    /// Any call to containerd's own API.
    pub containerd: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            version: Duration::from_secs(2),
            list: Duration::from_secs(4),
            status: Duration::from_secs(10),
            image: Duration::from_secs(10),
            containerd: Duration::from_secs(5),
        }
    }
}
