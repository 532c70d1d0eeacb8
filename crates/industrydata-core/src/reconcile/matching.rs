//! A maximum matching.

/// A largest set of pairs `(left, right)` that fit. Each item is in at most one pair. Earlier items of the left take
/// precedence: a later one is never paired in their place.
pub(super) fn matching(
    left: usize,
    right: usize,
    fits: impl Fn(usize, usize) -> bool,
) -> Vec<(usize, usize)> {
    let mut owner: Vec<Option<usize>> = vec![None; right];
    for l in 0..left {
        let mut tried = vec![false; right];
        augment(l, &fits, &mut owner, &mut tried);
    }
    let pairs = owner.iter().enumerate();
    pairs.filter_map(|(r, l)| Some(((*l)?, r))).collect()
}

/// Finds a partner for `l`, and moves other pairs if necessary. The depth of the recursion is at most the number of
/// pairs, which are a few starts.
fn augment(
    l: usize,
    fits: &impl Fn(usize, usize) -> bool,
    owner: &mut [Option<usize>],
    tried: &mut [bool],
) -> bool {
    for r in 0..owner.len() {
        if !fits(l, r) || tried.get(r).copied().unwrap_or(true) {
            continue;
        }
        if let Some(tried) = tried.get_mut(r) {
            *tried = true;
        }
        let is_free = match owner.get(r).copied().flatten() {
            None => true,
            Some(other) => augment(other, fits, owner, tried),
        };
        if is_free && let Some(owner) = owner.get_mut(r) {
            *owner = Some(l);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_pairs_as_possible() {
        // The first could take either, the second only the first.
        let pairs = matching(2, 2, |l, r| l == 0 || r == 0);
        assert_eq!(pairs.len(), 2);
        assert_eq!(matching(3, 1, |_, _| true), [(0, 0)]);
        assert_eq!(matching(3, 3, |l, _| l == 2), [(2, 0)]);
        assert!(matching(0, 3, |_, _| true).is_empty());
        assert!(matching(3, 3, |_, _| false).is_empty());
    }
}
