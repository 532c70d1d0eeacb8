"use strict";

// Shows the state once a second. Every value reaches the page as text, never as HTML.

const EVERY = 1000;

const PRESETS = [
  ["The answer of the next start is lost", { on: "start", lose: "answer" }],
  ["The next start is refused: 429", { on: "start", status: 429, retry_after: 60 }],
  ["The next three polls: 503", { on: "operation", times: 3, status: 503, retry_after: 2 }],
  ["The next operation fails", { on: "start", fail_operation: "the source cannot be read" }],
  ["The next run ends with errors", { on: "start", run_status: "completedWithErrors" }],
  ["The next request takes 5 s", { on: "any", delay_ms: 5000 }],
];

const GOOD = ["succeeded", "completed"];
const BAD = ["failed", "completedWithErrors"];

const $ = (id) => document.getElementById(id);

function element(name, text, kind) {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

const clock = (time) => time.replace(/\.\d+/, "").replace("T", " ").replace("Z", " UTC");

function kindOf(value) {
  if (GOOD.includes(value)) return "good";
  if (BAD.includes(value) || Number(value) >= 400) return "bad";
  return "";
}

function table(id, names, rows) {
  const head = document.createElement("tr");
  head.append(...names.map((name) => element("th", name)));
  const lines = rows.map((cells) => {
    const line = document.createElement("tr");
    line.append(...cells.map((cell) => element("td", cell, kindOf(cell))));
    return line;
  });
  const caption = $(id).querySelector("caption");
  const body = rows.length ? [head, ...lines] : [element("tr", "none yet", "none")];
  $(id).replaceChildren(caption, ...body);
}

function show(state) {
  $("now").textContent = clock(state.now);
  const throttle = state.throttle;
  const slots = throttle.slots.map((slot, index) => {
    const box = element("li", "slot " + (index + 1), "used");
    box.append(element("span", "used " + clock(slot.accepted)), element("span", "free " + clock(slot.frees)));
    return box;
  });
  for (let index = slots.length; index < throttle.limit; index += 1) {
    slots.push(element("li", "slot " + (index + 1) + " is free"));
  }
  $("slots").replaceChildren(...slots);
  $("throttle").textContent = throttle.counted + " of " + throttle.limit + " starts in "
    + throttle.window_seconds / 3600 + " h are used.";
  const next = state.next_scheduled_run ? clock(state.next_scheduled_run) : "none";
  $("schedule").textContent = "Next scheduled run: " + next + ". Skipped: " + state.skipped.length + ".";
  table("faults", ["fault"], state.recent.faults.map((fault) => [JSON.stringify(fault)]));
  table("operations", ["created", "id", "status", "run", "polls"], state.recent.operations.map((it) =>
    [clock(it.created), it.id, it.status ?? "null", it.run, it.polls]));
  table("runs", ["started", "id", "status", "begun by"], state.recent.runs.map((it) =>
    [clock(it.started), it.id, it.status, it.scheduled ? "schedule" : "start"]));
  table("requests", ["time", "method", "status", "path", "client-request-id"], state.recent.requests.map((it) =>
    [clock(it.at), it.method, it.status ?? "no answer", it.path, it.client_request_id ?? ""]));
}

function problem(text) {
  $("problem").textContent = text;
  $("problem").hidden = !text;
}

async function call(method, name, body) {
  const json = { "content-type": "application/json" };
  const options = body === undefined ? { method } : { method, headers: json, body: JSON.stringify(body) };
  const response = await fetch("/_emulator/" + name, options);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error.message);
  return answer;
}

async function refresh() {
  try {
    show(await call("GET", "state"));
    if (document.body.dataset.state === "lost") problem("");
    document.body.dataset.state = "live";
  } catch (error) {
    document.body.dataset.state = "lost";
    problem("The emulator does not answer: " + error.message);
  }
}

async function act(method, name, body) {
  try {
    await call(method, name, body);
    problem("");
  } catch (error) {
    problem(error.message);
  }
  await refresh();
}

$("preset").append(...PRESETS.map(([name], index) => new Option(name, index)));
$("preset").addEventListener("change", () => {
  $("json").value = JSON.stringify(PRESETS[$("preset").value][1]);
});
$("preset").dispatchEvent(new Event("change"));

$("advance").addEventListener("submit", (event) => {
  event.preventDefault();
  act("POST", "advance", { by: event.submitter.value });
});
$("fault").addEventListener("submit", (event) => {
  event.preventDefault();
  let fault;
  try {
    fault = JSON.parse($("json").value);
  } catch (error) {
    problem("The fault is not JSON: " + error.message);
    return;
  }
  act("POST", "faults", fault);
});
$("clear").addEventListener("click", () => act("DELETE", "faults"));
$("revoke").addEventListener("click", () => act("POST", "revoke", {}));

refresh();
setInterval(() => document.hidden || refresh(), EVERY);
