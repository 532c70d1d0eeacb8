//! A credential of the Azure SDK as a token source.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test panics on failure"
)]

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use azure_core::{
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    error::ErrorKind,
    http::StatusCode,
    time::OffsetDateTime,
};
use industrydata_async::core::{Timestamp, auth::TokenError, lro::StartErrorKind};
use industrydata_async::{AzureIdentityToken, Client, Settings, TokenSource};
use industrydata_ledger::Ledger;

const EXPIRES: i64 = 4_102_444_800;

/// Returns the same token each time, or fails with a status.
#[derive(Debug, Default)]
struct Credential {
    calls: AtomicUsize,
    fails_with: Option<StatusCode>,
}

impl TokenCredential for Credential {
    // The form that `async_trait` gives the method.
    fn get_token<'s, 't, 'u, 'o, 'f>(
        &'s self,
        scopes: &'t [&'u str],
        _: Option<TokenRequestOptions<'o>>,
    ) -> Pin<Box<dyn Future<Output = azure_core::Result<AccessToken>> + Send + 'f>>
    where
        's: 'f,
        't: 'f,
        'u: 'f,
        'o: 'f,
        Self: 'f,
    {
        assert_eq!(scopes, ["https://graph.microsoft.com/.default"]);
        self.calls.fetch_add(1, Ordering::SeqCst);
        let fails_with = self.fails_with;
        Box::pin(async move {
            if let Some(status) = fails_with {
                let (error_code, raw_response) = (None, None);
                return Err(ErrorKind::HttpResponse {
                    status,
                    error_code,
                    raw_response,
                }
                .into_error());
            }
            let expires = OffsetDateTime::from_unix_timestamp(EXPIRES).unwrap();
            Ok(AccessToken::new("canary-token", expires))
        })
    }
}

#[tokio::test]
async fn the_expiry_is_kept() {
    let source = AzureIdentityToken::new(Arc::new(Credential::default()));
    let tenant = "contoso".parse().unwrap();
    let token = source.token(&tenant, None).await.unwrap();
    assert_eq!(token.expires().map(Timestamp::as_second), Some(EXPIRES));
    assert!(!format!("{source:?} {token:?}").contains("canary"));
}

#[tokio::test]
async fn a_refusal_is_final_and_a_failure_is_not() {
    let tenant = "contoso".parse().unwrap();
    for (status, is_refused) in [
        (StatusCode::BadRequest, true),
        (StatusCode::Unauthorized, true),
        (StatusCode::TooManyRequests, false),
        (StatusCode::ServiceUnavailable, false),
    ] {
        let credential = Credential {
            fails_with: Some(status),
            ..Credential::default()
        };
        let source = AzureIdentityToken::new(Arc::new(credential));
        let error = source.token(&tenant, None).await.unwrap_err();
        assert_eq!(
            matches!(error, TokenError::Refused(_)),
            is_refused,
            "{error}"
        );
        assert_eq!(error.is_transient(), !is_refused, "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_token_after_a_refusal_ends_the_start() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/beta", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut line = String::new();
            let mut reader = BufReader::new(&stream);
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {}
            counted.fetch_add(1, Ordering::SeqCst);
            let answer =
                b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = (&stream).write_all(answer);
        }
    });
    let credential = Arc::new(Credential::default());
    let source = AzureIdentityToken::new(credential.clone());
    let client = Client::builder(source, Ledger::memory())
        .settings(Settings::default().base(base.parse().unwrap()))
        .build()
        .unwrap();
    let error = client.tenant("contoso").unwrap().start().await.unwrap_err();
    let StartErrorKind::Unauthorized {
        token: Some(token), ..
    } = error.kind()
    else {
        panic!("{error:?}")
    };
    assert!(matches!(token, TokenError::Refused(_)), "{token}");
    assert_eq!(credential.calls.load(Ordering::SeqCst), 2);
    assert_eq!(
        requests.load(Ordering::SeqCst),
        1,
        "it does not go there again"
    );
}
