//! What kind of storage a path is on, from the mounts of Linux (`/proc/self/mountinfo`, see proc(5)).

use std::path::Path;

/// Where a file is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    /// A disk of this machine, or what is not known to be anything else: the type of the file system.
    Disk(String),
    /// Another machine: locks and syncs cannot be relied on.
    Network(String),
    /// Memory: it is gone when the machine stops.
    Memory(String),
    /// The writable layer of a container: it is gone with the container.
    Layer(String),
    /// A folder that Kubernetes keeps as long as the pod (emptyDir).
    Pod,
}

/// File systems of other machines. Those in user space have their name after `fuse.`.
const NETWORK: [&str; 37] = [
    "9p",
    "acfs",
    "afp",
    "afpfs",
    "afs",
    "beegfs",
    "blobfuse",
    "blobfuse2",
    "ceph",
    "cifs",
    "coda",
    "davfs",
    "dfs",
    "gcsfuse",
    "glusterfs",
    "gpfs",
    "juicefs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs3",
    "nfs4",
    "ocfs2",
    "orangefs",
    "panfs",
    "pvfs2",
    "rclone",
    "s3fs",
    "smb2",
    "smb3",
    "smbfs",
    "sshfs",
    "vboxsf",
    "virtiofs",
    "vmhgfs",
    "vmhgfs-fuse",
    "webdav",
];

const MEMORY: [&str; 4] = ["devtmpfs", "hugetlbfs", "ramfs", "tmpfs"];

const LAYER: [&str; 5] = ["aufs", "fuse-overlayfs", "overlay", "overlayfs", "unionfs"];

/// One mount: its root within the file system, where it is, and the type of the file system.
struct Mount {
    root: String,
    at: String,
    kind: String,
}

/// The storage of an absolute path without symbolic links. `None` if the mounts do not have it.
///
/// `is_container`: the process runs in a container, so that the root folder is its writable layer, whatever its type.
pub(crate) fn of(mounts: &str, path: &Path, is_container: bool) -> Option<Storage> {
    let depth = |mount: &Mount| Path::new(&mount.at).components().count();
    // Of two mounts at one place, the later one is seen.
    let mount = mounts
        .lines()
        .filter_map(Mount::read)
        .filter(|mount| path.starts_with(&mount.at))
        .max_by_key(depth)?;
    let bare = mount.kind.strip_prefix("fuse.").unwrap_or(&mount.kind);
    let is_in = |list: &[&str]| list.contains(&bare);
    let kind = mount.kind.clone();
    Some(if is_in(&NETWORK) {
        Storage::Network(kind)
    } else if mount.root.contains("/kubernetes.io~empty-dir/") {
        Storage::Pod
    } else if is_in(&MEMORY) {
        Storage::Memory(kind)
    } else if is_in(&LAYER) || is_container && mount.at == "/" {
        Storage::Layer(kind)
    } else {
        Storage::Disk(kind)
    })
}

impl Mount {
    /// A line: id, parent, device, root, place, options, any number of tags, `-`, type, source, options.
    fn read(line: &str) -> Option<Self> {
        let mut fields = line.split(' ');
        let root = unescaped(fields.nth(3)?);
        let at = unescaped(fields.next()?);
        let kind = fields.skip_while(|field| *field != "-").nth(1)?;
        let is_whole = at.starts_with('/') && !kind.is_empty();
        is_whole.then(|| Self {
            root,
            at,
            kind: kind.to_ascii_lowercase(),
        })
    }
}

