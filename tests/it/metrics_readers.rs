//! Who may read the metrics of a real agent with `--metrics-auth`: as the double says that grants exactly what `deploy` grants, and
//! as the real API server says that `KUBECONFIG` names.

use kubewhy_lab::apiserver::{ApiServer, Fault, Options, User};
use serde_json::{Value, json};

use super::agent::Agent;
use super::cluster::{Server, deployed, finally};

const READER: &str = "token-of-the-reader";
const STRANGER: &str = "token-of-a-stranger";
const LATECOMER: &str = "token-of-a-latecomer";
const AGENT: &str = "token-of-the-agent";

fn role(file: &str) -> Value {
    serde_saphyr::from_str(&std::fs::read_to_string(deployed(file)).unwrap()).unwrap()
}

/// Whoever may reads, and nobody else.
async fn admits_readers_alone(agent: &Agent, reader: &str, stranger: &str) {
    let (_, page) =
        agent.until("the reader reads", async || agent.metrics(Some(reader)).await.filter(|it| it.0 == 200)).await;
    assert!(page.contains("kubewhy_build_info"), "{page}");
    for (who, token, code) in
        [("a stranger", Some(stranger), 403), ("a forger", Some("forged"), 401), ("nobody", None, 401)]
    {
        let (answered, page) = agent.metrics(token).await.unwrap();
        assert_eq!(answered, code, "{who}");
        assert!(!page.contains("kubewhy_"), "{who} reads {page}");
    }
    let log = agent.log();
    assert!([reader, stranger, "forged"].iter().all(|token| !log.contains(token)), "a token is in the log");
}

#[tokio::test]
async fn with_the_rights_of_deploy_an_agent_shows_its_metrics_to_readers_alone() {
    let api = ApiServer::start(Options::default()).await.unwrap();
    let own = [role("base/clusterrole.yaml"), role("metrics-auth/clusterrole.yaml")];
    let reads = [role("metrics-auth/reader.yaml")];
    api.set_users(vec![
        User::with_roles("system:serviceaccount:kubewhy:kubewhy", AGENT, &own),
        User::with_roles("system:serviceaccount:monitoring:prometheus", READER, &reads),
        User::with_roles("system:serviceaccount:monitoring:latecomer", LATECOMER, &reads),
        User::with_roles("system:serviceaccount:shop:default", STRANGER, &[]),
    ]);
    let dir = tempfile::tempdir().unwrap();
    let kubeconfig = dir.path().join("kubeconfig");
    api.kubeconfig_for(&kubeconfig, AGENT).unwrap();
    let agent = Agent::start("node-7", &kubeconfig, &["--metrics-auth"]);
    admits_readers_alone(&agent, READER, STRANGER).await;
    let refused: Vec<_> =
        api.journal().requests().into_iter().filter(|entry| matches!(entry.code, 401 | 403)).collect();
    assert!(refused.is_empty(), "a right is missing: {refused:#?}");

    api.set_fault(Fault::Refuse.everywhere());
    assert_eq!(agent.metrics(Some(LATECOMER)).await.unwrap().0, 503, "nobody says that they may");
    assert_eq!(agent.metrics(Some(READER)).await.unwrap().0, 200, "that was said before");
    let words = "the API server does not say who may read the metrics; nobody new is let in";
    assert!(agent.log().contains(words), "{}", agent.log());
    api.set_faults(Vec::new());
    agent.until("the latecomer reads", async || agent.metrics(Some(LATECOMER)).await.filter(|it| it.0 == 200)).await;
    agent.stop().await;
}

/// The right to read, and that the account `reader` has it.
fn reading(server: &Server) -> [(&'static str, Value); 2] {
    let role = server.object("metrics-auth/reader.yaml");
    let group = "rbac.authorization.k8s.io";
    let binding = json!({
        "apiVersion": format!("{group}/v1"), "kind": "ClusterRoleBinding", "metadata": role["metadata"],
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role["metadata"]["name"]},
        "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": server.name}],
    });
    [
        ("/apis/rbac.authorization.k8s.io/v1/clusterroles", role),
        ("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding),
    ]
}

#[tokio::test]
async fn a_real_api_server_lets_an_agent_show_its_metrics_to_readers_alone() {
    let Some(server) = Server::named("the readers of metrics").await else { return };
    server.open().await;
    let test = async {
        server.put_up("metrics-auth").await;
        for (path, object) in reading(&server) {
            server.admin().allowed("POST", path, &object).await;
        }
        let own = server.token("kubewhy", None).await;
        let (reader, stranger) = (server.token("reader", None).await, server.token("stranger", None).await);
        let dir = tempfile::tempdir().unwrap();
        let agent = Agent::start(&server.name, &server.kubeconfig(&own, dir.path()), &["--metrics-auth"]);
        admits_readers_alone(&agent, &reader, &stranger).await;
        agent.stop().await;
    };
    finally(test, async {
        for (path, object) in reading(&server) {
            let name = object["metadata"]["name"].as_str().unwrap();
            server.admin().send("DELETE", &format!("{path}/{name}"), &Value::Null).await;
        }
        server.take_down("metrics-auth").await;
        server.close().await;
    })
    .await;
}
