//! A service in virtual time, with short methods for the requests of the tests.

use std::time::Duration;

use http::{HeaderMap, Request, StatusCode, request::Builder};
use industrydata_emulator::{Config, Fault, Served, Service};
use jiff::Timestamp;
use serde_json::Value;

pub(crate) const DATA: &str = "/beta/external/industryData";

pub(crate) struct Fixture {
    pub(crate) service: Service,
    pub(crate) now: Timestamp,
    pub(crate) token: String,
}

/// A response. Its body is also given as JSON, or null if it is not JSON.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) json: Value,
}

impl Fixture {
    /// A service with the default configuration at 2026-01-15 08:00. Scheduled runs are due at 06:00 and 18:00.
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
        let mut fixture = Self::new();
        fixture.script(json);
        fixture
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

    pub(crate) fn send(&mut self, builder: Builder, body: &str) -> Reply {
        Reply::of(&self.served(builder, body))
    }

    pub(crate) fn get(&mut self, path: &str) -> Reply {
        let request = self.request("GET", &format!("{DATA}/{path}"));
        self.send(request, "")
    }

    pub(crate) fn start(&mut self) -> Reply {
        let request = self.request("POST", &format!("{DATA}/runs/start"));
        self.send(request, "")
    }

    /// Starts a run and returns the operation id from the Location.
    pub(crate) fn started(&mut self) -> String {
        let reply = self.start();
        assert_eq!(reply.status, StatusCode::ACCEPTED, "{reply:?}");
        reply
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

    pub(crate) fn control(&mut self, method: &str, name: &str, body: &str) -> Reply {
        self.send(control(method, name, body), body)
    }
}

/// A control request of a program of this machine.
pub(crate) fn control(method: &str, name: &str, body: &str) -> Builder {
    let builder = Request::builder()
        .method(method)
        .uri(format!("/_emulator/{name}"))
        .header("host", "localhost");
    if body.is_empty() {
        builder
    } else {
        builder.header("content-type", "application/json")
    }
}

impl Reply {
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
