//! Turns scripted faults into faults of the emulated service.

use http::{Request, header::AUTHORIZATION};
use industrydata_core::Timestamp;
use industrydata_emulator::{Fault, On};

use crate::{
    fate::{Body, Fate, Retry},
    front::{Front, number},
    world::utc,
};

impl Front {
    /// The fault of the emulated service for this request, if one is scripted.
    pub(crate) fn fault(
        &self,
        request: &Request<Vec<u8>>,
        fate: Option<&Fate>,
        is_start: bool,
        id: &str,
        now: u64,
    ) -> Option<Fault> {
        let token = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
        let any = Fault::on(On::Any);
        match fate {
            Some(Fate::Answer {
                status,
                acts,
                retry,
                body,
            }) => {
                let fault = any.status(*status).act(*acts && is_start);
                let fault = match retry {
                    Some(retry) => fault.retry_after(text(retry, utc(now as i64))),
                    None => fault,
                };
                return Some(with_body(fault, *body, token));
            }
            Some(Fate::Location(location)) if is_start => return Some(any.location(&[location])),
            Some(_) | None => {}
        }
        let ends = number(request).and_then(|it| self.tokens.get(it)).copied();
        if ends.is_some_and(|ends| ends <= now) {
            return Some(any.status(401));
        }
        if is_start {
            if let Some(wait) = self.wait(now) {
                let fault = any.status(429);
                let wait = wait.div_ceil(1000);
                return Some(if self.retry_after {
                    fault.retry_after(wait)
                } else {
                    fault
                });
            }
            if let Some(Fate::Operation {
                statuses, fails, ..
            }) = fate
            {
                let statuses: Vec<_> = statuses.iter().map(Option::as_deref).collect();
                let fault = any.operation_status(&statuses);
                return Some(if *fails {
                    fault.fail_operation("so the simulation says")
                } else {
                    fault
                });
            }
            return None;
        }
        let hidden = self
            .hidden
            .iter()
            .any(|(it, until)| it == id && now < *until);
        hidden.then(|| any.status(404))
    }
}

fn text(retry: &Retry, now: Timestamp) -> String {
    match retry {
        Retry::Seconds(seconds) => seconds.to_string(),
        Retry::Date(seconds) => {
            let then = now + std::time::Duration::from_secs(*seconds);
            then.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
        }
        Retry::Text(text) => text.clone(),
    }
}

fn with_body(fault: Fault, body: Body, token: &str) -> Fault {
    match body {
        Body::Own => fault,
        Body::Html => fault.body("<html><body>Sign in</body></html>"),
        Body::Token => fault.body(format!(
            r#"{{"error":{{"code":"{token}","message":"{token} was refused"}}}}"#
        )),
        Body::Succeeded => fault.body(r#"{"status":"succeeded","id":"x"}"#),
    }
}
