//! Lists that forget their oldest entries, so that a long test does not grow without bound.

/// Adds an entry. A list of twice `kept` entries first drops its older half, so at least `kept` entries remain.
pub(crate) fn push_bounded<T>(list: &mut Vec<T>, entry: T, kept: usize) {
    if list.len() >= kept.saturating_mul(2) {
        list.drain(..list.len() / 2);
    }
    list.push(entry);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_entries_remain() {
        let mut list = Vec::new();
        for entry in 0..5 {
            push_bounded(&mut list, entry, 2);
        }
        assert_eq!(list, [2, 3, 4]);
    }
}
