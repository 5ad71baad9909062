//! The fields of Pod, Node and Event that are used, as the API server spells them. Everything else is skipped while it is
//! read: a pod with ten kilobytes of managed fields costs no more than its status.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope};
use kube::api::ObjectMeta;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use crate::model::Time;

/// Go writes an empty list or map as `null` where a field is not `omitempty`.
pub(super) fn or_empty<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// `metadata`; `L` is what is kept of the labels.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "Fields<L>", bound(deserialize = "L: Default + Deserialize<'de>"))]
pub(super) struct Metadata<L> {
    kube: ObjectMeta,
    pub(super) fields: Fields<L>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "L: Default + Deserialize<'de>"))]
pub(super) struct Fields<L> {
    #[serde(default)]
    pub(super) name: Arc<str>,
    #[serde(default)]
    pub(super) namespace: Arc<str>,
    #[serde(default)]
    pub(super) uid: Arc<str>,
    resource_version: Option<String>,
    pub(super) creation_timestamp: Option<Time>,
    pub(super) deletion_timestamp: Option<Time>,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) annotations: Annotations,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) owner_references: Vec<OwnerReference>,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) labels: L,
}

impl<L> From<Fields<L>> for Metadata<L> {
    fn from(mut fields: Fields<L>) -> Self {
        let kube = ObjectMeta { resource_version: fields.resource_version.take(), ..ObjectMeta::default() };
        Self { kube, fields }
    }
}

impl<L> Metadata<L> {
    /// What kube wants to see of it.
    pub(super) fn kube(&self) -> &ObjectMeta {
        &self.kube
    }

    /// Likewise, to write to.
    pub(super) fn kube_mut(&mut self) -> &mut ObjectMeta {
        &mut self.kube
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Annotations {
    #[serde(rename = "kubernetes.io/config.mirror")]
    pub(super) mirror: Option<Arc<str>>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct OwnerReference {
    pub(super) kind: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) controller: bool,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ApiPod {
    pub(super) metadata: Metadata<IgnoredAny>,
    #[serde(default)]
    pub(super) spec: PodSpec,
    #[serde(default)]
    pub(super) status: PodStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PodSpec {
    pub(super) host_network: bool,
    pub(super) priority_class_name: Option<Arc<str>>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) image_pull_secrets: Vec<Reference>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) init_containers: Vec<ContainerSpec>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) containers: Vec<ContainerSpec>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) ephemeral_containers: Vec<ContainerSpec>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) volumes: Vec<Volume>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) resource_claims: Vec<ClaimReference>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) security_context: SecurityContext,
}

/// A volume: its name, and one key that says of what kind it is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Volume {
    pub(super) name: Arc<str>,
    pub(super) host_path: Option<HostPath>,
    pub(super) persistent_volume_claim: Option<OfClaim>,
    pub(super) csi: Option<OfDriver>,
    #[serde(flatten)]
    pub(super) kind: BTreeMap<String, IgnoredAny>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct HostPath {
    pub(super) path: Arc<str>,
}

/// Where a container sees a volume.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct VolumeMount {
    pub(super) name: Arc<str>,
    pub(super) read_only: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct OfClaim {
    pub(super) claim_name: Arc<str>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OfDriver {
    pub(super) driver: Arc<str>,
}

/// An entry of `spec.resourceClaims`, and of `status.resourceClaimStatuses`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ClaimReference {
    pub(super) name: Arc<str>,
    pub(super) resource_claim_name: Option<Arc<str>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SecurityContext {
    pub(super) fs_group: Option<i64>,
    pub(super) fs_group_change_policy: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ContainerSpec {
    pub(super) name: Arc<str>,
    pub(super) image: Arc<str>,
    pub(super) image_pull_policy: Option<String>,
    pub(super) restart_policy: Option<String>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) lifecycle: Lifecycle,
    #[serde(deserialize_with = "or_empty")]
    pub(super) volume_mounts: Vec<VolumeMount>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) env: Vec<EnvVar>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) env_from: Vec<EnvFrom>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) volume_devices: Vec<Reference>,
}

/// Which hooks a container has.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Lifecycle {
    pub(super) post_start: Option<IgnoredAny>,
}

