//! The child process of the soak: starts runs until it is killed.

fn main() -> Result<(), conformance::Failure> {
    conformance::soak::start_until_killed()
}
