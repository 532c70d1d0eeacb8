//! Redaction of secrets in text that a server sent back.
//!
//! A server may repeat a secret in another spelling than the one it received. So the search compares letters and digits
//! only, in one case, and repeats this on the text with its escapes and its base64 decoded. A part of the secret is
//! redacted as well.

mod decode;

use std::{borrow::Cow, ops::Range};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

use self::decode::Decoded;
use crate::policy::{
    MAX_BASE64_LAYERS, MAX_ESCAPE_LAYERS, MAX_ESCAPE_LAYERS_IN_BASE64, MIN_REDACTED_BYTES,
    MIN_REDACTED_PART, REDACTED_PARTS, REDACTION_EFFORT,
};

/// Replaces the secret.
const REDACTED: &str = "[redacted]";

/// Redacts the secret of a request wherever its answer repeats it (E8).
#[derive(Clone, Copy)]
pub(crate) struct Redaction<'t>(Option<&'t str>);

impl<'t> Redaction<'t> {
    /// Redacts `secret`. Without a secret, and for an empty one, text stays as it is.
    pub(crate) fn of(secret: Option<&'t str>) -> Self {
        Self(secret.filter(|secret| !secret.is_empty()))
    }

    /// The text without the secret.
    pub(crate) fn text(self, text: &str) -> String {
        self.borrowed(text).into_owned()
    }

    /// The text without the secret; borrowed if it is too short to repeat it.
    pub(crate) fn borrowed(self, text: &str) -> Cow<'_, str> {
        match self.searched(text.len()) {
            Some(secret) if is_short(secret) => text.replace(secret, REDACTED).into(),
            Some(secret) => Search::of(secret).redacted(text).into(),
            None => text.into(),
        }
    }

    /// Whether a text of this length can repeat the secret.
    pub(crate) fn can_be_in(self, length: usize) -> bool {
        self.searched(length).is_some()
    }

    /// Whether the text repeats the secret, or is too costly to search.
    pub(crate) fn is_in(self, text: &str) -> bool {
        self.searched(text.len()).is_some_and(|secret| {
            if is_short(secret) {
                text.contains(secret)
            } else {
                Search::of(secret).is_in(text)
            }
        })
    }

    /// The secret, if a text of this length can contain a part of it. Preparing the search costs more than reading a
    /// text that is too short, such as an id in the answer to a poll.
    fn searched(self, length: usize) -> Option<&'t str> {
        // At least half of a secret is compared, and a part is at least a quarter of that.
        let shortest = |secret: &str| match secret.len() {
            length @ ..MIN_REDACTED_BYTES => length,
            length => (length / (2 * REDACTED_PARTS)).max(MIN_REDACTED_BYTES),
        };
        self.0.filter(|secret| length >= shortest(secret))
    }
}

/// Whether only the secret itself is searched for: the letters of a short one occur in ordinary text.
const fn is_short(secret: &str) -> bool {
    secret.len() < MIN_REDACTED_BYTES
}

/// Which bytes of a text are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Compared {
    /// ASCII letters and digits. The rest differs between the forms of base64, or is lost when lines are wrapped.
    Letters,
    /// As `Letters`, and the bytes of other characters.
    AllLetters,
    /// All bytes but controls, for a spelling with few letters.
    Everything,
}

impl Compared {
    const ALL: [Self; 3] = [Self::Letters, Self::AllLetters, Self::Everything];

    fn of(spelling: &str) -> Self {
        let letters = if spelling.is_ascii() {
            Self::Letters
        } else {
            Self::AllLetters
        };
        let count = spelling.bytes().filter_map(|b| letters.byte(b)).count();
        if count >= MIN_REDACTED_BYTES && count * 2 >= spelling.len() {
            letters
        } else {
            Self::Everything
        }
    }

    /// The byte as it is compared. `None` if it is not.
    fn byte(self, byte: u8) -> Option<u8> {
        let is_compared = match self {
            Self::Letters => byte.is_ascii_alphanumeric(),
            Self::AllLetters => byte.is_ascii_alphanumeric() || !byte.is_ascii(),
            Self::Everything => !byte.is_ascii_control(),
        };
        // A form encodes a space as a plus sign.
        let byte = if byte == b' ' { b'+' } else { byte };
        is_compared.then_some(byte.to_ascii_lowercase())
    }
}

