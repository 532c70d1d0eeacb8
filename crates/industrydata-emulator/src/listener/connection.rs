//! One connection: reads requests, passes them to the service, and delivers its responses with their faults.

use std::{
    future::{Future, pending},
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use http::{
    HeaderValue, Request, Response,
    header::{CONTENT_LENGTH, TRANSFER_ENCODING},
};
use http_body_util::BodyExt;
use hyper::{
    body::{Body, Bytes, Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use industrydata_clock::ManualClock;
use tokio::{
    net::TcpStream,
    time::{Sleep, sleep},
};

use crate::{
    fault::{Delivery, Ending},
    service::{MAX_BODY, Service},
};

/// How long to wait before a connection with a cut body is closed, so that the bytes already written are sent.
const FLUSH: Duration = Duration::from_millis(20);

/// The service and the clock, which all connections share.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) service: Arc<Mutex<Service>>,
    pub(crate) clock: ManualClock,
}

impl Shared {
    /// Serves a connection until the client or a fault ends it.
    pub(crate) async fn connection(self, stream: TcpStream) {
        // Without it, a response in two small writes waits for the client's delayed acknowledgement. A failure to set it
        // only makes responses slower.
        let _ = stream.set_nodelay(true);
        let service = service_fn(|request| self.exchange(request));
        // The error means that the client or a fault closed the connection: there is no peer left to report it to.
        let _ = http1::Builder::new()
            .auto_date_header(false)
            .max_buf_size(64 * 1024)
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }

    async fn exchange(&self, request: Request<Incoming>) -> io::Result<Response<PacedBody>> {
        let (head, body) = request.into_parts();
        let request = Request::from_parts(head, read_body(body).await?);
        let served = {
            let mut service = self.service.lock().unwrap_or_else(PoisonError::into_inner);
            let served = service.serve(&request, self.clock.now());
            self.clock.advance(served.advance);
            served
        };
        if !served.delivery.delay.is_zero() {
            sleep(served.delivery.delay).await;
        }
        match served.delivery.ending {
            Ending::Close => Err(io::Error::other("a scripted fault loses the response")),
            Ending::Stall => pending::<io::Result<Response<PacedBody>>>().await,
            Ending::Whole | Ending::CloseAfter(_) | Ending::StallAfter(_) => {
                Ok(paced(served.response, &served.delivery))
            }
        }
    }
}

/// Reads a request's body, up to one byte more than the service accepts.
async fn read_body(mut body: Incoming) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(io::Error::other)?.into_data() {
            bytes.extend_from_slice(&data);
        }
        if bytes.len() > MAX_BODY {
            bytes.truncate(MAX_BODY + 1);
            break;
        }
    }
    Ok(bytes)
}

fn paced(response: Response<Vec<u8>>, delivery: &Delivery) -> Response<PacedBody> {
    let (mut head, body) = response.into_parts();
    head.headers.remove(TRANSFER_ENCODING);
    head.headers.remove(CONTENT_LENGTH);
    if !(head.status.is_informational() || head.status == 204 || head.status == 304) {
        head.headers
            .insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    let length = body.len();
    let (sent, then) = match delivery.ending {
        Ending::CloseAfter(bytes) if bytes < length => (bytes, Then::Close),
        Ending::StallAfter(bytes) if bytes < length => (bytes, Then::Stall),
        Ending::Whole
        | Ending::Close
        | Ending::Stall
        | Ending::CloseAfter(_)
        | Ending::StallAfter(_) => (length, Then::End),
    };
    let mut rest = Bytes::from(body);
    rest.truncate(sent);
    Response::from_parts(
        head,
        PacedBody {
            rest,
            then,
            drip: delivery.drip,
            sleep: None,
        },
    )
}

/// A response body that may be sent slowly, cut short or stalled.
struct PacedBody {
    rest: Bytes,
    then: Then,
    drip: Option<Duration>,
    sleep: Option<Pin<Box<Sleep>>>,
}

enum Then {
    End,
    Close,
    Stall,
}

impl PacedBody {
    /// Completes after this long. The next call after that starts a new wait.
    fn wait(&mut self, duration: Duration, context: &mut Context<'_>) -> Poll<()> {
        let sleeping = self.sleep.get_or_insert_with(|| Box::pin(sleep(duration)));
        ready!(sleeping.as_mut().poll(context));
        self.sleep = None;
        Poll::Ready(())
    }
}

impl Body for PacedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if !self.rest.is_empty() {
            let Some(drip) = self.drip else {
                return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.rest)))));
            };
            ready!(self.wait(drip, context));
            return Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(1)))));
        }
        match self.then {
            Then::End => Poll::Ready(None),
            Then::Close => {
                ready!(self.wait(FLUSH, context));
                Poll::Ready(Some(Err(io::Error::other(
                    "a scripted fault cuts the body",
                ))))
            }
            Then::Stall => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && matches!(self.then, Then::End)
    }
}
