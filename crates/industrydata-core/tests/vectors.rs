//! The vectors as one of the core's tests: beside the code that they check, and where mutation testing finds them.

#[test]
fn every_vector_passes() {
    let tally = vectors::run(None).unwrap();
    assert!(tally.passed > 0);
    assert_eq!(tally.failed, 0);
}
