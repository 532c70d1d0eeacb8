//! Random heads and framings, played byte for byte to both flavours: each must come to the same end.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test panics on failure"
)]

use std::{ops::Range, sync::Arc};

use conformance::{Act, Do, Flavour, Scenario, Stage, Turn, status};
use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    test_runner::{Config, TestRunner},
};

const LOCATION: &str = "Location: {base}/external/industryData/operations/a-1";
/// How many answers are played, each to a start and to a poll of both flavours.
const CASES: u32 = 150;

/// Heads of so many bytes are read or refused by how they arrive: hyper asks whether a head is too long once it has read what there
/// is. Shorter ones are read, longer ones are refused. In between, the flavours may differ in that, and send no start again.
const HEADS: Range<usize> = 300 * 1024..1_000_000;

/// What one flavour made of an answer.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    end: String,
    statuses: Vec<String>,
    ledger: (u32, u32, bool),
    posts: usize,
}

#[test]
fn both_flavours_read_an_odd_answer_alike() {
    let mut runner = TestRunner::new(Config {
        cases: CASES,
        failure_persistence: None,
        max_shrink_iters: 60,
        ..Config::default()
    });
    let result = runner.run(&answers(), |answer| {
        for does in [Do::Start, Do::OperationPoll] {
            let [blocking, asynchronous] = Flavour::ALL.map(|flavour| play(&answer, does, flavour));
            if HEADS.contains(&answer.len()) {
                prop_assert_eq!(blocking.posts, asynchronous.posts, "{:?}", does);
            } else {
                prop_assert_eq!(blocking, asynchronous, "{:?}", does);
            }
        }
        Ok(())
    });
    result.unwrap();
}

/// Answers that were read differently once.
#[test]
fn both_flavours_read_known_answers_alike() {
    let many = "X: y\r\n".repeat(129);
    for (answer, start) in [
        (
            "HTTP/1.1 202 A\r\nL\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
            "accepted",
        ),
        (
            "HTTP/1.1 202 A\r\nL\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
            "start AnswerLost",
        ),
        ("HTTP/1.1 202 A\r\nL\r\nX: a\r\n b\r\n\r\n", "accepted"),
        ("HTTP/1.1 202 A\nL\n\n", "accepted"),
        ("HTTP/1.0 202 A\r\nL\r\n\r\n", "accepted"),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hint\r\nLink: a\r\n\r\nHTTP/1.1 202 A\r\nL\r\n\r\n",
            "accepted",
        ),
        (
            &format!("HTTP/1.1 202 A\r\nL\r\n{many}\r\n"),
            "start AnswerLost",
        ),
    ] {
        let answer = answer.replacen("L\r\n", &format!("{LOCATION}\r\n"), 1);
        let answer = answer.replacen("L\n", &format!("{LOCATION}\n"), 1);
        for flavour in Flavour::ALL {
            let outcome = play(answer.as_bytes(), Do::Start, flavour);
            assert_eq!(outcome.end, start, "{flavour:?}: {answer:.200}");
        }
    }
}

/// Plays an answer after which the server closes the connection. Later requests are answered properly.
fn play(answer: &[u8], does: Do, flavour: Flavour) -> Outcome {
    let scenario = Scenario::new("an odd answer", "T74")
        .turn(Turn::new([Act::Send(answer.to_vec()), Act::Close]))
        .turn(status("succeeded").forever())
        .step(does, "")
        .request_limit(3000);
    let stage = Arc::new(Stage::new(&scenario).unwrap());
    let played = flavour.play(&scenario, &stage);
    let quota = played.quota.unwrap();
    Outcome {
        end: played.ends.join(" "),
        statuses: played.statuses,
        ledger: (quota.confirmed, quota.in_doubt, quota.throttled),
        posts: stage.server.seen().order.matches('P').count(),
    }
}

/// A status line, fields and a body, most of them well formed.
fn answers() -> impl Strategy<Value = Vec<u8>> {
    let ends = select(vec!["\r\n", "\r\n", "\r\n", "\r\n", "\n"]);
    let hints = select(vec![
        "",
        "",
        "",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\n",
    ]);
    (
        hints,
        status_line(),
        vec(field(), 0..5),
        framing(),
        ends,
        cut(),
    )
        .prop_map(|(hint, line, fields, (frames, body), end, cut)| {
            let mut bytes = format!("{hint}{line}{end}").into_bytes();
            bytes.extend_from_slice(format!("{LOCATION}{end}").as_bytes());
            for field in fields.into_iter().chain(frames) {
                bytes.extend_from_slice(&field);
                bytes.extend_from_slice(end.as_bytes());
            }
            bytes.extend_from_slice(end.as_bytes());
            bytes.extend_from_slice(&body);
            bytes.truncate(bytes.len() - cut.min(bytes.len()));
            bytes
        })
}

/// How many bytes are missing at the end.
fn cut() -> impl Strategy<Value = usize> {
    prop_oneof![6 => Just(0), 2 => 1..6_usize, 1 => 0..300_usize]
}

