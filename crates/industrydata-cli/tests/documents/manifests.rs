//! The files under `deploy/` are what their platforms read, as far as that can be checked without the platforms.

use std::process::Command;

use serde_json::Value;
use yaml_rust2::{Yaml, YamlLoader};

use crate::{commands, documents, files, root, text};

/// What another try cannot change, and what it can.
const FINAL: [i64; 8] = [1, 2, 3, 4, 5, 8, 9, 10];
const AGAIN: [i64; 2] = [6, 7];

fn yaml(path: &str) -> Vec<Yaml> {
    YamlLoader::load_from_str(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn json(path: &str) -> Value {
    serde_json::from_str(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn strings(list: &Yaml) -> Vec<String> {
    let list = list.as_vec().unwrap().iter();
    list.map(|it| it.as_str().unwrap().to_owned()).collect()
}

/// A daily time in a schedule of five fields, or of six with seconds first.
fn is_daily(schedule: &str, fields: usize) {
    let parts: Vec<_> = schedule.split(' ').collect();
    assert_eq!(parts.len(), fields, "{schedule}");
    let (dates, times) = (&parts[fields - 3..], &parts[..fields - 3]);
    assert_eq!(dates, ["*", "*", "*"], "{schedule}");
    for (at, time) in times.iter().rev().enumerate() {
        let most = if at == 0 { 23 } else { 59 };
        let number: u32 = time.parse().unwrap();
        assert!(number <= most, "{schedule}");
    }
}

#[test]
fn the_cron_job_retries_what_can_change() {
    let documents = yaml("deploy/kubernetes/cronjob.yaml");
    let [account, cron] = &documents[..] else {
        panic!("an account and a job")
    };
    assert_eq!(account["kind"].as_str(), Some("ServiceAccount"));
    let client = &account["metadata"]["annotations"]["azure.workload.identity/client-id"];
    assert_eq!(client.as_str().map(str::len), Some(36));
    assert_eq!(cron["apiVersion"].as_str(), Some("batch/v1"));
    assert_eq!(cron["kind"].as_str(), Some("CronJob"));
    assert_eq!(
        account["metadata"]["namespace"],
        cron["metadata"]["namespace"]
    );
    let spec = &cron["spec"];
    is_daily(spec["schedule"].as_str().unwrap(), 5);
    assert_eq!(spec["concurrencyPolicy"].as_str(), Some("Forbid"));

    let job = &spec["jobTemplate"]["spec"];
    let pod = &job["template"]["spec"];
    assert_eq!(pod["restartPolicy"].as_str(), Some("Never"));
    assert_eq!(pod["serviceAccountName"], account["metadata"]["name"]);
    let labels = &job["template"]["metadata"]["labels"];
    assert_eq!(labels["azure.workload.identity/use"].as_str(), Some("true"));
    let container = &pod["containers"][0];
    let rules = job["podFailurePolicy"]["rules"].as_vec().unwrap();
    let fail = rules
        .iter()
        .find(|it| it["action"].as_str() == Some("FailJob"));
    let codes = &fail.unwrap()["onExitCodes"];
    assert_eq!(codes["containerName"], container["name"]);
    assert_eq!(codes["operator"].as_str(), Some("In"));
    let values = codes["values"].as_vec().unwrap().iter();
    assert_eq!(values.filter_map(Yaml::as_i64).collect::<Vec<_>>(), FINAL);

    // The key is a variable of the container, and the job's name.
    let arguments = strings(&container["args"]);
    commands::check("the CronJob", &arguments);
    assert!(arguments.contains(&"--key=$(JOB_NAME)".to_owned()));
    let variables = container["env"].as_vec().unwrap();
    let name = variables
        .iter()
        .find(|it| it["name"].as_str() == Some("JOB_NAME"));
    let field = &name.unwrap()["valueFrom"]["fieldRef"]["fieldPath"];
    assert_eq!(
        field.as_str(),
        Some("metadata.labels['batch.kubernetes.io/job-name']")
    );
    let ledger = variables
        .iter()
        .find(|it| it["name"].as_str() == Some("INDUSTRYDATA_LEDGER"));
    let ledger = ledger.unwrap()["value"].as_str().unwrap();
    assert!(ledger.starts_with("postgres://"), "{ledger}");
}

#[test]
fn the_container_apps_job_has_one_key_an_execution() {
    let documents = yaml("deploy/container-apps/job.yaml");
    let job = &documents[0];
    let configuration = &job["properties"]["configuration"];
    assert_eq!(configuration["triggerType"].as_str(), Some("Schedule"));
    let trigger = &configuration["scheduleTriggerConfig"];
    is_daily(trigger["cronExpression"].as_str().unwrap(), 5);
    assert_eq!(trigger["parallelism"].as_i64(), Some(1));
    let identities = job["identity"]["userAssignedIdentities"].as_hash().unwrap();
    let (identity, _) = identities.front().unwrap();
    assert_eq!(&configuration["registries"][0]["identity"], identity);
    assert_eq!(&configuration["secrets"][0]["identity"], identity);
    let container = &job["properties"]["template"]["containers"][0];
    assert_eq!(strings(&container["command"]), ["/bin/sh", "-c"]);
    let script = container["args"][0].as_str().unwrap();
    let calls = commands::calls(script);
    assert_eq!(calls.len(), 1, "{script}");
    commands::check("the Container Apps job", &calls[0]);
    let key = "$CONTAINER_APP_JOB_EXECUTION_NAME".to_owned();
    assert!(calls[0].contains(&key), "{script}");
    for variable in container["env"].as_vec().unwrap() {
        let secret = &variable["secretRef"];
        assert!(secret.is_badvalue() || *secret == configuration["secrets"][0]["name"]);
    }
}

#[test]
fn the_workflow_may_ask_for_an_assertion() {
    let documents = yaml("deploy/github/industrydata.yaml");
    let workflow = &documents[0];
    let schedule = &workflow["on"]["schedule"][0]["cron"];
    is_daily(schedule.as_str().unwrap(), 5);
    assert_eq!(workflow["permissions"]["id-token"].as_str(), Some("write"));
    let steps = workflow["jobs"]["nightly"]["steps"].as_vec().unwrap();
    let runs: Vec<_> = steps.iter().filter_map(|it| it["run"].as_str()).collect();
    let calls: Vec<_> = runs.iter().flat_map(|run| commands::calls(run)).collect();
    for call in &calls {
        commands::check("the workflow", call);
    }
    let key = "actions-$GITHUB_RUN_ID".to_owned();
    assert!(calls.iter().any(|call| call.contains(&key)), "{calls:?}");
}

#[test]
fn the_function_is_a_route_of_the_example() {
    let host = json("deploy/functions/host.json");
    let handler = &host["customHandler"]["description"]["defaultExecutablePath"];
    assert_eq!(handler, "handler");
    let function = json("deploy/functions/nightly/function.json");
    let binding = &function["bindings"][0];
    assert_eq!(binding["type"], "timerTrigger");
    is_daily(binding["schedule"].as_str().unwrap(), 6);
    let example = text("crates/industrydata/examples/axum_service.rs");
    assert!(example.contains("\"/nightly\"") && example.contains("FUNCTIONS_CUSTOMHANDLER_PORT"));
}

/// The values of a key in a unit file, in each section.
fn values<'t>(unit: &'t str, section: &str, key: &str) -> Vec<&'t str> {
    let mut here = "";
    let mut found = Vec::new();
    for line in unit.lines().filter(|it| !it.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[') {
            here = name.strip_suffix(']').unwrap();
        } else if let Some((name, value)) = line.split_once('=') {
            if here == section && name == key {
                found.push(value);
            }
        } else {
            assert!(line.is_empty(), "{line:?}");
        }
    }
    found
}

#[test]
fn the_unit_restarts_what_can_change() {
    let service = text("deploy/systemd/industrydata.service");
    assert_eq!(values(&service, "Service", "Type"), ["oneshot"]);
    assert_eq!(values(&service, "Service", "Restart"), ["on-failure"]);
    let prevent = values(&service, "Service", "RestartPreventExitStatus");
    let codes: Vec<i64> = prevent[0]
        .split(' ')
        .map(|it| it.parse().unwrap())
        .collect();
    assert_eq!(codes, FINAL);
    let start = values(&service, "Service", "ExecStart");
    assert!(start[0].starts_with("/bin/sh -c 'exec /usr/local/bin/industrydata start "));
    let timer = text("deploy/systemd/industrydata.timer");
    assert_eq!(
        values(&timer, "Timer", "OnCalendar"),
        ["*-*-* 01:00:00 UTC"]
    );
    assert_eq!(values(&timer, "Install", "WantedBy"), ["timers.target"]);
    // systemd reads them itself, where there is one.
    let mut verify = Command::new("systemd-analyze");
    verify.arg("verify").current_dir(root());
    verify.args([
        "deploy/systemd/industrydata.service",
        "deploy/systemd/industrydata.timer",
    ]);
    match verify.output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            let about = said.lines().filter(|it| it.contains("industrydata."));
            let about: Vec<_> = about.collect();
            assert!(about.is_empty(), "{about:?}");
        }
        Err(_) => println!("not run: systemd-analyze is not installed"),
    }
}

