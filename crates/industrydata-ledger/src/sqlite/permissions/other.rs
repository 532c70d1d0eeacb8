//! Systems without POSIX owners and modes: access control is left to the system.

use std::{
    fs::{self, Metadata, OpenOptions},
    io,
    path::Path,
};

use super::super::store_error::Obstacle;

/// Which file has a name. Not needed here, where an open file cannot be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Identity;

pub(in super::super) fn file(_: &Path, _: &Metadata) -> Result<Identity, Obstacle> {
    Ok(Identity)
}

pub(in super::super) fn identity(_: &Metadata) -> Identity {
    Identity
}

pub(in super::super) fn folder(_: &Path, _: &Metadata) -> Result<(), Obstacle> {
    Ok(())
}

pub(in super::super) fn journal(_: &Path) -> Result<(), Obstacle> {
    Ok(())
}

pub(in super::super) fn writable(_: &Path) -> Result<(), Obstacle> {
    Ok(())
}

pub(in super::super) fn room(_: &Path) -> Result<(), Obstacle> {
    Ok(())
}

pub(in super::super) fn create_private(path: &Path) -> io::Result<()> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map(drop)
}

pub(in super::super) fn create_folders(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

/// A folder cannot be opened here to be synced.
pub(in super::super) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
