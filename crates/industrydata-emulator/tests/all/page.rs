//! The status page and the state that it shows. What a browser makes of it is checked by `cargo xtask page`.

use std::time::Duration;

use serde_json::json;

use crate::fixture::{Fixture, control};

#[test]
fn the_page_loads_its_own_files_alone() {
    let mut fixture = Fixture::new();
    for (name, content_type) in [
        ("", "text/html; charset=utf-8"),
        ("page.css", "text/css; charset=utf-8"),
        ("page.js", "text/javascript; charset=utf-8"),
    ] {
        let file = fixture.control("GET", name, "");
        assert_eq!(file.status, 200, "{name}");
        assert_eq!(file.header("content-type"), Some(content_type));
        assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
        let policy = file.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"));
        assert!(!file.text.contains("//cdn") && !file.text.contains("https://"));
        let posted = fixture.control("POST", name, "{}");
        assert_eq!(posted.status, 405, "{name}");
        assert_eq!(posted.header("allow"), Some("GET"));
    }
    let other = fixture.control("GET", "page.txt", "");
    assert_eq!(other.status, 404);
}

#[test]
fn a_browser_finds_it_at_the_root_of_the_port() {
    let mut fixture = Fixture::new();
    let page = fixture.control("GET", "", "").text;
    for (host, origin, status) in [
        ("127.0.0.1:8085", None, 200),
        ("localhost", None, 200),
        ("evil.example", None, 403),
        ("localhost", Some("http://evil.example"), 403),
    ] {
        let mut request = http::Request::get("/").header("host", host);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let reply = fixture.send(request, "");
        assert_eq!(reply.status, status, "{host} {origin:?}");
        assert_eq!(reply.text == page, status == 200);
    }
}

#[test]
fn the_state_has_what_the_page_shows() {
    let mut fixture = Fixture::new();
    let id = fixture.started();
    fixture.script(r#"{"on":"runs","status":503}"#);
    fixture.sleep(3600);
    let state = fixture.control("GET", "state", "").json;
    assert_eq!(
        state["throttle"]["slots"],
        json!([{"accepted": "2026-01-15T08:00:00.0000000Z", "frees": "2026-01-15T20:00:00.0000000Z"}])
    );
    let recent = &state["recent"];
    assert_eq!(recent["operations"][0]["id"], json!(id));
    assert_eq!(recent["operations"][0]["status"], "succeeded");
    assert_eq!(recent["runs"][0]["scheduled"], false);
    assert_eq!(recent["faults"][0]["status"], 503);
    let request = &recent["requests"][0];
    assert_eq!(
        (&request["method"], &request["status"]),
        (&json!("POST"), &json!(202))
    );
    assert!(!state.to_string().contains(&fixture.token));

    fixture.sleep(11 * 3600);
    let state = fixture.control("GET", "state", "").json;
    assert_eq!(state["throttle"]["slots"], json!([]));
}

#[test]
fn the_state_names_the_newest_twenty() {
    let mut fixture = Fixture::new();
    for _ in 0..30 {
        fixture.get("operations");
        fixture.now += Duration::from_secs(1);
    }
    let served = fixture.send(control("GET", "state", ""), "");
    let requests = served.json["recent"]["requests"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(requests.len(), 20);
    assert_eq!(requests[0]["at"], "2026-01-15T08:00:29.0000000Z");
}
