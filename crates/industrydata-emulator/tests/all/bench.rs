//! A service, a time, and short words for the requests of the tests.

use std::time::Duration;

use http::{HeaderMap, Request, StatusCode, request::Builder};
use industrydata_emulator::{Config, Fault, Served, Service};
use jiff::Timestamp;
use serde_json::Value;

pub(crate) const DATA: &str = "/beta/external/industryData";

pub(crate) struct Bench {
    pub(crate) service: Service,
    pub(crate) now: Timestamp,
    pub(crate) token: String,
}

/// An answer, with its body as JSON if it is any.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) json: Value,
}

impl Bench {
    /// A service of the default configuration at 2026-01-15 08:00; scheduled runs are due at 06:00 and 18:00.
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        let now = "2026-01-15T08:00:00Z".parse().unwrap();
        let service = Service::new(config, now);
        Self {
            service,
            now,
            token: "emulator-token".to_owned(),
        }
    }

    pub(crate) fn scripted(json: &str) -> Self {
        let mut bench = Self::new();
        bench.script(json);
        bench
    }

    pub(crate) fn script(&mut self, json: &str) {
        for fault in Fault::parse(json.as_bytes()).unwrap() {
            self.service.script(fault);
        }
    }

    pub(crate) fn sleep(&mut self, seconds: u64) -> &mut Self {
        self.now += Duration::from_secs(seconds);
        self
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> Builder {
        let builder = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", self.token));
        if method == "POST" {
            builder.header("content-length", "0")
        } else {
            builder
        }
    }

    pub(crate) fn served(&mut self, builder: Builder, body: &str) -> Served {
        self.service
            .serve(&builder.body(body.as_bytes().to_vec()).unwrap(), self.now)
    }

    pub(crate) fn send(&mut self, builder: Builder, body: &str) -> Answer {
        Answer::of(&self.served(builder, body))
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        let request = self.request("GET", &format!("{DATA}/{path}"));
        self.send(request, "")
    }

    pub(crate) fn start(&mut self) -> Answer {
        let request = self.request("POST", &format!("{DATA}/runs/start"));
        self.send(request, "")
    }

    /// Starts, and gives the id out of the Location.
    pub(crate) fn started(&mut self) -> String {
        let answer = self.start();
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
        answer
            .header("location")
            .unwrap()
            .rsplit_once('/')
            .unwrap()
            .1
            .to_owned()
    }

    pub(crate) fn status_of(&mut self, id: &str) -> Value {
        self.get(&format!("operations/{id}")).json["status"].clone()
    }

    pub(crate) fn control(&mut self, method: &str, name: &str, body: &str) -> Answer {
        self.send(
            Request::builder()
                .method(method)
                .uri(format!("/_emulator/{name}")),
            body,
        )
    }
}

impl Answer {
    pub(crate) fn of(served: &Served) -> Self {
        let response = &served.response;
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: String::from_utf8_lossy(response.body()).into_owned(),
            json: serde_json::from_slice(response.body()).unwrap_or_default(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}
