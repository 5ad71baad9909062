//! A network configuration: its name and every plugin that it will run, in the order of the chain. Pure.

use std::sync::Arc;

use serde_json::Value;

/// What is used of a network configuration.
#[derive(Debug, PartialEq)]
pub(in crate::probe) struct Network {
    pub(in crate::probe) name: Arc<str>,
    /// The version of the specification that it asks for; empty where it names none.
    pub(in crate::probe) version: Arc<str>,
    pub(in crate::probe) plugins: Vec<Arc<str>>,
    /// The plugins of the chain as they stand in the file.
    pub(in crate::probe) chain: Vec<Value>,
}

impl Network {
    /// Every plugin that is configured in it, delegates among them.
    pub(in crate::probe) fn configured(&self) -> Vec<&Value> {
        let mut found: Vec<&Value> = self.chain.iter().collect();
        let mut next = 0;
        while let Some(plugin) = found.get(next).copied() {
            let delegates = plugin.get("delegate").into_iter().chain(items(plugin, "delegates"));
            found.extend(delegates.chain(items(plugin, "plugins")));
            next += 1;
        }
        found
    }
}

/// Reads a configuration as libcni does: a list (`*.conflist`) must have a name and plugins, a single one a type
/// (containernetworking/cni: libcni/conf.go). Says what is wrong otherwise.
pub(super) fn parse(content: &[u8], list: bool) -> Result<Network, String> {
    let text = String::from_utf8_lossy(content);
    let config: Value = serde_json::from_str(&text).map_err(|error| format!("not valid JSON: {error}"))?;
    let name = word(&config, "name").unwrap_or_default();
    let chain = if list { chain_of(&config)? } else { std::slice::from_ref(&config) };
    if list && !config.get("name").is_some_and(Value::is_string) {
        return Err("has no `name`".to_owned());
    }
    if chain.iter().any(|plugin| word(plugin, "type").is_none()) {
        return Err(if list { "a plugin has no `type`" } else { "has no `type`" }.to_owned());
    }
    let mut plugins = Vec::new();
    chain.iter().for_each(|plugin| collect(plugin, &mut plugins));
    let version = word(&config, "cniVersion").unwrap_or_default().into();
    Ok(Network { name: name.into(), version, plugins, chain: chain.to_vec() })
}

fn chain_of(config: &Value) -> Result<&[Value], String> {
    match config.get("plugins").and_then(Value::as_array) {
        Some(chain) if !chain.is_empty() => Ok(chain),
        _ => Err("has no `plugins`".to_owned()),
    }
}

/// A plugin with its IPAM plugin and those it delegates to: flannel's `delegate`, multus' `delegates`, each a plugin or a
/// list of them. Multus looks for its delegates in its own `binDir` too, where it has one, so they prove nothing then.
fn collect(plugin: &Value, into: &mut Vec<Arc<str>>) {
    let kind = word(plugin, "type");
    add(kind, into);
    add(plugin.get("ipam").and_then(|ipam| word(ipam, "type")), into);
    if kind == Some("flannel") {
        collect_flannel(plugin, into);
    } else if plugin.get("binDir").is_none() {
        for delegate in plugin.get("delegate").into_iter().chain(items(plugin, "delegates")) {
            collect(delegate, into);
        }
    }
    items(plugin, "plugins").for_each(|chained| collect(chained, into));
}

/// What flannel runs where its configuration does not say (flannel-io/cni-plugin: flannel_linux.go doCmdAdd).
fn collect_flannel(plugin: &Value, into: &mut Vec<Arc<str>>) {
    let delegate = plugin.get("delegate").unwrap_or(&Value::Null);
    add(word(delegate, "type").or(Some("bridge")), into);
    let ipam = plugin.get("ipam").and_then(|ipam| word(ipam, "type"));
    add(ipam.or(Some("host-local")), into);
}

fn items<'a>(of: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    of.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn word<'a>(of: &'a Value, key: &str) -> Option<&'a str> {
    of.get(key).and_then(Value::as_str).filter(|word| !word.is_empty())
}

fn add(kind: Option<&str>, into: &mut Vec<Arc<str>>) {
    if let Some(kind) = kind.filter(|kind| into.iter().all(|known| &**known != *kind)) {
        into.push(kind.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugins(config: &str, list: bool) -> Vec<String> {
        parse(config.as_bytes(), list).unwrap().plugins.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn ipam_and_delegates_count_as_plugins() {
        let flannel =
            r#"{"name":"cbr0","plugins":[{"type":"flannel","delegate":{"isDefaultGateway":true}},{"type":"portmap"}]}"#;
        assert_eq!(plugins(flannel, true), ["flannel", "bridge", "host-local", "portmap"]);
        let multus = r#"{"name":"m","type":"multus","delegates":[{"type":"calico","ipam":{"type":"calico-ipam"}},
            {"name":"l","plugins":[{"type":"macvlan","ipam":{"type":"dhcp"}},{"type":"tuning"}]}]}"#;
        assert_eq!(plugins(multus, false), ["multus", "calico", "calico-ipam", "macvlan", "dhcp", "tuning"]);
        let elsewhere = r#"{"name":"m","type":"multus","binDir":"/var/lib/cni/bin","delegates":[{"type":"ovn"}]}"#;
        assert_eq!(plugins(elsewhere, false), ["multus"]);
    }

    #[test]
    fn what_libcni_refuses_is_refused_with_its_reason() {
        for (config, list, problem) in [
            ("{", true, "not valid JSON"),
            ("", false, "not valid JSON"),
            ("[]", true, "has no `plugins`"),
            (r#"{"name":"x","plugins":[]}"#, true, "has no `plugins`"),
            (r#"{"plugins":[{"type":"bridge"}]}"#, true, "has no `name`"),
            (r#"{"name":"x","plugins":[{"ipam":{}}]}"#, true, "a plugin has no `type`"),
            (r#"{"name":"x","plugins":[{"type":"bridge"}]}"#, false, "has no `type`"),
        ] {
            let error = parse(config.as_bytes(), list).unwrap_err();
            assert!(error.starts_with(problem), "{config}: {error}");
        }
    }
}