/// One variable. Its `value` is not read: it may be a secret.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EnvVar {
    pub(super) name: Arc<str>,
    pub(super) value_from: Option<ValueFrom>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ValueFrom {
    pub(super) config_map_key_ref: Option<Reference>,
    pub(super) secret_key_ref: Option<Reference>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EnvFrom {
    pub(super) config_map_ref: Option<Reference>,
    pub(super) secret_ref: Option<Reference>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Reference {
    pub(super) name: Arc<str>,
    pub(super) key: Option<Arc<str>>,
    pub(super) optional: Option<bool>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PodStatus {
    pub(super) phase: Option<String>,
    pub(super) reason: String,
    pub(super) message: String,
    pub(super) start_time: Option<Time>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) conditions: Vec<Condition>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) init_container_statuses: Vec<ContainerStatus>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) container_statuses: Vec<ContainerStatus>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) ephemeral_container_statuses: Vec<ContainerStatus>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) resource_claim_statuses: Vec<ClaimReference>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Condition {
    pub(super) r#type: Arc<str>,
    pub(super) status: String,
    pub(super) reason: Arc<str>,
    pub(super) message: Arc<str>,
    pub(super) last_transition_time: Option<Time>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ContainerStatus {
    pub(super) name: Arc<str>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) state: State,
    #[serde(deserialize_with = "or_empty")]
    pub(super) last_state: State,
    pub(super) started: Option<bool>,
    pub(super) restart_count: u32,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct State {
    pub(super) waiting: Option<Waiting>,
    pub(super) running: Option<Running>,
    pub(super) terminated: Option<Terminated>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Waiting {
    pub(super) reason: Arc<str>,
    pub(super) message: Arc<str>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Running {
    pub(super) started_at: Option<Time>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Terminated {
    pub(super) exit_code: i32,
    pub(super) reason: Arc<str>,
    pub(super) message: Arc<str>,
    pub(super) finished_at: Option<Time>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ApiNode {
    pub(super) metadata: Metadata<BTreeMap<Arc<str>, Arc<str>>>,
    #[serde(default)]
    pub(super) spec: NodeSpec,
    #[serde(default)]
    pub(super) status: NodeStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NodeSpec {
    pub(super) unschedulable: bool,
    #[serde(deserialize_with = "or_empty")]
    pub(super) taints: Vec<Taint>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Taint {
    pub(super) key: Arc<str>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct NodeStatus {
    #[serde(deserialize_with = "or_empty")]
    pub(super) conditions: Vec<Condition>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) volumes_attached: Vec<Reference>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) volumes_in_use: Vec<Arc<str>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApiEvent {
    pub(super) metadata: Metadata<IgnoredAny>,
    #[serde(default)]
    pub(super) reason: Arc<str>,
    #[serde(default)]
    pub(super) message: Arc<str>,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) source: Source,
    #[serde(default)]
    pub(super) reporting_component: Arc<str>,
    pub(super) first_timestamp: Option<Time>,
    pub(super) last_timestamp: Option<Time>,
    pub(super) event_time: Option<Time>,
    pub(super) series: Option<Series>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Source {
    pub(super) component: Arc<str>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Series {
    pub(super) last_observed_time: Option<Time>,
}

macro_rules! resource {
    ($type:ty, $scope:ty, $group:literal, $kind:literal, $plural:literal) => {
        impl kube::Resource for $type {
            type DynamicType = ();
            type Scope = $scope;

            fn kind((): &()) -> Cow<'_, str> {
                $kind.into()
            }

            fn group((): &()) -> Cow<'_, str> {
                $group.into()
            }

            fn version((): &()) -> Cow<'_, str> {
                "v1".into()
            }

            fn plural((): &()) -> Cow<'_, str> {
                $plural.into()
            }

            fn meta(&self) -> &ObjectMeta {
                self.metadata.kube()
            }

            fn meta_mut(&mut self) -> &mut ObjectMeta {
                self.metadata.kube_mut()
            }
        }
    };
}

pub(super) use resource;

resource!(ApiPod, NamespaceResourceScope, "", "Pod", "pods");
resource!(ApiNode, ClusterResourceScope, "", "Node", "nodes");
resource!(ApiEvent, NamespaceResourceScope, "", "Event", "events");
