//! A web service that starts runs, over axum. Without arguments it calls an emulated service in this process. With
//! `--real` it calls Microsoft Graph, with the token of `az account get-access-token` and the tenant `AZURE_TENANT_ID`.
//!
//! | request | answer |
//! | --- | --- |
//! | `POST /starts` | 202 with a resume token and its page in `Location`; 429 with `Retry-After` if there is no slot |
//! | `GET /starts/{resume token}` | the state of its operation, polled in the background |
//! | `GET /quota` | what is left of the five starts |
//! | `POST /nightly` | as `POST /starts`, for a timer of Azure Functions: this program is its custom handler |
//!
//! `cargo run -p industrydata --example axum_service -F async,sqlite,emulator` runs it. It listens on loopback. In front of it, put what authenticates your users.

use std::{
    collections::BTreeMap,
    error::Error,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use industrydata::{
    Timestamp,
    asynchronous::{Client, CommandToken, FixedToken, TenantClient},
    emulator::{Config, Emulator},
    lro::StartErrorKind,
    prelude::*,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let real = std::env::args().any(|argument| argument == "--real");
    let emulator = Emulator::start(Config {
        speed: 20.0,
        ..Config::default()
    })?;
    let (client, tenant) = if real {
        let az = "az account get-access-token --resource https://graph.microsoft.com --output json";
        let ledger = Ledger::sqlite("industrydata-ledger.sqlite")?;
        let client = Client::builder(CommandToken::shell(az), ledger).build()?;
        (client, std::env::var("AZURE_TENANT_ID")?)
    } else {
        (emulated(&emulator)?, "contoso".to_owned())
    };
    let service = Service::new(client.tenant(tenant.as_str())?);
    // Azure Functions names the port of its custom handler.
    let port = std::env::var("FUNCTIONS_CUSTOMHANDLER_PORT").unwrap_or("3000".to_owned());
    let listener = TcpListener::bind(("127.0.0.1", port.parse()?)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let interrupted = async { _ = signal::ctrl_c().await };
    axum::serve(listener, router(service))
        .with_graceful_shutdown(interrupted)
        .await?;
    // Ends the polls in the background. Their runs continue, and each page can be asked for again after a restart.
    client.stop_handle().stop();
    Ok(())
}

fn emulated(emulator: &Emulator) -> Result<Client, Box<dyn Error>> {
    let tokens = FixedToken::new(emulator.token())?;
    let builder = Client::builder(tokens, Ledger::memory());
    Ok(builder.base(emulator.base_url()).build()?)
}

/// What the handlers share. The ledger outlives the process, and so do the resume tokens that callers keep. The states
/// do not: they are read again.
#[derive(Clone)]
struct Service {
    tenant: TenantClient,
    states: Arc<Mutex<BTreeMap<String, String>>>,
}

fn router(service: Service) -> Router {
    Router::new()
        .route("/starts", post(start))
        .route("/starts/{token}", get(state))
        .route("/quota", get(quota))
        .route("/nightly", post(nightly))
        .with_state(service)
}

impl Service {
    fn new(tenant: TenantClient) -> Self {
        Self {
            tenant,
            states: Arc::default(),
        }
    }

    /// Starts a run and polls it in the background.
    ///
    /// The start is a task. If the caller of a handler hangs up, the handler is dropped, and a start that is dropped after
    /// its request was sent is in doubt.
    async fn start(&self) -> Result<ResumeToken, Failure> {
        let tenant = self.tenant.clone();
        let started = tokio::spawn(async move { tenant.start().await });
        let poller = started.await.map_err(Failure::lost)??;
        let token = poller.resume_token();
        self.follow(&token)?;
        Ok(token)
    }

    /// The state of a start. The first question begins a poll in the background, at the library's pace.
    fn follow(&self, token: &ResumeToken) -> Result<String, Failure> {
        let key = token.to_string();
        let states = Arc::clone(&self.states);
        let mut known = lock(&states);
        if let Some(state) = known.get(&key) {
            return Ok(state.clone());
        }
        let mut poller = self.tenant.resume(token).map_err(Failure::unknown)?;
        known.insert(key.clone(), "running".to_owned());
        drop(known);
        tokio::spawn(async move {
            let state = match poller.until_done().await {
                Ok(operation) => operation.status().to_string(),
                // The message says what happened, and never has the token.
                Err(error) => error.to_string(),
            };
            lock(&states).insert(key, state);
        });
        Ok("running".to_owned())
    }
}

fn lock(
    states: &Mutex<BTreeMap<String, String>>,
) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
    states.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn start(State(service): State<Service>) -> Result<Response, Failure> {
    let token = service.start().await?;
    let page = format!("/starts/{token}");
    let body = json!({ "resume_token": token.to_string() });
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, page)], Json(body)).into_response())
}

async fn state(
    State(service): State<Service>,
    Path(token): Path<String>,
) -> Result<Json<Value>, Failure> {
    let token = token.parse::<ResumeToken>().map_err(Failure::unknown)?;
    Ok(Json(json!({ "state": service.follow(&token)? })))
}

async fn quota(State(service): State<Service>) -> Result<Json<Value>, Failure> {
    let quota = service.tenant.quota().await.map_err(Failure::ledger)?;
    let next = quota.next_slot_at().map(|at| at.to_string());
    Ok(Json(json!({
        "used": quota.used(),
        "available": quota.available(),
        "in_doubt": quota.in_doubt(),
        "next_slot_at": next,
    })))
}