#[test]
fn the_task_calls_the_script() {
    let task = text("deploy/windows/task.xml");
    let task = roxmltree::Document::parse(&task).unwrap();
    let value = |name: &str| {
        let node = task.descendants().find(|it| {
            it.has_tag_name((
                "http://schemas.microsoft.com/windows/2004/02/mit/task",
                name,
            ))
        });
        node.and_then(|it| it.text())
            .unwrap_or_else(|| panic!("no {name}"))
            .to_owned()
    };
    assert_eq!(value("MultipleInstancesPolicy"), "IgnoreNew");
    assert_eq!(value("StartWhenAvailable"), "false");
    let arguments = value("Arguments");
    let script = arguments.rsplit('\\').next().unwrap();
    let script = text(&format!("deploy/windows/{script}"));
    let codes = AGAIN.map(|it| it.to_string()).join(", ");
    assert!(script.contains(&format!("$again = {codes}\n")));
    assert!(script.trim_end().ends_with("exit $code"));
    for (open, close) in [('{', '}'), ('(', ')')] {
        assert_eq!(script.matches(open).count(), script.matches(close).count());
    }
    assert!(
        script.is_ascii(),
        "Windows PowerShell reads it in the local code page"
    );
}

#[test]
fn the_dag_fails_for_good_where_no_retry_helps() {
    let dag = text("deploy/airflow/industrydata_dag.py");
    let codes = AGAIN.map(|it| it.to_string()).join(", ");
    assert!(dag.contains(&format!("AGAIN = {{{codes}}}\n")));
    assert!(dag.contains("raise AirflowFailException("));
    let mut python = Command::new("python3");
    python.args(["-c", "import ast, sys; ast.parse(sys.argv[1])", &dag]);
    match python.output() {
        Ok(output) => assert!(output.status.success(), "{output:?}"),
        Err(_) => println!("not run: python3 is not installed"),
    }
}

