//! Searches for the tests' secrets in what the tests print and leave behind.

use std::{fs, io, path::Path};

use crate::marks::hits;

/// How often a secret is in the files and the file names under a folder, and the number of files.
pub(crate) fn in_files(folder: &Path) -> io::Result<(u64, u64)> {
    let (mut found, mut files) = (0, 0);
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let (path, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
            found += hits(path.as_os_str().as_encoded_bytes());
            if kind.is_file() {
                files += 1;
                found += hits(&fs::read(path)?);
            } else if kind.is_dir() {
                folders.push(path);
            }
        }
    }
    Ok((found, files))
}

#[cfg(test)]
mod tests {
    use base64::{
        Engine,
        engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
    };

    use super::*;

    const SECRET: &str = "canary+planted/c2ln.x==";

    fn bytes(spell: impl Fn(u8) -> String) -> String {
        SECRET.bytes().map(spell).collect()
    }

    #[test]
    fn a_secret_is_found_in_every_encoding() {
        let percent = "canary%2Bplanted%2Fc2ln.x%3D%3D";
        for text in [
            SECRET,
            "canary-of-old",
            percent,
            &percent.to_lowercase(),
            &percent.replace('%', "%25"),
            &SECRET.to_uppercase(),
            r"canary\u002bplanted\/c2ln.x==",
            r"\u0063anar\u0079\u002Bplanted",
            r"c\\u0061nary\\u002B",
            "canary&#43;planted",
            "canary&#x2B;planted",
            &bytes(|b| format!("%{b:02X}")),
            &bytes(|b| format!("\\u{b:04x}")),
            &bytes(|b| format!("\\x{b:02x}")),
            &bytes(|b| format!("&#{b};")),
            &bytes(|b| format!("{b:02x}")),
        ] {
            assert_eq!(hits(format!("token={text}&y").as_bytes()), 1, "{text}");
        }
        for before in ["", "a", "ab", "abc", "user:", "{\"token\":\""] {
            for secret in [SECRET, "canary-secret"] {
                let text = format!("{before}{secret}");
                for text in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
                    assert_eq!(hits(text.as_bytes()), 1, "{before}{secret}");
                }
            }
        }
        assert_eq!(hits(format!("{SECRET} {SECRET}").as_bytes()), 2);
    }

    #[test]
    fn other_text_is_not_found() {
        let nothing = "test a_canary_sings ... ok\ncanary_\ncanary\n-%zz \\u00 &#; &#x; canary%2";
        assert_eq!(hits(nothing.as_bytes()), 0);
    }

    #[test]
    fn a_planted_file_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("below");
        fs::create_dir(&below).unwrap();
        fs::write(folder.path().join("clean"), "nothing").unwrap();
        fs::write(below.join("planted"), format!("Bearer {SECRET}")).unwrap();
        assert_eq!(in_files(folder.path()).unwrap(), (1, 2));
        fs::write(below.join("canary+name"), "").unwrap();
        assert_eq!(in_files(folder.path()).unwrap(), (2, 3));
    }
}
