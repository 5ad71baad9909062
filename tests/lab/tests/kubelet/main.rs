//! The stand-in for the kubelet against recordings of a real one (Kubernetes 1.36, containerd 2.1), with a scripted runtime.
//! The recordings are no part of the repository: `KUBEWHY_RECORDINGS` names their folder, else those tests say they skip.

mod api;
mod disk;
mod lab;
mod node;
mod pods;
mod runtime;
mod shape;
