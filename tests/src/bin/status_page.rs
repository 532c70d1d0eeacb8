//! `status_page`: the program behind `cargo xtask page`. It opens the emulator's status page in a headless Chromium and
//! uses it as a person does. With `--screenshot FILE`, it keeps a picture.
//!
//! Chromium speaks its protocol over two pipes: a message is a JSON object and a zero byte.

#![allow(
    clippy::indexing_slicing,
    reason = "a JSON value has null for a member that it lacks"
)]

use std::{
    env,
    error::Error,
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, ExitCode, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use industrydata_emulator::{Config, Emulator};
use serde_json::{Value, json};

type Failure = Box<dyn Error>;

/// For one answer of the browser, and for one change of the page.
const PATIENCE: Duration = Duration::from_secs(30);
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// What would run if the page took a value for HTML.
const HOSTILE: &str = "<img src=x onerror=\"document.title='hostile'\">";

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let screenshot = match (arguments.next().as_deref(), arguments.next()) {
        (Some("--screenshot"), Some(file)) => Some(file),
        (None, None) => None,
        (_, _) => {
            eprintln!("usage: status_page [--screenshot FILE]");
            return ExitCode::from(2);
        }
    };
    match check(screenshot.as_deref().map(Path::new)) {
        Ok(checks) => {
            println!("status page: {checks} checks held");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn check(screenshot: Option<&Path>) -> Result<usize, Failure> {
    let emulator = Emulator::start(Config::default())?;
    let mut browser = Browser::open(emulator.authority_url())?;
    let mut checks = 0;
    let mut see = |browser: &mut Browser, what: &str, expression: &str| {
        checks += 1;
        browser.wait_until(what, expression)
    };

    let free = "document.querySelectorAll('#slots li:not(.used)').length";
    let live = "document.body?.dataset.state === 'live'";
    see(&mut browser, "the page is live", live)?;
    see(
        &mut browser,
        "five slots are free",
        &format!("{free} === 5"),
    )?;

    let start = "/beta/external/industryData/runs/start";
    let of_token = format!("Authorization: Bearer {}\r\n", emulator.token());
    send(&emulator, "POST", start, &of_token)?;
    see(
        &mut browser,
        "a start uses a slot",
        &format!("{free} === 4"),
    )?;
    let operation =
        emulator.with_service(|service| service.operations().last().map(|it| it.id().to_owned()));
    let operation = operation.ok_or("the start made no operation")?;
    let listed =
        format!("document.querySelector('#operations').textContent.includes('{operation}')");
    see(&mut browser, "the operation is listed", &listed)?;
    see(
        &mut browser,
        "so is its run",
        "document.querySelectorAll('#runs td').length >= 4",
    )?;

    browser.evaluate("document.querySelector('#fault button').click()")?;
    let pending = "document.querySelector('#faults').textContent.includes('\"lose\":\"answer\"')";
    see(&mut browser, "a button scripts a fault", pending)?;
    if let Some(file) = screenshot {
        fs::write(file, browser.screenshot()?)?;
    }
    browser.evaluate("document.querySelector('#clear').click()")?;
    see(
        &mut browser,
        "another removes it",
        "document.querySelector('#faults').textContent.includes('none yet')",
    )?;
    let hostile = format!("client-request-id: {HOSTILE}\r\n{of_token}");
    send(
        &emulator,
        "GET",
        "/beta/external/industryData/operations/%3Cimg%20src=x%3E",
        &hostile,
    )?;
    let shown = "document.querySelector('#requests').textContent.includes('onerror=')";
    see(&mut browser, "a hostile value is shown as text", shown)?;
    let harmless = "document.querySelectorAll('img').length === 0 && document.title !== 'hostile'";
    see(&mut browser, "and as nothing else", harmless)?;
    let inline = "(() => { const s = document.createElement('script'); s.textContent = 'document.title = \"inline\"'; \
        document.body.append(s); return document.title !== 'inline' })()";
    see(&mut browser, "no script of another source runs", inline)?;

    for (text, words) in [
        ("{", "The fault is not JSON"),
        ("{\"on\":\"start\",\"x\":1}", "unknown field"),
    ] {
        browser.evaluate(&format!(
            "document.querySelector('#json').value = {}; document.querySelector('#fault button').click()",
            json!(text)
        ))?;
        let said = format!(
            "!document.querySelector('#problem').hidden && document.querySelector('#problem').textContent.includes('{words}')"
        );
        see(
            &mut browser,
            "a fault that is none is refused in words",
            &said,
        )?;
    }

    browser.evaluate("document.querySelector('#advance button[value=\"12h\"]').click()")?;
    see(
        &mut browser,
        "twelve hours later all slots are free",
        &format!("{free} === 5"),
    )?;
    see(
        &mut browser,
        "and no problem is left",
        "document.querySelector('#problem').hidden",
    )?;

    let hidden = "document.querySelector('#problem').hidden";
    browser.evaluate(
        "window.kept = fetch; window.fetch = () => Promise.reject(new Error('gone')); true",
    )?;
    let lost = format!("document.body.dataset.state === 'lost' && !{hidden}");
    see(&mut browser, "the page says that nothing answers", &lost)?;
    browser.evaluate("window.fetch = window.kept; true")?;
    let found = format!("{live} && {hidden}");
    see(
        &mut browser,
        "and no longer once the emulator answers",
        &found,
    )?;

    browser.evaluate("document.querySelector('#revoke').click()")?;
    browser.wait_until("the token is revoked", "true")?;
    let refused = Instant::now();
    while !send(&emulator, "POST", start, &of_token)?.starts_with("HTTP/1.1 401") {
        if refused.elapsed() > PATIENCE {
            return Err("a revoked token is accepted".into());
        }
        thread::sleep(Duration::from_millis(50));
    }

    browser.call(
        "Emulation.setDeviceMetricsOverride",
        json!({"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": false}),
    )?;
    let fits = "document.documentElement.scrollWidth <= innerWidth";
    see(&mut browser, "the page fits a narrow window", fits)?;

    let port = emulator
        .authority_url()
        .rsplit(':')
        .next()
        .unwrap_or_default()
        .to_owned();
    browser.call(
        "Page.navigate",
        json!({"url": format!("http://emulator.example:{port}/")}),
    )?;
    let refusal = "document.body?.textContent.includes('the Host is not a loopback name') === true";
    see(
        &mut browser,
        "another name of the port gets no page",
        refusal,
    )?;
    if let Some(error) = browser.errors.first() {
        return Err(format!("the page has an error: {error}").into());
    }
    Ok(checks)
}

/// Sends one request, and returns the response.
fn send(emulator: &Emulator, method: &str, path: &str, headers: &str) -> Result<String, Failure> {
    let authority = emulator.authority_url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(authority)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\nContent-Length: 0\r\n{headers}\r\n"
    )?;
    Ok(std::io::read_to_string(stream)?)
}

/// A headless browser with one page. Dropping it ends it.
struct Browser {
    process: Child,
    messages: Receiver<Value>,
    session: Option<String>,
    last: u64,
    /// What the page threw or logged as an error.
    errors: Vec<String>,
    // Removed after the browser has ended.
    _profile: tempfile::TempDir,
}

impl Browser {
    fn open(url: &str) -> Result<Self, Failure> {
        let profile = tempfile::tempdir()?;
        let is_there = |name: &&&str| {
            let mut version = Command::new(name);
            version
                .arg("--version")
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            version.status().is_ok_and(|status| status.success())
        };
        let name = NAMES
            .iter()
            .find(is_there)
            .ok_or("no Chromium is installed: install the package chromium")?;
        let mut process = Command::new("sh")
            .args(["-c", "exec \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null", "sh", name])
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"])
            .args(["--remote-debugging-pipe", "--window-size=1200,1100", "--no-proxy-server"])
            .arg("--host-resolver-rules=MAP emulator.example 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let output = process.stdout.take().ok_or("the browser has no output")?;
        let (sender, messages) = channel();
        thread::spawn(move || {
            for message in BufReader::new(output).split(0).map_while(Result::ok) {
                let Ok(message) = serde_json::from_slice(&message) else {
                    return;
                };
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self {
            process,
            messages,
            session: None,
            last: 0,
            errors: Vec::new(),
            _profile: profile,
        };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}))?;
        let session = json!({"targetId": target["targetId"], "flatten": true});
        let session = browser.call("Target.attachToTarget", session)?;
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        browser.call("Runtime.enable", json!({}))?;
        browser.call("Page.enable", json!({}))?;
        browser.call("Page.navigate", json!({"url": url}))?;
        Ok(browser)
    }

    /// Calls a method of the browser's protocol.
    fn call(&mut self, method: &str, parameters: Value) -> Result<Value, Failure> {
        self.last += 1;
        let mut message = json!({"id": self.last, "method": method, "params": parameters});
        if let (Some(session), Some(members)) = (&self.session, message.as_object_mut()) {
            members.insert("sessionId".to_owned(), json!(session));
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        let input = self
            .process
            .stdin
            .as_mut()
            .ok_or("the browser has no input")?;
        input.write_all(&bytes)?;
        input.flush()?;
        let began = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(began.elapsed());
            let mut answer = match self.messages.recv_timeout(left) {
                Ok(answer) => answer,
                Err(RecvTimeoutError::Timeout) => {
                    return Err(format!("{method}: the browser does not answer").into());
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(format!("{method}: the browser has ended").into());
                }
            };
            if answer["method"] == "Runtime.exceptionThrown" {
                self.errors
                    .push(answer["params"]["exceptionDetails"].to_string());
            }
            if answer["id"] == self.last {
                if let Some(error) = answer.get("error") {
                    return Err(format!("{method}: {error}").into());
                }
                return Ok(answer["result"].take());
            }
        }
    }

    /// The value of an expression in the page.
    fn evaluate(&mut self, expression: &str) -> Result<Value, Failure> {
        let parameters = json!({"expression": expression, "returnByValue": true});
        let result = self.call("Runtime.evaluate", parameters)?;
        if let Some(thrown) = result.get("exceptionDetails") {
            return Err(format!("{expression}: {thrown}").into());
        }
        Ok(result["result"]["value"].clone())
    }

    fn wait_until(&mut self, what: &str, expression: &str) -> Result<(), Failure> {
        let began = Instant::now();
        while self.evaluate(expression)? != true {
            if began.elapsed() > PATIENCE {
                let page = self.evaluate("document.body.innerText")?;
                return Err(format!(
                    "not seen: {what}. The page:\n{}",
                    page.as_str().unwrap_or_default()
                )
                .into());
            }
            thread::sleep(Duration::from_millis(50));
        }
        println!("{what}");
        Ok(())
    }

    /// A picture of the page, in PNG.
    fn screenshot(&mut self) -> Result<Vec<u8>, Failure> {
        let picture = self.call("Page.captureScreenshot", json!({"format": "png"}))?;
        Ok(STANDARD.decode(picture["data"].as_str().unwrap_or_default())?)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends its own processes when the pipe closes; what does not end in time is killed.
        drop(self.process.stdin.take());
        let began = Instant::now();
        while matches!(self.process.try_wait(), Ok(None)) {
            if began.elapsed() > Duration::from_secs(5) {
                let _ = self.process.kill();
                let _ = self.process.wait();
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}