/// One spelling of the secret.
struct Needle {
    compared: Compared,
    bytes: Vec<u8>,
    /// The parts that are searched for.
    parts: Vec<Range<usize>>,
}

impl Needle {
    fn of(spelling: &str) -> Self {
        let compared = Compared::of(spelling);
        let bytes: Vec<u8> = spelling.bytes().filter_map(|b| compared.byte(b)).collect();
        let count = (bytes.len() / MIN_REDACTED_PART).clamp(1, REDACTED_PARTS);
        let size = bytes.len() / count;
        let parts = (0..count).map(|part| part * size..(part + 1) * size);
        Self {
            compared,
            parts: parts.collect(),
            bytes,
        }
    }

    /// Where the spelling or a part of it is, with what agrees with it beside the part, and whether that is all of it.
    fn occurrences(&self, bytes: &[u8]) -> Vec<(Range<usize>, bool)> {
        let mut found = Vec::new();
        for part in &self.parts {
            for at in occurrences(bytes, self.bytes.get(part.clone()).unwrap_or_default()) {
                let after = at + part.len();
                let left = agreeing(
                    bytes.iter().take(at).rev(),
                    self.bytes.iter().take(part.start).rev(),
                );
                let right = agreeing(bytes.iter().skip(after), self.bytes.iter().skip(part.end));
                let is_whole = left == part.start && part.end + right == self.bytes.len();
                found.push((at - left..after + right, is_whole));
            }
        }
        found
    }
}

/// A search for one secret.
struct Search<'t> {
    secret: &'t str,
    /// The secret itself comes first.
    needles: Vec<Needle>,
    /// The least number of bytes in which a part of the secret can be.
    shortest: usize,
}

impl<'t> Search<'t> {
    fn of(secret: &'t str) -> Self {
        let hex: String = secret.bytes().map(|b| format!("{b:02x}")).collect();
        let mut needles = vec![Needle::of(secret), Needle::of(&hex)];
        // Base64 encodes three bytes at once: the spelling depends on how many bytes come before.
        for before in 0..3 {
            let encoded = STANDARD_NO_PAD.encode([&vec![0; before], secret.as_bytes()].concat());
            // The characters at both ends depend on the neighbours.
            let own = encoded.get(before + usize::from(before > 0)..encoded.len() - 1);
            needles.push(Needle::of(own.unwrap_or_default()));
        }
        let shortest = needles.first().and_then(|needle| needle.parts.first());
        Self {
            secret,
            shortest: shortest.map_or(MIN_REDACTED_BYTES, Range::len),
            needles,
        }
    }

    fn is_in(&self, text: &str) -> bool {
        self.places(text).is_none_or(|places| !places.is_empty())
    }

    fn redacted(&self, text: &str) -> String {
        let Some(mut places) = self.places(text) else {
            return REDACTED.to_owned();
        };
        if places.is_empty() {
            return text.to_owned();
        }
        places.sort_unstable_by_key(|place| place.start);
        let (mut shown, mut end) = (String::new(), 0);
        for place in places {
            let (start, stop) = boundaries(text, &place);
            if let Some(before) = text.get(end..start).filter(|_| start > end || end == 0) {
                shown.push_str(before);
                shown.push_str(REDACTED);
            }
            end = end.max(stop);
        }
        shown.push_str(text.get(end..).unwrap_or_default());
        // What was left out must not have joined the rest to another spelling.
        if self.is_in(&shown) {
            return REDACTED.to_owned();
        }
        shown
    }

    /// Where the text repeats the secret. `None` if the search would take too long.
    fn places(&self, text: &str) -> Option<Vec<Range<usize>>> {
        let mut places = Vec::new();
        let mut effort = text.len().saturating_mul(8).max(REDACTION_EFFORT);
        self.search(
            &Decoded::of(text),
            MAX_ESCAPE_LAYERS,
            MAX_BASE64_LAYERS,
            &mut effort,
            &mut places,
        )?;
        // The rest of a part may be encoded in another way.
        let places = places.into_iter().map(|(place, is_whole)| match is_whole {
            true => place,
            false => with_neighbours(text.as_bytes(), place),
        });
        Some(places.collect())
    }

