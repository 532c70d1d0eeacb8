//! The service: it sends fixed responses, so that its cost is the same for all programs.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use crate::Failure;

/// Serves until the process ends. Returns the base URL.
pub(crate) fn start() -> Result<String, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let at = listener.local_addr()?;
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let location = format!("http://{at}/beta/external/industryData/operations/");
            thread::spawn(move || answer(&client, &location));
        }
    });
    Ok(format!("http://{at}/beta"))
}

/// Serves one connection. After each start, it responds to two polls with `running` and to the third with `succeeded`.
fn answer(client: &TcpStream, location: &str) -> Result<(), Failure> {
    client.set_nodelay(true)?;
    let (mut reader, mut writer) = (BufReader::new(client), client);
    let (mut operation, mut polls) = (0_u32, 0);
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let is_start = line.starts_with("POST ");
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line)?;
        }
        let answer = if is_start {
            (operation, polls) = (operation + 1, 0);
            format!(
                "HTTP/1.1 202 Accepted\r\nlocation: {location}{}\r\ncontent-length: 0\r\n\r\n",
                id(operation)
            )
        } else {
            polls += 1;
            let body = body(operation, polls >= 3);
            format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
        };
        writer.write_all(answer.as_bytes())?;
    }
}

pub(crate) fn id(operation: u32) -> String {
    format!("78d47d6d-cd43-4b91-98c2-{operation:012}")
}

/// An operation in the service's format, padded to 392 bytes.
pub(crate) fn body(operation: u32, is_done: bool) -> String {
    let status = if is_done { "succeeded" } else { "running" };
    let body = format!(
        "{{\"@odata.context\":\"https://graph.microsoft.com/beta/$metadata#external/industryData/operations/$entity\",\
         \"@odata.type\":\"#microsoft.graph.longRunningOperation\",\"id\":\"{}\",\
         \"createdDateTime\":\"2026-03-10T12:00:00Z\",\"lastActionDateTime\":\"2026-03-10T12:00:05Z\",\
         \"status\":\"{status}\",\"statusDetail\":null}}",
        id(operation)
    );
    format!("{body:<392}")
}
