//! Who may do what: bearer tokens and rights by rules, as a (Cluster)Role holds them. With no user configured everybody
//! may do everything. A user with an empty token is whoever brings none.

use serde_json::Value;

use super::call::Call;
use super::refusal::Refusal;

/// One who may call.
#[derive(Clone, Debug)]
pub struct User {
    /// Name as the API server says it, `system:serviceaccount:NAMESPACE:NAME` for a service account.
    pub name: String,
    /// Bearer token; empty: who calls without one.
    pub token: String,
    /// `None`: may do everything.
    pub rights: Option<Vec<Rule>>,
}

impl User {
    /// A user who may do everything.
    #[must_use]
    pub fn admin(name: &str, token: &str) -> Self {
        Self { name: name.to_owned(), token: token.to_owned(), rights: None }
    }

    /// A user with the rules of these ClusterRoles and Roles and no others.
    #[must_use]
    pub fn with_roles(name: &str, token: &str, roles: &[Value]) -> Self {
        let rights = roles.iter().flat_map(Rule::of_role).collect();
        Self { name: name.to_owned(), token: token.to_owned(), rights: Some(rights) }
    }

    /// Whether this user may do that with a path that is no resource's.
    pub(super) fn may_call(&self, verb: &str, path: &str) -> bool {
        let has = |list: &[String], wanted: &str| list.iter().any(|item| item == "*" || item == wanted);
        let allows = |rule: &Rule| has(&rule.verbs, verb) && has(&rule.paths, path);
        self.rights.as_ref().is_none_or(|rules| rules.iter().any(allows))
    }
}

/// One RBAC rule. The namespace is that of a Role, none for a ClusterRole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    namespace: Option<String>,
    groups: Vec<String>,
    resources: Vec<String>,
    names: Vec<String>,
    paths: Vec<String>,
    verbs: Vec<String>,
}

impl Rule {
    /// The rules of a ClusterRole, or of a Role for its own namespace.
    #[must_use]
    pub fn of_role(role: &Value) -> Vec<Self> {
        let namespace = (role["kind"] == "Role").then(|| role["metadata"]["namespace"].as_str()).flatten();
        let rules = role["rules"].as_array().map(Vec::as_slice).unwrap_or_default();
        let strings = |list: &Value| -> Vec<String> {
            list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        rules
            .iter()
            .map(|rule| Self {
                namespace: namespace.map(str::to_owned),
                groups: strings(&rule["apiGroups"]),
                resources: strings(&rule["resources"]),
                names: strings(&rule["resourceNames"]),
                paths: strings(&rule["nonResourceURLs"]),
                verbs: strings(&rule["verbs"]),
            })
            .collect()
    }

    fn allows(&self, call: &Call) -> bool {
        let has = |list: &[String], wanted: &str| list.iter().any(|item| item == "*" || item == wanted);
        let name = call.name.as_deref().or(call.selector.name());
        (self.namespace.is_none() || self.namespace == call.namespace)
            && has(&self.verbs, call.verb)
            && has(&self.groups, call.resource.group)
            && has(&self.resources, &call.resource_path())
            && (self.names.is_empty() || name.is_some_and(|name| self.names.iter().any(|known| known == name)))
    }
}

/// Finds the caller by token: `None` is one who may do everything.
///
/// # Errors
/// 401 when users are configured and the token is none of theirs.
pub(super) fn authenticate<'a>(users: &'a [User], authorization: Option<&str>) -> Result<Option<&'a User>, Refusal> {
    if users.is_empty() {
        return Ok(None);
    }
    let token = authorization.map_or(Some(""), |header| header.strip_prefix("Bearer "));
    let user = users.iter().find(|user| Some(user.token.as_str()) == token);
    user.map(Some).ok_or_else(Refusal::unauthorized)
}

/// Whether the caller may.
///
/// # Errors
/// 403, worded as RBAC words it.
pub(super) fn authorize(user: Option<&User>, call: &Call) -> Result<(), Refusal> {
    let Some(User { name, rights: Some(rules), .. }) = user else { return Ok(()) };
    if rules.iter().any(|rule| rule.allows(call)) {
        return Ok(());
    }
    Err(denied(name, call))
}

/// The 403 that RBAC gives for a call.
pub(super) fn denied(user: &str, call: &Call) -> Refusal {
    let place = match &call.namespace {
        Some(namespace) => format!("in the namespace \"{namespace}\""),
        None => "at the cluster scope".to_owned(),
    };
    let why = format!(
        "User \"{user}\" cannot {} resource \"{}\" in API group \"{}\" {place}",
        call.verb,
        call.resource_path(),
        call.resource.group
    );
    Refusal::forbidden(call.resource, call.name.as_deref().unwrap_or_default(), &why)
}
