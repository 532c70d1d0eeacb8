//! azure_core's pipeline and poller, as its generated clients use them.

use azure_core::http::{
    ClientOptions, JsonFormat, Method, Pipeline, RawResponse, Request, Response, Url,
    headers::{AUTHORIZATION, HeaderName},
    poller::{Poller, PollerContinuation, PollerResult, PollerState, PollerStatus, StatusMonitor},
};
use futures_util::StreamExt;
use serde::Deserialize;

use crate::{Failure, PAUSE, START, Status};

#[derive(Deserialize)]
struct Monitor {
    status: String,
}

impl StatusMonitor for Monitor {
    type Output = Self;
    type Format = JsonFormat;

    fn status(&self) -> PollerStatus {
        match self.status.as_str() {
            "succeeded" => PollerStatus::Succeeded,
            "failed" => PollerStatus::Failed,
            _ => PollerStatus::InProgress,
        }
    }
}

pub(crate) async fn operations(count: u32, url: &str, token: &str) -> Result<(), Failure> {
    let pipeline = Pipeline::new(
        None,
        None,
        ClientOptions::default(),
        Vec::new(),
        Vec::new(),
        None,
    );
    let start: Url = format!("{url}/{START}").parse()?;
    let bearer = format!("Bearer {token}");
    for _ in 0..count {
        let (pipeline, start, bearer) = (pipeline.clone(), start.clone(), bearer.clone());
        let mut poller: Poller<Monitor> = Poller::new(
            move |state, options| {
                let (pipeline, bearer) = (pipeline.clone(), bearer.clone());
                let mut request = match &state {
                    PollerState::More(PollerContinuation::Links { next_link, .. }) => {
                        Request::new(next_link.clone(), Method::Get)
                    }
                    _ => Request::new(start.clone(), Method::Post),
                };
                Box::pin(async move {
                    request.insert_header(AUTHORIZATION, bearer);
                    let answer = pipeline.send(&options.context, &mut request, None).await?;
                    let (status, headers, body) = answer.deconstruct();
                    let location =
                        headers.get_optional_string(&HeaderName::from_static("location"));
                    if let Some(location) = location {
                        // The answer to the start has no body, and the poller reads one.
                        let body = r#"{"status":"running"}"#;
                        let response = RawResponse::from_bytes(status, headers, body).into();
                        return Ok(running(response, location.parse()?));
                    }
                    let next = request.url().clone();
                    let read: Status = azure_core::json::from_json(&body)?;
                    let response: Response<Monitor> =
                        RawResponse::from_bytes(status, headers, body).into();
                    if read.is_done() {
                        return Ok(PollerResult::Done { response });
                    }
                    Ok(running(response, next))
                })
            },
            None,
        );
        while let Some(response) = poller.next().await {
            response?;
        }
    }
    Ok(())
}

fn running(response: Response<Monitor>, next_link: Url) -> PollerResult<Monitor> {
    PollerResult::InProgress {
        response,
        retry_after: PAUSE.try_into().unwrap_or_default(),
        continuation: PollerContinuation::Links {
            next_link,
            final_link: None,
        },
    }
}
