//! Everything that a well-behaved service may do.

use crate::{
    answers::{accepted, answer, raw, status},
    scenario::{Address, Do, Scenario},
};

/// Operations that go as documented, and harmless deviations.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("an operation polled through every status", "I5 I6")
            .turn(accepted())
            .turn(status("notStarted"))
            .turn(status("running"))
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .statuses("notStarted running succeeded")
            .wire("PGGG")
            .ledger(1, 0),
        Scenario::new("a failed operation reports its status detail", "I6")
            .turn(accepted())
            .turn(status("running"))
            .turn(answer(
                200,
                &["Content-Type: application/json"],
                r#"{"status":"failed","statusDetail":"the file\u001b[2J is empty"}"#,
            ))
            .step(Do::Run, "poll Failed")
            .says(r"the file\u{1b}[2J is empty")
            .wire("PGG")
            .ledger(1, 0),
        Scenario::new("polling continues after an unknown status", "T27")
            .turn(accepted())
            .turn(status("paused"))
            .turn(status("unknownFutureValue"))
            .turn(status("SUCCEEDED"))
            .step(Do::Run, "succeeded")
            .statuses("paused unknownFutureValue succeeded")
            .wire("PGGG")
            .ledger(1, 0),
        Scenario::new("the status goes back from running to notStarted", "T28")
            .turn(accepted())
            .turn(status("running"))
            .turn(status("notStarted"))
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .wire("PGGG")
            .ledger(1, 0),
        Scenario::new("an operation id that differs from the URL's", "T43")
            .turn(accepted())
            .turn(answer(
                200,
                &["Content-Type: application/json"],
                r#"{"id":"another","status":"running"}"#,
            ))
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .target("/beta/external/industryData/operations/171bf0b4-14e9-408f-71dd-08dcd2a15d23")
            .wire("PGG")
            .ledger(1, 0),
        Scenario::new("a resourceLocation of another origin is reported, not requested", "T44")
            .turn(accepted())
            .turn(answer(
                200,
                &["Content-Type: application/json"],
                r#"{"status":"succeeded","resourceLocation":"{foreign}/external/industryData/runs/1","@odata.nextLink":"{foreign}/next"}"#,
            ))
            .step(Do::Run, "succeeded")
            .says("/external/industryData/runs/1")
            .wire("PG")
            .ledger(1, 0),
        Scenario::new("a base at localhost", "L0")
            .address(Address::Localhost)
            .turn(crate::answers::located(
                "http://LOCALHOST:{port}/beta/external/industryData/operations/a-1",
            ))
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .target("/beta/external/industryData/operations/a-1")
            .wire("PG")
            .ledger(1, 0),
        Scenario::new("an HTTP/1.0 response that ends with its connection", "B1")
            .turn(accepted())
            .turn(
                raw("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{\"status\":\"succeeded\"}")
                    .then(crate::Act::Close),
            )
            .step(Do::Run, "succeeded")
            .wire("PG")
            .ledger(1, 0),
        Scenario::new("two interim responses before the 202", "S1")
            .turn(raw(
                "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <{foreign}/a.css>\r\n\r\n\
                 HTTP/1.1 202 Accepted\r\nLocation: {base}/external/industryData/operations/a-1\r\nContent-Length: 0\r\n\r\n",
            ))
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .wire("PG")
            .ledger(1, 0),
        Scenario::new("a chunked response with a trailer", "B1")
            .turn(accepted())
            .turn(raw(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n\
                 8\r\n{\"status\r\ne;x=y\r\n\":\"succeeded\"}\r\n0\r\nX: y\r\n\r\n",
            ))
            .step(Do::Run, "succeeded")
            .wire("PG")
            .ledger(1, 0),
    ]
}
