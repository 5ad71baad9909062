//! A request read from its path and query: verb, resource, namespace, name. It looks at no body and at no object.

use std::collections::BTreeMap;

use axum::extract::Query;
use http::{Method, Uri};

use super::refusal::Refusal;
use super::resources::Resource;
use super::selector::Selector;
use super::store::Shelf;

/// What is asked of which resource.
#[derive(Clone, Debug)]
pub struct Call {
    /// RBAC verb.
    pub verb: &'static str,
    /// The resource.
    pub resource: &'static Resource,
    /// Namespace of the request; none for cluster-scoped resources and for all namespaces.
    pub namespace: Option<String>,
    /// Name of the object, if one is meant.
    pub name: Option<String>,
    /// `status` is the only one served.
    pub subresource: Option<String>,
    /// Which objects are meant.
    pub selector: Selector,
    /// The query.
    pub query: BTreeMap<String, String>,
}

impl Call {
    /// Reads a request.
    ///
    /// # Errors
    /// 404 for a path that is not served, 405 for a method that is not, 400 for selectors that cannot be read.
    pub fn read(method: &Method, uri: &Uri) -> Result<Self, Refusal> {
        let Place { resource, namespace, name, subresource } = Place::read(uri.path())?;
        let query = Query::try_from_uri(uri).map(|Query(query)| query).unwrap_or_default();
        let verb = verb(method, name.is_some(), &query)?;
        let text = |key: &str| query.get(key).map(String::as_str).unwrap_or_default();
        let selector = Selector::parse(resource, text("labelSelector"), text("fieldSelector"))?;
        Ok(Self { verb, resource, namespace, name, subresource, selector, query })
    }

    /// `pods` or `pods/status`.
    #[must_use]
    pub fn resource_path(&self) -> String {
        match &self.subresource {
            Some(part) => format!("{}/{part}", self.resource.plural),
            None => self.resource.plural.to_owned(),
        }
    }

    /// A number in the query; none when it is absent or empty.
    ///
    /// # Errors
    /// 400 when it is not a number.
    pub fn number(&self, key: &str) -> Result<Option<u64>, Refusal> {
        match self.query.get(key).filter(|text| !text.is_empty()) {
            None => Ok(None),
            Some(text) => text
                .parse()
                .map(Some)
                .map_err(|_| Refusal::bad_request(format!("Invalid value: \"{text}\": {key} must be a number"))),
        }
    }

    /// Whether the query says yes.
    #[must_use]
    pub fn is_set(&self, key: &str) -> bool {
        self.query.get(key).is_some_and(|value| value == "true" || value == "1")
    }

    /// Where what is asked for stands, if one shelf has it all.
    pub(super) fn shelf(&self) -> Option<Shelf> {
        self.selector.indexed(self.resource).map(|value| Shelf::new(self.resource, value))
    }

    /// The namespace of the call, empty where there is none.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or_default()
    }

    /// The name of the call, empty where there is none.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
}

/// What a path names.
struct Place {
    resource: &'static Resource,
    namespace: Option<String>,
    name: Option<String>,
    subresource: Option<String>,
}

impl Place {
    fn read(path: &str) -> Result<Self, Refusal> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let (group, rest) = match parts.as_slice() {
            ["api", "v1", rest @ ..] => ("", rest),
            ["apis", group, "v1", rest @ ..] => (*group, rest),
            _ => return Err(Refusal::no_such_path()),
        };
        let (namespace, plural, tail) = match rest {
            ["namespaces", namespace, plural, tail @ ..] if *plural != "status" => (Some(*namespace), *plural, tail),
            [plural, tail @ ..] => (None, *plural, tail),
            [] => return Err(Refusal::no_such_path()),
        };
        let resource = Resource::named(group, plural).ok_or_else(Refusal::no_such_path)?;
        let (name, subresource) = match tail {
            [] => (None, None),
            [name] => (Some(*name), None),
            [name, "status"] if resource.status => (Some(*name), Some("status")),
            _ => return Err(Refusal::no_such_path()),
        };
        if namespace.is_some() != resource.namespaced && (name.is_some() || namespace.is_some()) {
            return Err(Refusal::no_such_path());
        }
        let owned = |part: Option<&str>| part.map(str::to_owned);
        Ok(Self { resource, namespace: owned(namespace), name: owned(name), subresource: owned(subresource) })
    }
}

fn verb(method: &Method, named: bool, query: &BTreeMap<String, String>) -> Result<&'static str, Refusal> {
    let watching = query.get("watch").is_some_and(|value| value == "true" || value == "1");
    match (method.as_str(), named) {
        ("GET", true) => Ok("get"),
        ("GET", false) => Ok(if watching { "watch" } else { "list" }),
        ("POST", false) => Ok("create"),
        ("PUT", true) => Ok("update"),
        ("PATCH", true) => Ok("patch"),
        ("DELETE", true) => Ok("delete"),
        ("DELETE", false) => Ok("deletecollection"),
        _ => {
            let message = "the server does not allow this method on the requested resource";
            Err(Refusal::new(405, "MethodNotAllowed", message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: &str, uri: &str) -> Call {
        Call::read(&method.parse().unwrap(), &uri.parse().unwrap()).unwrap()
    }

    #[test]
    fn paths_are_read_as_the_real_server_reads_them() {
        let watch = read("GET", "/api/v1/pods?watch=true&fieldSelector=spec.nodeName%3Da");
        assert_eq!((watch.verb, watch.resource.plural, watch.namespace), ("watch", "pods", None));
        let patch = read("PATCH", "/api/v1/namespaces/default/events/x.1");
        assert_eq!((patch.verb, patch.namespace(), patch.name()), ("patch", "default", "x.1"));
        assert_eq!(read("PUT", "/api/v1/nodes/a/status").resource_path(), "nodes/status");
        assert_eq!(read("GET", "/api/v1/namespaces/x").resource.plural, "namespaces");
        assert_eq!(read("GET", "/apis/coordination.k8s.io/v1/namespaces/n/leases/l").resource.plural, "leases");
    }

    #[test]
    fn what_is_not_served_is_not_found() {
        for path in ["/api/v1/secrets", "/apis/apps/v1/deployments", "/api/v1/namespaces/x/nodes", "/api/v1/pods/p"] {
            assert_eq!(Call::read(&Method::GET, &path.parse().unwrap()).unwrap_err().code, 404, "{path}");
        }
    }
}
