//! The guard against an API server that answers, refuses, fails and hangs, through the real client and in virtual time.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::model::Time;

/// How the API server is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mood {
    Well,
    Refuses,
    Hangs,
    Babbles,
}

struct Api {
    mood: Mutex<Mood>,
    asked: Mutex<Vec<Value>>,
}

impl Api {
    fn start() -> (Arc<Self>, Guard) {
        let api = Arc::new(Self { mood: Mutex::new(Mood::Well), asked: Mutex::default() });
        let router = Router::new()
            .route("/apis/authentication.k8s.io/v1/tokenreviews", post(answer))
            .route("/apis/authorization.k8s.io/v1/subjectaccessreviews", post(answer))
            .with_state(Arc::clone(&api));
        let service =
            router.map_request(|request: http::Request<kube::client::Body>| request.map(axum::body::Body::new));
        let guard = Guard::new(kube::Client::new(service, "default"), Clock::starting_at(Time::UNIX_EPOCH));
        (api, guard)
    }

    fn is(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

/// `reader` and `stranger` have tokens of their names; `reader` may.
async fn answer(State(api): State<Arc<Api>>, Json(review): Json<Value>) -> Response {
    api.asked.lock().unwrap().push(review.clone());
    let mood = *api.mood.lock().unwrap();
    let status = match (mood, review["spec"]["token"].as_str()) {
        (Mood::Refuses, _) => return StatusCode::FORBIDDEN.into_response(),
        (Mood::Babbles, _) => return "{\"spec\": secret".into_response(),
        (Mood::Hangs, _) => std::future::pending().await,
        (Mood::Well, Some(name @ ("reader" | "stranger"))) => {
            json!({"authenticated": true, "user": {"username": name, "groups": ["system:authenticated"]}})
        }
        (Mood::Well, Some(_)) => json!({"error": "no such token"}),
        (Mood::Well, None) => json!({"allowed": review["spec"]["user"] == "reader"}),
    };
    Json(json!({"apiVersion": review["apiVersion"], "kind": review["kind"], "status": status})).into_response()
}

async fn admit(guard: &Guard, authorization: &str) -> Result<(), Refusal> {
    let headers = [(header::AUTHORIZATION, authorization.parse().unwrap())].into_iter().collect();
    guard.admit(&headers).await
}

#[tokio::test(start_paused = true)]
async fn who_may_get_metrics_is_let_in_and_nobody_else() {
    let (api, guard) = Api::start();
    assert_eq!(guard.admit(&HeaderMap::new()).await, Err(Refusal::Unauthorized));
    for none in ["Basic cmVhZGVy", "Bearer", "Bearer  ", &format!("Bearer {}", "x".repeat(20_000))] {
        assert_eq!(admit(&guard, none).await, Err(Refusal::Unauthorized), "{none}");
    }
    assert_eq!(api.asked(), 0);
    assert_eq!(admit(&guard, "Bearer reader").await, Ok(()));
    assert_eq!(admit(&guard, "bearer stranger").await, Err(Refusal::Forbidden));
    assert_eq!(admit(&guard, "Bearer forged").await, Err(Refusal::Unauthorized));
    let asked = api.asked.lock().unwrap().clone();
    let wanted = json!({"path": "/metrics", "verb": "get"});
    assert_eq!(
        (asked[1]["kind"].as_str(), &asked[1]["spec"]["nonResourceAttributes"]),
        (Some("SubjectAccessReview"), &wanted)
    );
    assert_eq!(asked[1]["spec"]["groups"], json!(["system:authenticated"]));
}

#[tokio::test(start_paused = true)]
async fn what_was_said_holds_for_a_minute_also_while_the_api_server_is_away() {
    let (api, guard) = Api::start();
    assert_eq!(admit(&guard, "Bearer reader").await, Ok(()));
    api.is(Mood::Refuses);
    tokio::time::advance(Duration::from_secs(59)).await;
    assert_eq!((admit(&guard, "Bearer reader").await, api.asked()), (Ok(()), 2));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(admit(&guard, "Bearer reader").await, Err(Refusal::NotSaid));
    api.is(Mood::Well);
    assert_eq!(admit(&guard, "Bearer reader").await, Ok(()), "a failure is not kept");
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_does_not_say_lets_nobody_in_and_is_waited_for_within_a_bound() {
    let (api, guard) = Api::start();
    for mood in [Mood::Refuses, Mood::Babbles, Mood::Hangs] {
        api.is(mood);
        let begun = tokio::time::Instant::now();
        let all = futures::future::join_all((0..5).map(|_| admit(&guard, "Bearer reader"))).await;
        assert!(all.iter().all(|one| *one == Err(Refusal::NotSaid)), "{mood:?} {all:?}");
        assert!(begun.elapsed() <= DEADLINE, "{mood:?}");
    }
}
