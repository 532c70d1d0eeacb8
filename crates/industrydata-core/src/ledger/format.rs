//! The format of a stored value, and its checksum over the key.

/// The format that this release writes. It reads this format and all earlier ones.
pub(super) const VERSION: u32 = 1;

/// The checksum of what stands before the JSON: the format, and the ledger's key.
pub(super) fn checksum_of_key(base: &str, tenant: &str) -> u32 {
    let version = VERSION.to_be_bytes();
    let mut sum = crc32fast::Hasher::new();
    for part in [
        version.as_slice(),
        base.as_bytes(),
        b"\0",
        tenant.as_bytes(),
        b"\0",
    ] {
        sum.update(part);
    }
    sum.finalize()
}