/// Blanks and backslashes are written as three octal digits after a backslash.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..3).and_then(|it| str::from_utf8(it).ok());
        let code = digits.and_then(|it| u8::from_str_radix(it, 8).ok());
        (rest, _) = match code.filter(|_| *first == b'\\') {
            Some(code) => (after.get(3..).unwrap_or_default(), bytes.push(code)),
            None => (after, bytes.push(*first)),
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:21 / /proc rw,nosuid - proc proc rw
24 22 0:22 / /tmp rw - tmpfs tmpfs rw
25 22 0:23 / /mnt/share rw,relatime shared:9 master:2 - nfs4 server:/export rw,vers=4.2
26 22 0:24 / /mnt/files rw - cifs //account.file.core.windows.net/x rw
27 22 0:25 / /mnt/with\\040blank rw - fuse.sshfs user@host: rw
28 25 8:2 / /mnt/share/disk rw - xfs /dev/sdb1 rw
29 22 0:26 / /c rw - 9p C:\\134 rw
30 22 0:27 / /dev/shm rw - tmpfs shm rw
31 22 0:28 / /twice rw - tmpfs a rw
32 31 8:3 / /twice rw - ext4 /dev/sdc1 rw
33 22 8:1 /var/lib/kubelet/pods/1-2/volumes/kubernetes.io~empty-dir/data /data rw - ext4 /dev/sda1 rw
34 22 8:1 /var/lib/kubelet/pods/1-2/volumes/kubernetes.io~csi/pv/mount /pv rw - ext4 /dev/sdd rw
35 22 0:29 / /merged rw - overlay overlay rw,lowerdir=/l,upperdir=/u
36 22 0:30 / /ntfs rw - fuseblk /dev/sde1 rw
37 22 0:31 / /ram rw - ramfs none rw";

    #[test]
    fn the_nearest_mount_decides() {
        let of = |path: &str| {
            let storage = super::of(MOUNTS, Path::new(path), false).unwrap();
            format!("{storage:?}")
                .replace(['(', ')', '"'], " ")
                .trim()
                .to_owned()
        };
        for (path, storage) in [
            ("/home/u/ledger", "Disk  ext4"),
            ("/tmp/ledger", "Memory  tmpfs"),
            ("/tmpledger", "Disk  ext4"),
            ("/dev/shm/x", "Memory  tmpfs"),
            ("/ram/x", "Memory  ramfs"),
            ("/mnt/share/a/ledger", "Network  nfs4"),
            ("/mnt/share/disk/ledger", "Disk  xfs"),
            ("/mnt/shared", "Disk  ext4"),
            ("/mnt/files/x", "Network  cifs"),
            ("/mnt/with blank/x", "Network  fuse.sshfs"),
            ("/c/x", "Network  9p"),
            ("/twice/x", "Disk  ext4"),
            ("/data/x", "Pod"),
            ("/pv/x", "Disk  ext4"),
            ("/merged/x", "Layer  overlay"),
            ("/ntfs/x", "Disk  fuseblk"),
        ] {
            assert_eq!(of(path), storage, "{path}");
        }
    }

    #[test]
    fn the_root_of_a_container_is_its_layer() {
        let of = |mounts: &str, path: &str, is_container| {
            super::of(mounts, Path::new(path), is_container)
        };
        let overlay = "1 0 0:1 / / rw - overlay overlay rw\n2 1 8:1 /v /data rw - ext4 /dev/sda rw";
        let layer = |kind: &str| Some(Storage::Layer(kind.to_owned()));
        for is_container in [true, false] {
            assert_eq!(of(overlay, "/srv/x", is_container), layer("overlay"));
            let disk = Some(Storage::Disk("ext4".to_owned()));
            assert_eq!(of(overlay, "/data/x", is_container), disk);
        }
        let other = "1 0 0:1 / / rw - btrfs /dev/sda rw";
        assert_eq!(of(other, "/srv/x", true), layer("btrfs"));
        let disk = Some(Storage::Disk("btrfs".to_owned()));
        assert_eq!(of(other, "/srv/x", false), disk);
    }

    #[test]
    fn lines_that_are_not_mounts_are_skipped() {
        for mounts in [
            "",
            "x",
            "1 2 3 / / rw",
            "1 2 3 / / rw -",
            "1 2 3 / a rw - ext4 s",
        ] {
            assert_eq!(of(mounts, Path::new("/x"), false), None, "{mounts:?}");
        }
        assert_eq!(unescaped("a\\040b\\134\\x\\"), "a b\\\\x\\");
    }

    #[test]
    fn a_text_that_ends_anywhere_is_read() {
        for end in 0..MOUNTS.len() {
            let _ = of(&MOUNTS[..end], Path::new("/mnt/with blank/x"), true);
            let _ = unescaped(&MOUNTS[end..]);
        }
    }
}
