//! The messages of the node-local API as protoc makes them of `proto/kubewhy/v1/kubewhy.proto`.

#![allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all, reason = "made by prost and tonic")]

tonic::include_proto!("kubewhy.v1");
