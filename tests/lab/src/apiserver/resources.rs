//! The one table of what the double serves: resources, scopes, writable parts and the field selectors each supports.
//! Data only.

use serde_json::{Value, json};

/// One resource and how the real API server treats it.
#[derive(Debug, PartialEq, Eq)]
pub struct Resource {
    /// API group; empty for core.
    pub group: &'static str,
    /// Name in the path.
    pub plural: &'static str,
    /// Name kubectl accepts for one.
    pub singular: &'static str,
    /// Short names for kubectl.
    pub short: &'static [&'static str],
    /// `kind` of an object.
    pub kind: &'static str,
    /// Lives in a namespace.
    pub namespaced: bool,
    /// Has a `status` subresource, so that main writes leave the status alone.
    pub status: bool,
    /// Served from the watch cache: such resources send bookmarks. Events are not (kubelet.md 5.4).
    pub cached: bool,
    /// A PUT without a resourceVersion is accepted.
    pub unconditional_update: bool,
    /// A PUT to a name that does not exist creates it.
    pub create_on_update: bool,
    /// The field by whose value objects are found and watched without looking at the others.
    pub indexed: &'static str,
    /// Field selectors beside `metadata.name` and `metadata.namespace`: label, and the pointers tried in turn.
    pub fields: &'static [(&'static str, &'static [&'static str])],
}

/// What is asked of every resource.
pub const VERBS: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

const PLAIN: Resource = Resource {
    group: "",
    plural: "",
    singular: "",
    short: &[],
    kind: "",
    namespaced: true,
    status: false,
    cached: true,
    unconditional_update: true,
    create_on_update: false,
    indexed: "metadata.name",
    fields: &[],
};

/// Pods (Kubernetes: pkg/apis/core/v1/conversion.go, field labels).
pub static PODS: Resource = Resource {
    plural: "pods",
    singular: "pod",
    short: &["po"],
    kind: "Pod",
    status: true,
    indexed: "spec.nodeName",
    fields: &[
        ("spec.nodeName", &["/spec/nodeName"]),
        ("spec.restartPolicy", &["/spec/restartPolicy"]),
        ("spec.schedulerName", &["/spec/schedulerName"]),
        ("spec.serviceAccountName", &["/spec/serviceAccountName"]),
        ("status.phase", &["/status/phase"]),
        ("status.podIP", &["/status/podIP"]),
    ],
    ..PLAIN
};

/// Nodes.
pub static NODES: Resource = Resource {
    plural: "nodes",
    singular: "node",
    short: &["no"],
    kind: "Node",
    namespaced: false,
    status: true,
    fields: &[("spec.unschedulable", &["/spec/unschedulable"])],
    ..PLAIN
};

/// Events of the core group (Kubernetes: pkg/apis/core/v1/conversion.go:445, pkg/registry/core/event/strategy.go:115).
pub static EVENTS: Resource = Resource {
    plural: "events",
    singular: "event",
    short: &["ev"],
    kind: "Event",
    cached: false,
    create_on_update: true,
    fields: &[
        ("involvedObject.kind", &["/involvedObject/kind"]),
        ("involvedObject.namespace", &["/involvedObject/namespace"]),
        ("involvedObject.name", &["/involvedObject/name"]),
        ("involvedObject.uid", &["/involvedObject/uid"]),
        ("involvedObject.apiVersion", &["/involvedObject/apiVersion"]),
        ("involvedObject.resourceVersion", &["/involvedObject/resourceVersion"]),
        ("involvedObject.fieldPath", &["/involvedObject/fieldPath"]),
        ("reason", &["/reason"]),
        ("reportingComponent", &["/reportingComponent"]),
        ("source", &["/source/component", "/reportingComponent"]),
        ("type", &["/type"]),
    ],
    ..PLAIN
};

/// Namespaces.
pub static NAMESPACES: Resource = Resource {
    plural: "namespaces",
    singular: "namespace",
    short: &["ns"],
    kind: "Namespace",
    namespaced: false,
    status: true,
    fields: &[("status.phase", &["/status/phase"])],
    ..PLAIN
};

/// ConfigMaps.
pub static CONFIGMAPS: Resource =
    Resource { plural: "configmaps", singular: "configmap", short: &["cm"], kind: "ConfigMap", ..PLAIN };

/// Leases: a PUT must name the resourceVersion it replaces (Kubernetes: pkg/registry/coordination/lease/strategy.go).
pub static LEASES: Resource = Resource {
    group: "coordination.k8s.io",
    plural: "leases",
    singular: "lease",
    kind: "Lease",
    unconditional_update: false,
    create_on_update: true,
    ..PLAIN
};