    /// Searches a text, and what its escapes and its base64 stand for.
    fn search(
        &self,
        text: &Decoded,
        escapes: u32,
        base64: u32,
        effort: &mut usize,
        places: &mut Vec<(Range<usize>, bool)>,
    ) -> Option<()> {
        if text.bytes().len() < self.shortest {
            return Some(());
        }
        *effort = effort.checked_sub(text.bytes().len())?;
        self.compare(text, places);
        if let Some(base64) = base64.checked_sub(1) {
            let escapes = escapes.min(MAX_ESCAPE_LAYERS_IN_BASE64);
            for skipped in 0..4 {
                let decoded = text.without_base64(skipped, self.shortest);
                self.search(&decoded, escapes, base64, effort, places)?;
            }
        }
        if let (Some(escapes), Some(decoded)) = (escapes.checked_sub(1), text.without_escapes()) {
            self.search(&decoded, escapes, base64, effort, places)?;
        }
        Some(())
    }

    /// Adds the places of the original text where this one repeats the secret, and whether all of it.
    fn compare(&self, text: &Decoded, places: &mut Vec<(Range<usize>, bool)>) {
        for compared in Compared::ALL {
            let mut needles = self.needles.iter().enumerate();
            if needles.all(|(_, needle)| needle.compared != compared) {
                continue;
            }
            let bytes = text.bytes().iter().enumerate();
            let (bytes, origin): (Vec<u8>, Vec<usize>) = bytes
                .filter_map(|(at, byte)| Some((compared.byte(*byte)?, at)))
                .unzip();
            for (number, needle) in self.needles.iter().enumerate() {
                if needle.compared != compared {
                    continue;
                }
                for (found, is_whole) in needle.occurrences(&bytes) {
                    let last = found.end.checked_sub(1);
                    let last = last.and_then(|last| origin.get(last));
                    let (Some(first), Some(last)) = (origin.get(found.start), last) else {
                        continue;
                    };
                    let found = *first..last + 1;
                    let found = if is_whole && number == 0 {
                        self.with_ends(text.bytes(), compared, found)
                    } else {
                        with_neighbours(text.bytes(), found)
                    };
                    places.extend(text.place(&found).map(|place| (place, is_whole)));
                }
            }
        }
    }

    /// The range with what the secret has before its first and after its last letter.
    fn with_ends(&self, text: &[u8], compared: Compared, found: Range<usize>) -> Range<usize> {
        let is_end = |b: &&u8| compared.byte(**b).is_none();
        let secret = self.secret.as_bytes();
        let before = secret.iter().take_while(is_end).count();
        let after = secret.iter().rev().take_while(is_end).count();
        let left = agreeing(
            text.iter().take(found.start).rev(),
            secret.iter().take(before).rev(),
        );
        let right = agreeing(
            text.iter().skip(found.end),
            secret.iter().skip(secret.len() - after),
        );
        found.start - left..found.end + right
    }
}

/// The range with the characters of a token around it: the rest of a changed secret, or of its base64.
fn with_neighbours(text: &[u8], found: Range<usize>) -> Range<usize> {
    let is_neighbour = |b: &&u8| b.is_ascii_alphanumeric() || b"-._~+/".contains(b);
    let before = text.iter().take(found.start).rev();
    let left = before.take_while(is_neighbour).count();
    // Both end with padding.
    let after = text.iter().skip(found.end);
    let right = after.take_while(|b| is_neighbour(b) || **b == b'=').count();
    found.start - left..found.end + right
}

/// How many items agree.
fn agreeing<'b>(one: impl Iterator<Item = &'b u8>, other: impl Iterator<Item = &'b u8>) -> usize {
    one.zip(other).take_while(|(a, b)| a == b).count()
}

/// Where `part` is in `bytes`, without overlaps.
fn occurrences<'b>(bytes: &'b [u8], part: &'b [u8]) -> impl Iterator<Item = usize> + 'b {
    let mut from = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(from..).filter(|_| !part.is_empty())?;
        let at = from + rest.windows(part.len()).position(|it| it == part)?;
        from = at + part.len();
        Some(at)
    })
}

/// The ends of a place, moved outwards to the boundaries of characters.
fn boundaries(text: &str, place: &Range<usize>) -> (usize, usize) {
    let mut starts = (0..=place.start).rev();
    let mut ends = place.end..=text.len();
    (
        starts.find(|at| text.is_char_boundary(*at)).unwrap_or(0),
        ends.find(|at| text.is_char_boundary(*at))
            .unwrap_or(text.len()),
    )
}

#[cfg(test)]
mod tests;
