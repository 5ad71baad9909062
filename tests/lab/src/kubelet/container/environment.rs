//! A container's environment out of its spec, ConfigMaps and Secrets, with the kubelet's words for what is missing
//! (Kubernetes: pkg/kubelet/kubelet_pods.go, makeEnvironmentVariables). Expands no `$(NAME)`, and knows of a pod's fields only
//! its name, namespace, uid and node.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use k8s_cri::v1::KeyValue;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{ConfigMap, Container, EnvVarSource, Pod, Secret};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::Parts;
use crate::kubelet::sandbox::Identity;
use crate::kubelet::status::spec;

const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The resolved variables in order, or the message of `CreateContainerConfigError`.
pub(super) async fn resolve(parts: &Arc<Parts>, pod: &Pod, container: &Container) -> Result<Vec<KeyValue>, String> {
    let id = Identity::of(pod);
    let source = Source { parts, namespace: &id.namespace };
    let mut envs = way_to_the_api_server(parts);
    for from in container.env_from.iter().flatten() {
        let prefix = from.prefix.as_deref().unwrap_or_default();
        let mut values = BTreeMap::new();
        if let Some(map) = &from.config_map_ref {
            values.extend(source.config_map(&map.name, map.optional).await?.unwrap_or_default());
        }
        if let Some(secret) = &from.secret_ref {
            values.extend(source.secret(&secret.name, secret.optional).await?.unwrap_or_default());
        }
        envs.extend(values.into_iter().map(|(key, value)| KeyValue { key: format!("{prefix}{key}"), value }));
    }
    for variable in container.env.iter().flatten() {
        let value = match &variable.value_from {
            None => variable.value.clone(),
            Some(EnvVarSource { field_ref: Some(wanted), .. }) => field(pod, &id, &wanted.field_path),
            Some(from) => source.value(from).await?,
        };
        envs.extend(value.map(|value| KeyValue { key: variable.name.clone(), value }));
    }
    Ok(envs)
}

/// What every pod is told of the Service `kubernetes`, whether it wants links to services or not.
fn way_to_the_api_server(parts: &Parts) -> Vec<KeyValue> {
    let Some(account) = &parts.options.account else { return Vec::new() };
    let address = account.address;
    [("KUBERNETES_SERVICE_HOST", address.ip().to_string()), ("KUBERNETES_SERVICE_PORT", address.port().to_string())]
        .map(|(key, value)| KeyValue { key: key.to_owned(), value })
        .into()
}

fn field(pod: &Pod, id: &Identity, path: &str) -> Option<String> {
    match path {
        "metadata.name" => Some(id.name.clone()),
        "metadata.namespace" => Some(id.namespace.clone()),
        "metadata.uid" => Some(id.uid.clone()),
        "spec.nodeName" => spec(pod).node_name,
        _ => None,
    }
}

/// Where references of one namespace are looked up.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) parts: &'a Arc<Parts>,
    pub(super) namespace: &'a str,
}

impl Source<'_> {
    async fn value(self, from: &EnvVarSource) -> Result<Option<String>, String> {
        if let Some(wanted) = &from.config_map_key_ref {
            let values = self.config_map(&wanted.name, wanted.optional).await?;
            return self.key(values, "ConfigMap", &wanted.name, &wanted.key, wanted.optional);
        }
        if let Some(wanted) = &from.secret_key_ref {
            let values = self.secret(&wanted.name, wanted.optional).await?;
            return self.key(values, "Secret", &wanted.name, &wanted.key, wanted.optional);
        }
        Ok(None)
    }

    fn key(
        self,
        values: Option<BTreeMap<String, String>>,
        kind: &str,
        name: &str,
        key: &str,
        optional: Option<bool>,
    ) -> Result<Option<String>, String> {
        let Some(mut values) = values else { return Ok(None) };
        match values.remove(key) {
            None if optional != Some(true) => {
                Err(format!("couldn't find key {key} in {kind} {}/{name}", self.namespace))
            }
            found => Ok(found),
        }
    }

    pub(super) async fn config_map(
        self,
        name: &str,
        optional: Option<bool>,
    ) -> Result<Option<BTreeMap<String, String>>, String> {
        let found: Option<ConfigMap> = self.object("configmap", name, optional).await?;
        Ok(found.map(|map| map.data.unwrap_or_default()))
    }

    async fn secret(self, name: &str, optional: Option<bool>) -> Result<Option<BTreeMap<String, String>>, String> {
        let found: Option<Secret> = self.object("secret", name, optional).await?;
        let data = found.map(|secret| secret.data.unwrap_or_default());
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(data.map(|data| data.into_iter().map(|(key, value)| (key, text(value.0))).collect()))
    }

    async fn object<K>(self, kind: &str, name: &str, optional: Option<bool>) -> Result<Option<K>, String>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        let api = Api::<K>::namespaced(self.parts.client.clone(), self.namespace);
        match timeout(ANSWER_WITHIN, api.get_opt(name)).await {
            Ok(Ok(None)) if optional != Some(true) => Err(format!("{kind} \"{name}\" not found")),
            Ok(Ok(found)) => Ok(found),
            Ok(Err(_)) | Err(_) => Err(format!("failed to sync {kind} cache: timed out waiting for the condition")),
        }
    }
}