/// Checks that each activity depends on activities beside it, and returns all of them, inner ones too.
fn activities(list: &Value) -> Vec<&Value> {
    let list = list.as_array().unwrap();
    let names: Vec<_> = list.iter().map(|it| &it["name"]).collect();
    let mut found = Vec::new();
    for activity in list {
        for before in activity["dependsOn"].as_array().into_iter().flatten() {
            assert!(names.contains(&&before["activity"]), "{before}");
        }
        found.push(activity);
        for inner in ["activities", "ifFalseActivities"] {
            if activity["typeProperties"][inner].is_array() {
                found.extend(activities(&activity["typeProperties"][inner]));
            }
        }
    }
    found
}

#[test]
fn the_pipeline_starts_the_job_once() {
    let pipeline = json("deploy/data-factory/pipeline.json");
    let activities = activities(&pipeline["properties"]["activities"]);
    let is_post = |it: &&&Value| it["typeProperties"]["method"] == "POST";
    let posts: Vec<_> = activities.iter().filter(is_post).collect();
    assert_eq!(posts.len(), 1);
    assert_eq!(posts[0]["policy"]["retry"], 0);
    assert!(activities.iter().any(|it| it["type"] == "Fail"));
    let job = &pipeline["properties"]["parameters"]["job"]["defaultValue"];
    let name = job.as_str().unwrap().rsplit('/').next().unwrap();
    assert!(text("deploy/container-apps/job.yaml").contains(&format!("--name {name} ")));
}

#[test]
fn the_image_runs_what_it_builds() {
    let file = text("deploy/Containerfile");
    let value = |begin: &str| {
        let line = file.lines().find_map(|it| it.strip_prefix(begin));
        line.unwrap_or_else(|| panic!("no {begin}"))
    };
    let target = value("COPY --from=build /source/target/release/industrydata ");
    assert_eq!(value("ENTRYPOINT "), format!("[\"{target}\"]"));
    assert!(value("RUN cargo build ").contains("--package industrydata-cli"));
    let user = value("USER ");
    let cron = text("deploy/kubernetes/cronjob.yaml");
    assert!(cron.contains(&format!("runAsUser: {user}\n")));
}

#[test]
fn every_file_is_in_the_guide() {
    let guide: String = documents().iter().map(|it| text(it)).collect();
    for file in files("deploy") {
        assert!(guide.contains(&file), "no document names {file}");
    }
}

/// The codes that the manifests name are those of the README.
#[test]
fn the_codes_are_those_of_the_readme() {
    let readme = text("README.md");
    for code in FINAL.iter().chain(&AGAIN) {
        assert!(
            readme.contains(&format!("| {code} | ")),
            "no exit code {code}"
        );
    }
}
