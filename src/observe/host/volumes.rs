//! What the kubelet's directories and the host's mounts show of the volumes of pods that wait for them. It looks while
//! such a pod is there and not otherwise; it reads names of directories, and nothing of a volume's contents.

mod look;
mod observer;

pub use observer::VolumeObserver;