fn status_line() -> impl Strategy<Value = String> {
    let version = select(vec![
        "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2", "HTTP/1.2", "http/1.1", "ICY",
    ]);
    let code = prop_oneof![
        4 => Just("202".to_owned()),
        4 => Just("200".to_owned()),
        // 101 ends HTTP, and both clients give up there.
        3 => (200..600_u16).prop_map(|code| code.to_string()),
        1 => select(vec!["101", "099", "20", "2020", "abc", "", "600", "999"]).prop_map(str::to_owned),
    ];
    let reason = select(vec![" Accepted", "", " ", "  two", " \u{e9}", " a\tb"]);
    (version, code, reason).prop_map(|(version, code, reason)| format!("{version} {code}{reason}"))
}

fn field() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => select(vec![
            "Content-Type: application/json", "Connection: close", "Connection: keep-alive",
            "Connection: upgrade", "Upgrade: h2c", "Retry-After: 0", "Content-Encoding: gzip",
            "WWW-Authenticate: Bearer", "Date: x", "Content-Range: bytes 0-1/2", "Trailer: X",
        ]).prop_map(|field| field.as_bytes().to_vec()),
        2 => select(vec![
            "X: a\r\n b", "X: a\r\n\tb", "X:\r\n a", "X: a\n b", "X : a", "X\t: a", " X: a",
            "X:a", "X:", "X:  a  ", ": a", "no colon", "X\u{e9}: a", "X: \u{e9}", "X(: a", "X: a\0b",
            "X: a\rb", "X: \x7f", "X;: a", "\"X\": a", "X: a\r\n : b", "",
        ]).prop_map(|field| field.as_bytes().to_vec()),
        1 => Just(b"X: \xff\xfe".to_vec()),
        1 => (1..140_usize).prop_map(|count| ["X: y"].repeat(count).join("\r\n").into_bytes()),
        1 => prop_oneof![9 => 1..450_usize, 1 => Just(HEADS.end / 1000)]
            .prop_map(|size| format!("X: {}", "y".repeat(size * 1000)).into_bytes()),
    ]
}

/// The fields that frame a body, and the body.
fn framing() -> impl Strategy<Value = (Vec<Vec<u8>>, Vec<u8>)> {
    let body = select(vec![
        r#"{"status":"succeeded"}"#,
        r#"{"status":"running"}"#,
        r#"{"status":"failed"}"#,
        "{}",
        "",
        "<html>",
    ]);
    let length = (
        body.clone(),
        select(vec![
            "Content-Length: N",
            "Content-Length: N",
            "Content-Length: N",
            "Content-Length: +N",
            "Content-Length: -N",
            "Content-Length: 0N",
            "Content-Length: N, N",
            "Content-Length: N\r\nContent-Length: N",
            "Content-Length: N\r\nContent-Length: 1",
            "Content-Length: N1",
            "Content-Length: 1",
            "Content-Length: 0",
            "Content-Length: 99999999999999999999",
            "Content-Length: N N",
            "Content-Length:",
            "Content-Length: 0xN",
            "Content-Length: N\r\nTransfer-Encoding: identity",
            "content-length:N",
        ]),
    )
        .prop_map(|(body, field)| {
            let field = field.replace('N', &body.len().to_string());
            (vec![field.into_bytes()], body.as_bytes().to_vec())
        });
    let chunked = (
        body.clone(),
        select(vec![
            "Transfer-Encoding: chunked",
            "Transfer-Encoding: chunked",
            "Transfer-Encoding: Chunked",
            "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: chunked, gzip",
            "Transfer-Encoding: chunked, chunked",
            "Transfer-Encoding: chunked\r\nContent-Length: 5",
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: \"chunked\"",
            "Transfer-Encoding: chunked;q=1",
            "Transfer-Encoding: xchunked",
            "Transfer-Encoding:",
        ]),
        select(vec![
            "N\r\nB\r\n0\r\n\r\n",
            "N\r\nB\r\n0\r\n\r\n",
            "N;a=b\r\nB\r\n0;c\r\n\r\n",
            "N\r\nB\r\n0\r\nX: y\r\n\r\n",
            "N \r\nB\r\n0\r\n\r\n",
            " N\r\nB\r\n0\r\n\r\n",
            "0N\r\nB\r\n000\r\n\r\n",
            "N\nB\n0\n\n",
            "+N\r\nB\r\n0\r\n\r\n",
            "-N\r\nB\r\n0\r\n\r\n",
            "0xN\r\nB\r\n0\r\n\r\n",
            "N\r\nB0\r\n\r\n",
            "N\r\nBZ\r\n0\r\n\r\n",
            "\r\n",
            "",
            "N\r\nB\r\n",
            "N\r\nB\r\n0\r\n",
            "N\r\nB\r\n0\r\n\r",
            "N\r\nB\r\n0\r\nno colon\r\n\r\n",
            "ffffffffffffffff\r\nB",
            "fffffffffffffffff\r\nB",
            "N\r\nB\r\n0\r\n\r\nmore",
            "N;a=\"\n\"\r\nB\r\n0\r\n\r\n",
            "00000000000000000000N\r\nB\r\n0\r\n\r\n",
        ]),
    )
        .prop_map(|(body, field, chunks)| {
            let chunks = chunks
                .replace('N', &format!("{:x}", body.len()))
                .replace('B', body);
            (vec![field.as_bytes().to_vec()], chunks.into_bytes())
        });
    let to_the_end = body.prop_map(|body| (Vec::new(), body.as_bytes().to_vec()));
    prop_oneof![4 => length, 4 => chunked, 1 => to_the_end]
}
