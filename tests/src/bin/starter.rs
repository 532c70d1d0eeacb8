//! Starts runs until it is killed: the child of the soak.

fn main() -> Result<(), conformance::Failure> {
    conformance::soak::start_until_killed()
}
