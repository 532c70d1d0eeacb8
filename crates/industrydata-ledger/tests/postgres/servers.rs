//! Several servers in one URL: those that cannot be used are passed over in time, and each is named if none can be used.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use industrydata_ledger::{PgStore, Store};

use crate::{
    Fresh, fresh, is_granted,
    proxy::{Fate, Proxy},
    reserve,
    server::Server,
    unavailable, used,
};

/// An address that swallows SYNs, for as long as the connections are kept: the queue of its listener is full.
struct Hole {
    address: SocketAddr,
    _listener: tokio::net::TcpListener,
    _runtime: tokio::runtime::Runtime,
    _filling: Vec<TcpStream>,
}

fn hole() -> Hole {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        socket.listen(1).unwrap()
    });
    let address = listener.local_addr().unwrap();
    let limit = Duration::from_millis(300);
    let filling = (0..64)
        .map_while(|_| TcpStream::connect_timeout(&address, limit).ok())
        .collect();
    assert!(TcpStream::connect_timeout(&address, limit).is_err());
    Hole {
        address,
        _listener: listener,
        _runtime: runtime,
        _filling: filling,
    }
}

/// A server that says `first` to each connection, and then nothing.
fn silent(first: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut kept = Vec::new();
        for client in listener.incoming() {
            let mut client = client.unwrap();
            drop(client.read(&mut [0; 8]));
            drop(client.write_all(first));
            kept.push(client);
        }
    });
    address
}

/// A proxy that passes the server's answers until a message of `kind` comes, and then nothing.
fn silent_from(place: &Fresh, kind: u8) -> String {
    let proxy = Proxy::new(&place.url, move |message| {
        if message.kind == kind {
            Fate::Hold
        } else {
            Fate::Pass
        }
    });
    proxy.place
}

fn closed() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// `host:port` of the server of the tests.
fn server_of(place: &Fresh) -> String {
    let (_, rest) = place.url.split_once('@').unwrap();
    rest.split_once('/').unwrap().0.to_owned()
}

#[test]
fn a_silent_first_server_is_passed_over_in_time() {
    let Some(place) = fresh() else { return };
    let (good, hole) = (server_of(&place), hole());
    // Plain and encrypted: the TLS handshake is within the share as well.
    for (bad, mode) in [
        (hole.address.to_string(), "disable"),
        (hole.address.to_string(), "prefer"),
        (silent(b"").to_string(), "disable"),
        (silent(b"").to_string(), "prefer"),
        (silent(b"S").to_string(), "prefer"),
        (silent(b"N").to_string(), "prefer"),
        (silent_from(&place, b'p'), "disable"),
        (silent_from(&place, b'Q'), "disable"),
        (closed().to_string(), "disable"),
        ("nowhere.invalid:5432".to_owned(), "disable"),
    ] {
        let place = fresh().unwrap();
        let url = place.url_via(&format!("{bad},{good}")) + "?sslmode=" + mode;
        let begun = Instant::now();
        let store = place.options().connect(&url).unwrap();
        let result = store.transact(&reserve("t", 1));
        assert!(is_granted(&result), "{bad} {mode}: {result:?}");
        assert!(
            begun.elapsed() < Duration::from_millis(3500),
            "{bad} {mode}: {:?}",
            begun.elapsed()
        );
        assert_eq!(used(&place.store(), "t"), 1);
    }
}

#[test]
fn two_silent_servers_leave_time_for_a_third() {
    let Some(place) = fresh() else { return };
    let (good, hole) = (server_of(&place), hole());
    let url = place.url_via(&format!("{},{},{good}", hole.address, silent(b"")));
    let named = format!("m{}", place.schema);
    let url = url + "?sslmode=disable&application_name=" + &named;
    let store = place.options().connect(&url).unwrap();
    assert!(is_granted(&store.transact(&reserve("t", 1))));
    // The next connection begins with the server that took the last one.
    let sql = format!(
        "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE application_name = '{named}'"
    );
    assert_eq!(place.admin().ask(&sql), ["t"]);
    let begun = Instant::now();
    let result = store.transact(&reserve("t", 2));
    assert!(is_granted(&result), "{result:?}");
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn a_connect_timeout_is_kept_for_each_server() {
    let Some(place) = fresh() else { return };
    let url = place.url_via(&format!("{},{}", silent(b""), server_of(&place)));
    let url = url + "?sslmode=disable&connect_timeout=1";
    let wait = Duration::from_secs(30);
    let store = place.options().wait(wait).connect(&url).unwrap();
    let begun = Instant::now();
    assert!(is_granted(&store.transact(&reserve("t", 1))));
    let took = begun.elapsed();
    assert!(
        took >= Duration::from_secs(1) && took < Duration::from_secs(4),
        "{took:?}"
    );
}

#[test]
fn a_name_beside_its_address_and_a_keyword_string() {
    let Some(place) = fresh() else { return };
    let (user, rest) = place.url.split_once('@').unwrap();
    let password = user.rsplit_once(':').unwrap().1.replace("%20", " ");
    let port = rest.split_once('/').unwrap().0.rsplit_once(':').unwrap().1;
    let text = format!(
        "host=nowhere.invalid,nowhere.invalid hostaddr='127.0.0.1, 127.0.0.1' port={port} \
         dbname=postgres user=industry password='{password}' sslmode=disable schema={}",
        place.schema
    )
    .replace(", ", ",");
    let store = PgStore::connect(&text).unwrap();
    assert!(is_granted(&store.transact(&reserve("t", 1))));
    assert_eq!(used(&place.store(), "t"), 1);
    assert!(!format!("{store:?}").contains(&password));
}

#[test]
fn each_server_is_named_if_none_can_be_used() {
    let Some(place) = fresh() else { return };
    let (closed, silent) = (closed(), silent(b""));
    let good = server_of(&place);
    let url = format!(
        "postgres://industry:hunter2@{closed},{silent},nowhere.invalid,{good}/postgres?sslmode=disable"
    );
    let wait = Duration::from_secs(2);
    let store = PgStore::options().wait(wait).connect(&url).unwrap();
    let begun = Instant::now();
    let message = unavailable(store.check());
    assert!(begun.elapsed() < wait + Duration::from_secs(2));
    for part in [
        format!("{closed}: error connecting to server"),
        format!("{silent}: no answer within"),
        "nowhere.invalid:5432: ".to_owned(),
        format!("{good}: password authentication failed"),
    ] {
        assert!(message.contains(&part), "{part}: {message}");
    }
    assert!(
        !message.contains("hunter2") && !message.contains("another process"),
        "{message}"
    );
}

#[test]
fn a_hot_standby_is_passed_over_and_named() {
    let Some(place) = fresh() else { return };
    let standby = Server::start(&[("standby.signal", "")], &["hot_standby=on"]).unwrap();
    let message = unavailable(Fresh::at(&standby.url()).store().check());
    assert!(
        message.contains("hot standby") && message.contains("transaction_read_only"),
        "{message}"
    );
    assert!(message.contains("primary") && !message.contains("whether the server runs"));
    let both = format!(
        "{},{}",
        server_of(&Fresh::at(&standby.url())),
        server_of(&place)
    );
    for attributes in ["any", "read-write", "primary"] {
        let url = place.url_via(&both) + "?target_session_attrs=" + attributes;
        let store = place.options().connect(&url).unwrap();
        assert!(is_granted(&store.transact(&reserve(attributes, 1))));
    }
}
