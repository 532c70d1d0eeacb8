//! The characters and literals of RFC 3986 appendix A.

use std::net::Ipv6Addr;

/// Whether `text` consists of `plain` bytes and percent-encoded octets only.
pub(super) fn gate(text: &str, plain: impl Fn(u8) -> bool) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let passes = if byte == b'%' {
            let mut hex = || bytes.next().is_some_and(|b| b.is_ascii_hexdigit());
            hex() && hex()
        } else {
            plain(byte)
        };
        if !passes {
            return false;
        }
    }
    true
}

pub(super) fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn is_sub_delim(byte: u8) -> bool {
    matches!(
        byte,
        b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
    )
}

pub(super) fn is_reg_name(byte: u8) -> bool {
    is_unreserved(byte) || is_sub_delim(byte)
}

pub(super) fn is_path(byte: u8) -> bool {
    is_reg_name(byte) || matches!(byte, b':' | b'@' | b'/')
}

pub(super) fn is_query(byte: u8) -> bool {
    is_path(byte) || byte == b'?'
}

/// Whether the text in brackets is an IP literal (RFC 3986 section 3.2.2), with a zone identifier or not (RFC 6874).
pub(super) fn is_ip_literal(inside: &str) -> bool {
    if let Some(future) = inside.strip_prefix(['v', 'V']) {
        let Some((version, address)) = future.split_once('.') else {
            return false;
        };
        let is_address = |b: u8| is_reg_name(b) || b == b':';
        return !version.is_empty()
            && version.bytes().all(|b| b.is_ascii_hexdigit())
            && !address.is_empty()
            && address.bytes().all(is_address);
    }
    let (address, zone) = match inside.split_once("%25") {
        Some((address, zone)) => (address, Some(zone)),
        None => (inside, None),
    };
    address.parse::<Ipv6Addr>().is_ok()
        && zone.is_none_or(|zone| !zone.is_empty() && gate(zone, is_unreserved))
}

/// The value of `port = *DIGIT`, if it is at most 65535.
pub(super) fn port_number(digits: &str) -> Option<u16> {
    digits.bytes().try_fold(0_u16, |value, digit| {
        let digit = u16::try_from(char::from(digit).to_digit(10)?).ok()?;
        value.checked_mul(10)?.checked_add(digit)
    })
}