/// What volumes are made from: read by kubelets and agents, written by tests alone.
pub static CLAIMS: Resource = Resource {
    plural: "persistentvolumeclaims",
    singular: "persistentvolumeclaim",
    short: &["pvc"],
    kind: "PersistentVolumeClaim",
    status: true,
    ..PLAIN
};

/// PersistentVolumes.
pub static VOLUMES: Resource = Resource {
    plural: "persistentvolumes",
    singular: "persistentvolume",
    short: &["pv"],
    kind: "PersistentVolume",
    namespaced: false,
    status: true,
    ..PLAIN
};

/// VolumeAttachments.
pub static ATTACHMENTS: Resource = Resource {
    group: "storage.k8s.io",
    plural: "volumeattachments",
    singular: "volumeattachment",
    kind: "VolumeAttachment",
    namespaced: false,
    status: true,
    ..PLAIN
};

/// CSINodes.
pub static CSI_NODES: Resource = Resource {
    group: "storage.k8s.io",
    plural: "csinodes",
    singular: "csinode",
    kind: "CSINode",
    namespaced: false,
    ..PLAIN
};

/// CSIDrivers.
pub static CSI_DRIVERS: Resource = Resource {
    group: "storage.k8s.io",
    plural: "csidrivers",
    singular: "csidriver",
    kind: "CSIDriver",
    namespaced: false,
    ..PLAIN
};

/// ResourceClaims.
pub static RESOURCE_CLAIMS: Resource = Resource {
    group: "resource.k8s.io",
    plural: "resourceclaims",
    singular: "resourceclaim",
    kind: "ResourceClaim",
    status: true,
    ..PLAIN
};

/// Whose a token is: asked, and never kept.
pub static TOKEN_REVIEWS: Resource = Resource {
    group: "authentication.k8s.io",
    plural: "tokenreviews",
    singular: "tokenreview",
    kind: "TokenReview",
    namespaced: false,
    ..PLAIN
};

/// Whether somebody may: asked, and never kept.
pub static ACCESS_REVIEWS: Resource = Resource {
    group: "authorization.k8s.io",
    plural: "subjectaccessreviews",
    singular: "subjectaccessreview",
    kind: "SubjectAccessReview",
    namespaced: false,
    ..PLAIN
};

/// Everything served.
pub static RESOURCES: [&Resource; 14] = [
    &PODS,
    &NODES,
    &EVENTS,
    &NAMESPACES,
    &CONFIGMAPS,
    &LEASES,
    &CLAIMS,
    &VOLUMES,
    &ATTACHMENTS,
    &CSI_NODES,
    &CSI_DRIVERS,
    &RESOURCE_CLAIMS,
    &TOKEN_REVIEWS,
    &ACCESS_REVIEWS,
];

/// The groups beside core, each in its one version, `v1`.
pub const GROUPS: [&str; 5] =
    ["authentication.k8s.io", "authorization.k8s.io", "coordination.k8s.io", "resource.k8s.io", "storage.k8s.io"];

impl Resource {
    /// The resource a path names.
    #[must_use]
    pub fn named(group: &str, plural: &str) -> Option<&'static Self> {
        RESOURCES.into_iter().find(|resource| resource.group == group && resource.plural == plural)
    }

    /// The resource an object belongs to, by its `apiVersion` and `kind`.
    #[must_use]
    pub fn of(object: &Value) -> Option<&'static Self> {
        RESOURCES
            .into_iter()
            .find(|resource| object["kind"] == resource.kind && object["apiVersion"] == resource.api_version())
    }

    /// `v1` or `group/v1`.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { "v1".to_owned() } else { format!("{}/v1", self.group) }
    }

    /// `pods`, or `leases.coordination.k8s.io`: how the real one names it in messages.
    #[must_use]
    pub fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// The value a field selector sees, empty where the object has none; `None` if the label is not supported.
    #[must_use]
    pub fn field(&self, label: &str, object: &Value) -> Option<String> {
        let pointers: &[&str] = match label {
            "metadata.name" => &["/metadata/name"],
            "metadata.namespace" => &["/metadata/namespace"],
            _ => self.fields.iter().find(|(known, _)| *known == label)?.1,
        };
        let texts = pointers.iter().filter_map(|pointer| object.pointer(pointer)).map(text_of);
        Some(texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default())
    }

    /// This resource as discovery describes it, with its `status` subresource.
    #[must_use]
    pub fn discovery(&self) -> Vec<Value> {
        let mut entries = vec![json!({
            "name": self.plural, "singularName": self.singular, "namespaced": self.namespaced, "kind": self.kind,
            "verbs": VERBS, "shortNames": self.short,
        })];
        if self.status {
            entries.push(json!({
                "name": format!("{}/status", self.plural), "singularName": "", "namespaced": self.namespaced,
                "kind": self.kind, "verbs": ["get", "patch", "update"],
            }));
        }
        entries
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