/// The host of Azure Functions takes the lines of `Logs` into its log. Any status but 2xx is a failed invocation.
async fn nightly(State(service): State<Service>) -> Result<Json<Value>, Failure> {
    let token = service.start().await?;
    let log = format!("started; to resume: industrydata wait {token}");
    Ok(Json(
        json!({ "Outputs": {}, "Logs": [log], "ReturnValue": null }),
    ))
}

/// An answer that is not a success.
struct Failure {
    status: StatusCode,
    retry_after: Option<i64>,
    message: String,
    may_have_started: &'static str,
}

impl Failure {
    fn new(status: StatusCode, message: impl ToString) -> Self {
        Self {
            status,
            retry_after: None,
            message: message.to_string(),
            may_have_started: "no",
        }
    }

    fn unknown(error: impl Error) -> Self {
        Self::new(StatusCode::NOT_FOUND, error)
    }

    fn ledger(error: impl Error) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error)
    }

    fn lost(error: impl Error) -> Self {
        Self {
            may_have_started: "unknown",
            ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, error)
        }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let until = error.retry_at();
        let is_here = matches!(
            error.kind(),
            StartErrorKind::Ledger(_) | StartErrorKind::Stopped
        );
        let status = if error.is_throttled() {
            StatusCode::TOO_MANY_REQUESTS
        } else if is_here {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::BAD_GATEWAY
        };
        let seconds = |until: Timestamp| until.duration_since(Timestamp::now()).as_secs().max(1);
        Self {
            retry_after: until.map(seconds),
            may_have_started: error.may_have_started().as_str(),
            ..Self::new(status, format!("{error}: {}", error.advice()))
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut headers = HeaderMap::new();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        let body = json!({ "error": self.message, "may_have_started": self.may_have_started });
        (self.status, headers, Json(body)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use industrydata::emulator::{Fault, Lose, On};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    use super::*;

    /// The service over the emulator, and its address.
    async fn serve(emulator: &Emulator) -> Result<String, Box<dyn Error>> {
        let tenant = emulated(emulator)?.tenant("contoso")?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        tokio::spawn(async { axum::serve(listener, router(Service::new(tenant))).await });
        Ok(address)
    }

    async fn ask(address: &str, line: &str) -> Result<String, Box<dyn Error>> {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!(
            "{line} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    fn quick() -> Result<Emulator, std::io::Error> {
        Emulator::start(Config {
            speed: 10_000.0,
            ..Config::default()
        })
    }

    #[tokio::test]
    async fn a_start_is_accepted_and_its_page_shows_the_end() -> Result<(), Box<dyn Error>> {
        let emulator = quick()?;
        let address = serve(&emulator).await?;
        let accepted = ask(&address, "POST /starts").await?;
        assert!(accepted.starts_with("HTTP/1.1 202"), "{accepted}");
        let page = accepted
            .split("location: ")
            .nth(1)
            .and_then(|rest| rest.lines().next());
        let page = page.ok_or("no location")?.to_owned();
        for _ in 0..100 {
            let state = ask(&address, &format!("GET {page}")).await?;
            if state.contains(r#"{"state":"succeeded"}"#) {
                // Another service, or this one after a restart, knows the page too.
                let other = serve(&emulator).await?;
                let state = ask(&other, &format!("GET {page}")).await?;
                assert!(state.contains("running"), "{state}");
                return Ok(());
            }
            assert!(state.contains("running"), "{state}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err("the operation did not end".into())
    }

    #[tokio::test]
    async fn a_sixth_start_is_refused_with_the_time_to_wait() -> Result<(), Box<dyn Error>> {
        let emulator = quick()?;
        let address = serve(&emulator).await?;
        for _ in 0..5 {
            let answer = ask(&address, "POST /nightly").await?;
            assert!(answer.contains(r#""Outputs":{}"#), "{answer}");
        }
        let answer = ask(&address, "POST /starts").await?;
        assert!(answer.starts_with("HTTP/1.1 429"), "{answer}");
        assert!(answer.contains("retry-after: 43"), "{answer}");
        let quota = ask(&address, "GET /quota").await?;
        assert!(quota.contains(r#""available":0"#), "{quota}");
        Ok(())
    }

    #[tokio::test]
    async fn a_start_in_doubt_is_reported_as_such() -> Result<(), Box<dyn Error>> {
        let emulator = quick()?;
        let address = serve(&emulator).await?;
        emulator.script(Fault::on(On::Start).lose(Lose::Answer));
        let answer = ask(&address, "POST /starts").await?;
        assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
        assert!(
            answer.contains(r#""may_have_started":"unknown""#),
            "{answer}"
        );
        let answer = ask(&address, "GET /starts/no-token").await?;
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
        Ok(())
    }

    /// A caller that hangs up while the service answers slowly leaves nothing in doubt.
    #[tokio::test]
    async fn a_caller_that_hangs_up_leaves_nothing_in_doubt() -> Result<(), Box<dyn Error>> {
        let emulator = quick()?;
        let address = serve(&emulator).await?;
        emulator.script(Fault::on(On::Start).delay(Duration::from_millis(500)));
        let mut stream = TcpStream::connect(&address).await?;
        let request = "POST /starts HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(request.as_bytes()).await?;
        tokio::time::sleep(Duration::from_millis(200)).await;
        drop(stream);
        tokio::time::sleep(Duration::from_millis(800)).await;
        let quota = ask(&address, "GET /quota").await?;
        assert!(quota.contains(r#""in_doubt":0,"#), "{quota}");
        assert!(quota.contains(r#""used":1"#), "{quota}");
        Ok(())
    }
}
