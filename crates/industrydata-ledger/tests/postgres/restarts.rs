//! T61: a server that stops in mid-run and comes back.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use industrydata_ledger::Store;

use crate::{Fresh, confirm, fresh, is_granted, quota, reserve, server::Server, unavailable, used};

#[test]
fn t61_a_server_that_stops_and_comes_back() {
    if fresh().is_none() {
        return;
    }
    let mut server = Server::start(&[], &[]).unwrap();
    let place = Fresh::at(&server.url());
    let store = place.store();
    assert!(is_granted(&store.transact(&reserve("t", 1))));
    // TLS is required, and the server has none.
    let require = format!("{}?sslmode=require", place.url);
    let message = unavailable(Fresh::at(&require).store().check());
    assert!(message.contains("sslmode=disable"), "{message}");

    server.stop().unwrap();
    let message = unavailable(store.transact(&confirm("t", 1)));
    assert!(message.contains("whether the server runs"), "{message}");
    unavailable(store.transact(&reserve("t", 2)));
    unavailable(store.check());
    server.resume().unwrap();
    store.check().unwrap();
    store.transact(&confirm("t", 1)).unwrap();
    assert!(is_granted(&store.transact(&reserve("t", 2))));
    let quota = quota(&store, "t").unwrap();
    assert_eq!((quota.confirmed(), quota.in_flight()), (1, 1));

    // Under load, over and over.
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..4_u128)
            .map(|n| {
                let (place, is_over) = (&place, &is_over);
                scope.spawn(move || {
                    let store = place
                        .options()
                        .wait(Duration::from_secs(1))
                        .connect(&place.url)
                        .unwrap();
                    let (mut granted, mut errors) = (Vec::new(), 0);
                    for id in 0.. {
                        if is_over.load(Ordering::SeqCst) {
                            break;
                        }
                        let tenant = format!("{n}-{}", id / 5);
                        let result = store.transact(&reserve(&tenant, id));
                        match &result {
                            Ok(_) => {
                                assert!(is_granted(&result), "{tenant}");
                                granted.push((tenant, id));
                            }
                            Err(_) => {
                                errors += 1;
                                thread::sleep(Duration::from_millis(20));
                            }
                        }
                    }
                    (granted, errors)
                })
            })
            .collect();
        for _ in 0..3 {
            thread::sleep(Duration::from_millis(200));
            server.stop().unwrap();
            thread::sleep(Duration::from_millis(100));
            server.resume().unwrap();
        }
        thread::sleep(Duration::from_millis(200));
        is_over.store(true, Ordering::SeqCst);
        let (mut granted, mut errors) = (0, 0);
        for thread in threads {
            let (starts, failed) = thread.join().unwrap();
            errors += failed;
            for (tenant, id) in starts {
                granted += 1;
                let quota = crate::quota(&store, &tenant).unwrap();
                let id = format!("{id:032x}");
                assert!(
                    quota.entries().iter().any(|entry| entry.id() == id),
                    "{id} is gone"
                );
                assert!(quota.used() <= 5);
            }
        }
        println!(
            "3 stops under load: {granted} starts granted and all in the ledger, {errors} errors reported"
        );
    });
    assert_eq!(used(&store, "t"), 2);
}
