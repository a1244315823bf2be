//! The published call over HTTP: a model of a service that embeds the engine. The guide *Embedding in axum* explains it.
//!
//! `cargo run --example axum_service -- --db opportunities.db --listen 127.0.0.1:8080`

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use clap::Parser;
use opportunity_engine::{Decoder, Engine, IdempotencyKey, Writes, schema};
use tokio::time::sleep;

/// How long clients may take to end what they have begun once the service is told to stop.
const GRACE: Duration = Duration::from_secs(10);

#[derive(Parser)]
struct Arguments {
    /// The database; it is created if there is none.
    #[arg(long)]
    db: PathBuf,
    /// Where to listen; port 0 is any that is free.
    #[arg(long)]
    listen: SocketAddr,
    /// How many requests may wait for the writer before others are turned away.
    #[arg(long, default_value_t = 16_384)]
    queue: usize,
}

#[tokio::main]
async fn main() {
    let Err(error) = serve(Arguments::parse()).await else { return };
    let causes = std::iter::successors(Some(&*error as &dyn Error), |it| (*it).source());
    eprintln!("{}", causes.map(ToString::to_string).collect::<Vec<_>>().join(": "));
    std::process::exit(1);
}

async fn serve(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let engine = Engine::options().queue(arguments.queue, 64 << 20).open(arguments.db)?;
    // Before anybody knows that it is there: who knows may tell it to stop.
    let (stop, too_late) = (told_to_stop()?, told_to_stop()?);
    let listener = tokio::net::TcpListener::bind(arguments.listen).await?;
    println!("listening on {}", listener.local_addr()?);
    let serving = axum::serve(listener, service(engine.clone())).with_graceful_shutdown(stop);
    tokio::select! {
        served = serving.into_future() => served?,
        () = async { too_late.await; sleep(GRACE).await } => eprintln!("stopped; some clients had not ended"),
    }
    // Carries out what is still queued. That blocks, but nothing else is to be done here any more.
    Ok(engine.close()?)
}

fn service(engine: Engine) -> Router {
    let document = Bytes::from(schema::open_api().to_string());
    Router::new()
        .route("/api/1.0/venue", post(call))
        .route("/health", get(health))
        .route("/openapi.json", get(|| async { json(200, document) }))
        .fallback(|| async { Refused(404, "there is nothing at this path") })
        .method_not_allowed_fallback(|| async { Refused(405, "this path has no such method") })
        .layer(DefaultBodyLimit::max(Decoder::DEFAULT_MAX_BYTES))
        .with_state(engine)
}

async fn call(
    State(engine): State<Engine>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refused> {
    let actions = query.iter().filter(|(name, _)| name == "action").map(|(_, action)| action);
    if !actions.eq(["addOrUpdateOpportunity"]) {
        return Err(Refused(404, "the query must name one 'action', and one that there is"));
    }
    let key = idempotency_key(&headers)?;
    let body = body.map_err(|it| Refused(it.status().as_u16(), "the body is broken or too big"))?;
    // An empty body is of no type, and the engine has an answer to it.
    if !body.is_empty() && !says_json(&headers) {
        return Err(Refused(415, "'Content-Type' must say JSON in UTF-8: application/json"));
    }
    let request = engine.decode(&body).map(|request| request.idempotency_key(key));
    // Does not wait for room in a full queue. The ticket may be dropped, which takes nothing back.
    let reply = engine.try_reply_to(request).await;
    let retry = (reply.status() == 503).then_some([(header::RETRY_AFTER, "1")]);
    Ok((retry, json(reply.status(), reply.to_json())).into_response())
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Refused> {
    let mut values = headers.get_all("Idempotency-Key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    let key = str::from_utf8(value.as_bytes()).ok().and_then(|it| IdempotencyKey::new(it).ok());
    let key = key.filter(|_| values.next().is_none());
    key.map(Some).ok_or(Refused(400, "'Idempotency-Key' must be one text of 1 to 255 bytes"))
}

fn says_json(headers: &HeaderMap) -> bool {
    let given = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()?.parse().ok());
    given.is_some_and(|it: mime::Mime| {
        it.suffix().unwrap_or(it.subtype()) == mime::JSON
            && it.get_param(mime::CHARSET).is_none_or(|charset| charset == mime::UTF_8)
    })
}

async fn health(State(engine): State<Engine>) -> Response {
    let health = engine.health();
    let status = if health.writes == Writes::Accepted { 200 } else { 503 };
    json(status, serde_json::json!(health).to_string())
}

/// What the service refuses itself: a status and a message, in the form of the engine's refusals.
struct Refused(u16, &'static str);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let refusal = serde_json::json!({
            "success": false, "id": null, "errorCode": self.0, "specificCode": null,
            "message": self.1, "additionalMessages": [],
        });
        json(self.0, refusal.to_string())
    }
}

fn json(status: u16, body: impl IntoResponse) -> Response {
    let status = StatusCode::from_u16(status).expect("it is a status of HTTP");
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Ends when the process is told to stop, by SIGTERM or ctrl-c. It listens from the moment it is called.
#[cfg(unix)]
fn told_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    })
}

#[cfg(not(unix))]
fn told_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}
