//! Leases: what holds blobs and snapshots against containerd's garbage collection. It ends none but by name.

use std::collections::HashMap;

use containerd_client::services::v1::leases_client::LeasesClient;
use containerd_client::services::v1::{
    AddResourceRequest, CreateRequest, DeleteRequest, Lease, ListRequest, ListResourcesRequest, Resource,
};
use tonic::Code;
use tonic::transport::Channel;

use super::{ANSWER_LIMIT, Containerd, in_namespace, unless};
use crate::model::runtime::CallFailure;

impl Containerd {
    /// Makes a lease with these labels. One of that id that is there already will do.
    ///
    /// # Errors
    /// How the call failed.
    pub async fn create_lease(&self, id: &str, labels: HashMap<String, String>) -> Result<(), CallFailure> {
        let request = in_namespace(CreateRequest { id: id.to_owned(), labels });
        let ask = async |c: Channel| unless(Code::AlreadyExists, LeasesClient::new(c).create(request).await);
        self.ask("Leases.Create", ask).await.map(|_| ())
    }

    /// Ends a lease; what nothing else holds is collected later, or with `sync` before the answer. One that is gone already
    /// will do.
    ///
    /// # Errors
    /// How the call failed.
    pub async fn delete_lease(&self, id: &str, sync: bool) -> Result<(), CallFailure> {
        let request = in_namespace(DeleteRequest { id: id.to_owned(), sync });
        let ask = async |c: Channel| unless(Code::NotFound, LeasesClient::new(c).delete(request).await);
        self.ask("Leases.Delete", ask).await.map(|_| ())
    }

    /// All leases of Kubernetes' namespace.
    ///
    /// # Errors
    /// How the call failed.
    pub async fn leases(&self) -> Result<Vec<Lease>, CallFailure> {
        let request = in_namespace(ListRequest::default());
        let ask = async |c: Channel| leases(c).list(request).await;
        Ok(self.ask("Leases.List", ask).await?.leases)
    }

    /// What a lease holds; nothing where it has ended meanwhile.
    ///
    /// # Errors
    /// How the call failed.
    pub async fn lease_resources(&self, id: &str) -> Result<Vec<Resource>, CallFailure> {
        let request = in_namespace(ListResourcesRequest { id: id.to_owned() });
        let ask = async |c: Channel| unless(Code::NotFound, leases(c).list_resources(request).await);
        Ok(self.ask("Leases.ListResources", ask).await?.map_or_else(Vec::new, |answer| answer.resources))
    }

    /// Holds that under this lease too. What is gone already is held by nobody.
    ///
    /// # Errors
    /// How the call failed.
    pub async fn hold(&self, id: &str, resource: Resource) -> Result<(), CallFailure> {
        let request = in_namespace(AddResourceRequest { id: id.to_owned(), resource: Some(resource) });
        let ask = async |c: Channel| unless(Code::NotFound, leases(c).add_resource(request).await);
        self.ask("Leases.AddResource", ask).await.map(|_| ())
    }
}

fn leases(channel: Channel) -> LeasesClient<Channel> {
    LeasesClient::new(channel).max_decoding_message_size(ANSWER_LIMIT)
}
