use proptest::prelude::*;

use super::*;

const NAMES: &[&str] = &["a", "b"];

#[test]
fn known_members_are_kept() {
    let node = Node::read(
        r#"{"a":1,"x":{"a":[1e999999]},"b":[true,null,"t"],"\u0061":-2.5}"#,
        NAMES,
        4,
    )
    .unwrap();
    assert!(matches!(node.get("a"), Some(Node::Number(text)) if text == "-2.5"));
    assert!(node.get("x").is_none());
    let Some(Node::List(list)) = node.get("b") else {
        panic!("{node:?}")
    };
    assert!(matches!(
        list.as_slice(),
        [Node::Other, Node::Null, Node::Text(_)]
    ));
    assert!(Node::read(r#"{"a":1} x"#, NAMES, 4).is_none());
    assert!(Node::read("", NAMES, 4).is_none());
}

#[test]
fn a_number_out_of_range_is_a_number() {
    let digits = "9".repeat(400);
    for number in ["1e999", "-1E+400", &digits] {
        let json = format!(r#"{{"a":{number},"b":[{{"a":"t\u0021","x":{number}}},{number},3.0]}}"#);
        let node = Node::read(&json, NAMES, 4).unwrap();
        assert!(matches!(node.get("a"), Some(Node::Number(text)) if text == number));
        let Some(Node::List(list)) = node.get("b") else {
            panic!("{node:?}")
        };
        assert_eq!(list[0].get("a").and_then(Node::text), Some("t!"));
        assert!(matches!(&list[1], Node::Number(text) if text == number));
        assert!(matches!(&list[2], Node::Number(text) if text == "3"));
    }
    for json in [
        r#"{"a":1e999"#,
        r#"{"a":1e}"#,
        r#"{"a":1e999}{"#,
        r#"{"a":01e999}"#,
        r#"{"a":[1e999,]}"#,
        r#"{"a":1e999,"b":"\ud800"}"#,
    ] {
        assert!(Node::read(json, NAMES, 4).is_none(), "{json}");
    }
}

#[test]
fn deep_levels_are_skipped() {
    let json = format!("{}1{}", r#"{"a":"#.repeat(100_000), "}".repeat(100_000));
    let mut node = &Node::read(&json, NAMES, 3).unwrap();
    for _ in 0..3 {
        node = node.get("a").unwrap();
    }
    assert!(matches!(node, Node::Other));
    let json = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(matches!(Node::read(&json, NAMES, 1), Some(Node::List(list)) if list.len() == 1));
}

#[test]
fn depth_is_counted_outside_strings() {
    let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    assert!(!is_too_deep(&nested(128)));
    assert!(is_too_deep(&nested(129)));
    assert!(!is_too_deep(&format!("[{:?}]", "[".repeat(500))));
    assert!(!is_too_deep(&format!(
        r#"["\"{}","\\",{{}}]"#,
        "[".repeat(500)
    )));
    assert!(!is_too_deep(&format!("[{}1]", "[],".repeat(500))));
}

proptest! {
    #[test]
    fn never_panics(json in "[\\[\\]{}\",:0-9a-b\\\\ \\-.eEu]{0,80}|\\PC{0,80}") {
        let _ = is_too_deep(&json);
        let _ = Node::read(&json, NAMES, 5);
    }
}

#[test]
fn depth_is_counted_where_brackets_are_many() {
    let deep = |depth: usize| ["[".repeat(depth), "]".repeat(depth)].concat();
    // 129 brackets, 128 deep.
    let wide = format!("[{},[]]", deep(127));
    assert!(!is_too_deep(&wide));
    assert!(is_too_deep(&format!("[{},[]]", deep(128))));
    // Brackets in a string do not count, even after an escaped quotation mark.
    let texts = format!(r#"{}"]]\"]]",{}"#, "[".repeat(128), deep(1));
    assert!(is_too_deep(&texts));
    assert!(is_too_deep(&"[".repeat(129)));
}
