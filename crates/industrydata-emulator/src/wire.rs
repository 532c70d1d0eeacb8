//! One connection: requests off the socket into the service, and its answers back as their delivery says.

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
use tokio::{
    net::TcpStream,
    time::{Sleep, sleep},
};

use crate::{
    clock::Clock,
    fault::{Delivery, Ending},
    service::{MAX_BODY, Service},
};

/// How long a cut body waits before the connection is closed, so that what was sent is on its way by then.
const FLUSH: Duration = Duration::from_millis(20);

/// What every connection shares.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) service: Arc<Mutex<Service>>,
    pub(crate) clock: Clock,
}

impl Shared {
    /// Serves a connection until the client or a fault ends it.
    pub(crate) async fn connection(self, stream: TcpStream) {
        // An answer in two small writes would else wait for the client's delayed acknowledgement. If it cannot be set,
        // answers are slow and still right.
        let _ = stream.set_nodelay(true);
        let service = service_fn(|request| self.exchange(request));
        // An error is a connection ended early, by the client or by a fault: nobody is left to be told.
        let _ = http1::Builder::new()
            .auto_date_header(false)
            .max_buf_size(64 * 1024)
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }

    async fn exchange(&self, request: Request<Incoming>) -> io::Result<Response<Paced>> {
        let (head, body) = request.into_parts();
        let request = Request::from_parts(head, collect(body).await?);
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
            Ending::Close => Err(io::Error::other("the answer is lost by a scripted fault")),
            Ending::Stall => pending::<io::Result<Response<Paced>>>().await,
            Ending::Whole | Ending::CloseAfter(_) | Ending::StallAfter(_) => {
                Ok(paced(served.response, &served.delivery))
            }
        }
    }
}

/// The body's bytes; no more than one over the cap, which the service then refuses.
async fn collect(mut body: Incoming) -> io::Result<Vec<u8>> {
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

fn paced(response: Response<Vec<u8>>, delivery: &Delivery) -> Response<Paced> {
    let (mut head, body) = response.into_parts();
    head.headers.remove(TRANSFER_ENCODING);
    head.headers.remove(CONTENT_LENGTH);
    if !(head.status.is_informational() || head.status == 204 || head.status == 304) {
        head.headers
            .insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    let whole = body.len();
    let (sent, then) = match delivery.ending {
        Ending::CloseAfter(bytes) if bytes < whole => (bytes, Then::Close),
        Ending::StallAfter(bytes) if bytes < whole => (bytes, Then::Stall),
        Ending::Whole
        | Ending::Close
        | Ending::Stall
        | Ending::CloseAfter(_)
        | Ending::StallAfter(_) => (whole, Then::End),
    };
    let mut rest = Bytes::from(body);
    rest.truncate(sent);
    Response::from_parts(
        head,
        Paced {
            rest,
            then,
            drip: delivery.drip,
            sleep: None,
        },
    )
}

/// A body that is sent at a pace, and perhaps not to its end.
struct Paced {
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

impl Paced {
    /// Waits once for as long; the next call waits anew.
    fn wait(&mut self, how_long: Duration, context: &mut Context<'_>) -> Poll<()> {
        let sleeping = self.sleep.get_or_insert_with(|| Box::pin(sleep(how_long)));
        ready!(sleeping.as_mut().poll(context));
        self.sleep = None;
        Poll::Ready(())
    }
}

impl Body for Paced {
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
                    "the body is cut by a scripted fault",
                ))))
            }
            Then::Stall => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && matches!(self.then, Then::End)
    }
}
