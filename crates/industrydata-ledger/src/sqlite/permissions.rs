//! Owners, modes and identity of files, where the system has them.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(super) use unix::{
    Identity, create_folders, create_private, file, folder, identity, journal, room, sync_folder,
    writable,
};

#[cfg(not(unix))]
mod other;
#[cfg(not(unix))]
pub(super) use other::{
    Identity, create_folders, create_private, file, folder, identity, journal, room, sync_folder,
    writable,
};
