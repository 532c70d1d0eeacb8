//! Books that go from one kind of store to the other.

use industrydata_core::{Change, LedgerExport, Throttle};
use industrydata_ledger::{Books, Store};

use crate::{confirm, fresh, is_granted, key, reserve, used};

#[test]
fn books_go_to_a_file_and_back() {
    let (Some(one), Some(two)) = (fresh(), fresh()) else {
        return;
    };
    let store = one.store();
    let empty = Books::from(store.clone()).export().unwrap();
    assert!(empty.is_whole() && empty.books().is_empty());
    let names = ["t", "'; DROP TABLE books; --", "ß 日本語", &"é".repeat(128)];
    for (n, name) in names.iter().enumerate() {
        for id in 0..=n as u128 {
            assert!(is_granted(&store.transact(&reserve(name, id))), "{name}");
            store.transact(&confirm(name, id)).unwrap();
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let file = Books::sqlite(folder.path().join("books.sqlite3")).unwrap();
    let back = two.store();
    let over = |from: &Books, to: &Books| {
        let text = from.export().unwrap().to_json();
        to.import(&LedgerExport::from_json(text.as_bytes()).unwrap())
            .unwrap()
    };
    let (first, last) = (Books::from(store.clone()), Books::from(back.clone()));
    assert_eq!(over(&first, &file), 10);
    assert_eq!(over(&file, &last), 10);
    assert_eq!(over(&first, &last), 0, "the same again");
    for (n, name) in names.iter().enumerate() {
        assert_eq!(used(&back, name) as usize, n + 1, "{name}");
    }
    assert_eq!(used(&back, "T"), 0);
    let entries = |books: &Books| {
        let change = Change::entries(key("t"), Throttle::default());
        books.transact(&change).unwrap().entries().to_vec()
    };
    assert_eq!(entries(&first), entries(&last));
}
