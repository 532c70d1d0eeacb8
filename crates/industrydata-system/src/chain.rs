//! The causes of an error.

use std::{error::Error, io};

/// The first error of type `E` in the chain of `error`, also within an [`io::Error`], whose own source leaves out the error
/// that it wraps.
#[must_use]
pub fn find<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// The errors of a chain, outermost first.
pub fn causes<'e>(
    error: &'e (dyn Error + 'static),
) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    // A chain of errors is short; the bound is for one that is not.
    std::iter::successors(Some(error), |error| cause(*error)).take(32)
}

fn cause<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    }
}
