//! Validations, resets, runs that end each way, and the starts of each caller.

use std::time::Duration;

use http::StatusCode;
use industrydata_emulator::{Config, Connector, Fault, Flow, Grant, Lose, On, Permission};
use serde_json::{Value, json};

use crate::fixture::{DATA, Fixture, Reply};

const VALIDATION: &str = "#microsoft.graph.industryData.fileValidateOperation";

impl Fixture {
    fn post(&mut self, path: &str) -> Reply {
        let request = self.request("POST", &format!("{DATA}/{path}"));
        self.send(request, "")
    }

    fn validate(&mut self, connector: &str) -> Reply {
        self.post(&format!("dataConnectors/{connector}/validate"))
    }
}

/// The id in the `Location`.
fn id(reply: &Reply) -> String {
    assert_eq!(reply.status, StatusCode::ACCEPTED, "{reply:?}");
    let location = reply.header("location").unwrap();
    location.rsplit_once('/').unwrap().1.to_owned()
}

#[test]
fn a_validation_ends_as_its_connector_says() {
    for (connector, status, errors, warnings, files) in [
        ("clean", "succeeded", 0, 0, 3),
        ("with-warnings", "succeeded", 0, 1, 3),
        ("with-errors", "succeeded", 2, 1, 0),
        ("failing", "failed", 0, 0, 0),
    ] {
        let mut fixture = Fixture::new();
        let answer = fixture.validate(connector);
        assert_eq!(answer.text, "");
        let path = format!("operations/{}", id(&answer));
        let running = fixture.sleep(4).get(&path).json;
        assert_eq!(
            (&running["status"], &running["@odata.type"]),
            (&json!("running"), &json!(VALIDATION))
        );
        for list in ["errors", "warnings", "validatedFiles"] {
            assert_eq!(running[list], json!([]), "{list} before the end");
        }
        let ended = fixture.sleep(4).get(&path).json;
        assert_eq!(ended["status"], status);
        let lengths = ["errors", "warnings", "validatedFiles"]
            .map(|list| ended[list].as_array().unwrap().len());
        assert_eq!(lengths, [errors, warnings, files], "{connector}");
        assert_eq!(ended["statusDetail"].is_string(), status == "failed");
        let resource = ended["resourceLocation"].as_str().unwrap();
        assert!(
            resource.ends_with(&format!("/dataConnectors/{connector}")),
            "{resource}"
        );
        // No run, and no slot.
        assert!(fixture.service.runs().is_empty() && fixture.service.accepted_starts().is_empty());
        assert_eq!(fixture.service.operation(&id(&answer)).unwrap().run(), "");
    }
}

#[test]
fn an_error_of_a_validation_names_its_file() {
    let mut fixture = Fixture::new();
    let path = format!("operations/{}", id(&fixture.validate("with-errors")));
    let error = &fixture.sleep(60).get(&path).json["errors"][0];
    assert_eq!(
        (&error["code"], &error["target"]),
        (&json!("RequiredFileNotFound"), &json!("orgs.csv"))
    );
    let listed = fixture.get("operations").json;
    assert_eq!(listed["value"][0]["errors"][0], *error);
}

#[test]
fn a_reset_has_a_location_only_if_its_flow_has_one() {
    let mut fixture = Fixture::new();
    let reset = |flow: &str| {
        format!("outboundProvisioningFlowSets/flow-set/provisioningFlows/{flow}/reset")
    };
    let answer = fixture.post(&reset("flow"));
    assert_eq!((answer.status, answer.header("location")), (202, None));
    assert!(fixture.service.operations().is_empty());
    let answer = fixture.post(&reset("flow-with-location"));
    let path = format!("operations/{}", id(&answer));
    let ended = fixture.sleep(8).get(&path).json;
    assert_eq!(ended["status"], "succeeded");
    assert_eq!(
        ended["@odata.type"],
        "#microsoft.graph.longRunningOperation"
    );
    assert_eq!(ended.get("errors"), None);
    assert_eq!(fixture.post(&reset("other")).status, 404);
    let other_set = "outboundProvisioningFlowSets/other/provisioningFlows/flow/reset";
    assert_eq!(fixture.post(other_set).status, 404);
}

#[test]
fn unknown_ids_and_other_methods_are_refused() {
    let mut fixture = Fixture::new();
    let answer = fixture.validate("unknown");
    assert_eq!(
        (answer.status, &answer.json["error"]["code"]),
        (404, &json!("itemNotFound"))
    );
    let answer = fixture.get("dataConnectors/clean/validate");
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
    assert!(fixture.service.operations().is_empty());
}

