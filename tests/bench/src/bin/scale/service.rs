//! The service: one thread a connection, and a count of polls for each operation.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU32, Ordering::Relaxed},
    },
    thread,
};

use crate::Failure;

struct Service {
    at: String,
    /// The polls after which an operation has succeeded.
    enough: u8,
    /// The polls of each operation.
    polls: Vec<AtomicU8>,
    /// The number of the next start.
    starts: AtomicU32,
    /// Operations that were polled.
    polled: AtomicU32,
}

/// The id of operation number `number`.
pub(crate) fn id(number: u32) -> String {
    format!("78d47d6d-cd43-4b91-98c2-{number:012}")
}

/// Serves `operations` until the process is ended. Prints the base URL.
pub(crate) fn serve(operations: usize, enough: u8) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let at = format!("http://{}/beta", listener.local_addr()?);
    println!("{at}");
    let service = Arc::new(Service {
        at,
        enough,
        polls: (0..operations).map(|_| AtomicU8::new(0)).collect(),
        starts: AtomicU32::new(0),
        polled: AtomicU32::new(0),
    });
    for client in listener.incoming() {
        let (client, service) = (client?, Arc::clone(&service));
        thread::spawn(move || service.answer(&client));
    }
    Ok(())
}

impl Service {
    fn answer(&self, client: &TcpStream) -> Result<(), Failure> {
        client.set_nodelay(true)?;
        let (mut reader, mut writer) = (BufReader::new(client), client);
        let (mut request, mut line) = (String::new(), String::new());
        loop {
            request.clear();
            if reader.read_line(&mut request)? == 0 {
                return Ok(());
            }
            while line != "\r\n" {
                line.clear();
                reader.read_line(&mut line)?;
            }
            line.clear();
            let path = request.split(' ').nth(1).unwrap_or_default();
            let answer = if request.starts_with("POST ") {
                let id = id(self.starts.fetch_add(1, Relaxed));
                let at = &self.at;
                format!(
                    "HTTP/1.1 202 Accepted\r\nlocation: {at}/external/industryData/operations/{id}\r\n\
                     content-length: 0\r\n\r\n"
                )
            } else if path == "/polled" {
                whole(&self.polled.load(Relaxed).to_string())
            } else {
                let id = path.rsplit('/').next().unwrap_or_default();
                whole(&self.operation(id))
            };
            writer.write_all(answer.as_bytes())?;
        }
    }

    fn operation(&self, id: &str) -> String {
        let number = id
            .rsplit('-')
            .next()
            .and_then(|it| it.parse::<usize>().ok());
        let polls = number.and_then(|number| self.polls.get(number));
        let before = polls.map_or(u8::MAX, |polls| polls.fetch_add(1, Relaxed));
        if before == 0 {
            self.polled.fetch_add(1, Relaxed);
        }
        let is_done = before.saturating_add(1) >= self.enough;
        let status = if is_done { "succeeded" } else { "running" };
        format!(
            "{{\"@odata.context\":\"https://graph.microsoft.com/beta/$metadata#external/industryData/operations/$entity\",\
             \"@odata.type\":\"#microsoft.graph.longRunningOperation\",\"id\":\"{id}\",\
             \"createdDateTime\":\"2026-03-10T12:00:00Z\",\"lastActionDateTime\":\"2026-03-10T12:00:05Z\",\
             \"status\":\"{status}\",\"statusDetail\":null}}"
        )
    }
}

fn whole(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Waits until this many operations were polled, and a moment longer for their answers.
pub(crate) async fn until_polled(url: &str, count: u32) -> Result<(), Failure> {
    let at = url.trim_start_matches("http://").trim_end_matches("/beta");
    loop {
        let mut service = TcpStream::connect(at)?;
        service.write_all(b"GET /polled HTTP/1.1\r\n\r\n")?;
        let mut answer = [0; 256];
        let length = service.read(&mut answer)?;
        let answer = String::from_utf8_lossy(answer.get(..length).unwrap_or_default()).into_owned();
        let polled: u32 = answer.lines().last().unwrap_or_default().parse()?;
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        if polled >= count {
            return Ok(());
        }
    }
}