#[test]
fn each_action_has_its_permission() {
    for (permissions, validate, reset) in [
        (
            &[
                Permission::Start,
                Permission::ReadRuns,
                Permission::ReadOperations,
            ][..],
            403,
            403,
        ),
        (&[Permission::Validate], 202, 403),
        (&[Permission::Reset], 403, 202),
    ] {
        let mut fixture = Fixture::with(Config {
            tokens: vec![Grant::only("emulator-token", permissions)],
            connectors: vec![Connector::clean("c")],
            flows: vec![Flow::new("s", "f")],
            ..Config::default()
        });
        assert_eq!(fixture.validate("c").status, validate);
        let reset_path = "outboundProvisioningFlowSets/s/provisioningFlows/f/reset";
        assert_eq!(fixture.post(reset_path).status, reset);
    }
}

#[test]
fn a_fault_meets_a_validation() {
    let mut fixture = Fixture::new();
    fixture
        .service
        .script(Fault::on(On::Validate).lose(Lose::Answer));
    let request = fixture.request("POST", &format!("{DATA}/dataConnectors/clean/validate"));
    _ = fixture.served(request, "");
    assert_eq!(
        fixture.service.operations().len(),
        1,
        "the service has acted"
    );
    fixture.service.script(Fault::on(On::Validate).status(503));
    assert_eq!(fixture.validate("clean").status, 503);
    assert_eq!(fixture.service.operations().len(), 1);
    fixture.script(r#"[{"on":"validate","fail_operation":"broken"},{"on":"reset","status":429}]"#);
    let path = format!("operations/{}", id(&fixture.validate("clean")));
    let ended = fixture.sleep(60).get(&path).json;
    assert_eq!(
        (&ended["status"], &ended["statusDetail"]),
        (&json!("failed"), &json!("broken"))
    );
}

#[test]
fn a_run_ends_each_way() {
    for status in [
        "completed",
        "completedWithErrors",
        "completedWithWarnings",
        "failed",
    ] {
        let mut fixture = Fixture::new();
        fixture
            .service
            .script(Fault::on(On::Start).run_status(status));
        let operation = fixture.started();
        let run = fixture
            .service
            .operation(&operation)
            .unwrap()
            .run()
            .to_owned();
        let run_path = format!("runs/{run}");
        let before = fixture.sleep(60).get(&run_path).json;
        assert_eq!(
            (&before["status"], &before["blockingError"]),
            (&json!("running"), &Value::Null)
        );
        let ended = fixture.sleep(24 * 3600).get(&run_path).json;
        assert_eq!(ended["status"], status);
        let activities = fixture.get(&format!("{run_path}/activities")).json;
        let statuses = [0, 1].map(|n| activities["value"][n]["status"].clone());
        if status == "failed" {
            let inner = &ended["blockingError"]["innerError"];
            assert_eq!(inner["innerError"]["code"], "SourceUnreadable");
            assert_eq!(statuses, ["skipped", "failed"]);
            assert_eq!(
                activities["value"][1]["blockingError"]["target"],
                "users.csv"
            );
        } else {
            assert_eq!(ended["blockingError"], Value::Null);
            assert_eq!(statuses, [status, status]);
        }
        let statistics = fixture.get(&format!("{run_path}/getStatistics")).json;
        assert_eq!(statistics["status"], status);
    }
}

#[test]
fn accepted_starts_are_counted_by_caller() {
    let mut fixture = Fixture::with(Config {
        tokens: vec![
            Grant::all("emulator-token"),
            Grant::all("a-token-of-the-nightly-job").called("nightly"),
            Grant::all("another-token"),
        ],
        ..Config::default()
    });
    for (token, status) in [
        ("a-token-of-the-nightly-job", 202),
        ("emulator-token", 202),
        ("a-token-of-the-nightly-job", 202),
        ("another-token", 202),
        ("unknown", 401),
        ("emulator-token", 202),
        // The window is full: what is refused is not counted.
        ("emulator-token", 429),
    ] {
        token.clone_into(&mut fixture.token);
        assert_eq!(fixture.start().status, status, "{token}");
    }
    let counts: Vec<_> = fixture
        .service
        .starts_by_caller()
        .clone()
        .into_iter()
        .collect();
    let expected = [("nightly", 2), ("token 1", 2), ("token 2", 1)];
    assert_eq!(
        counts,
        expected.map(|(caller, starts)| (caller.to_owned(), starts))
    );
    let state = fixture.control("GET", "state", "").json;
    assert_eq!(
        state["starts_by_caller"],
        json!({"nightly": 2, "token 1": 2, "token 2": 1})
    );
    assert!(
        !state.to_string().contains("nightly-job"),
        "no token is shown"
    );
}

#[test]
fn validations_take_the_configured_time() {
    let mut fixture = Fixture::with(Config {
        action_takes: Duration::from_secs(100),
        speed: 10.0,
        ..Config::default()
    });
    let operation = id(&fixture.validate("clean"));
    assert_eq!(fixture.sleep(9).status_of(&operation), "running");
    assert_eq!(fixture.sleep(1).status_of(&operation), "succeeded");
}
