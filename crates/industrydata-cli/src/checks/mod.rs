//! How `doctor` judges what it found: pure functions, one for each part. Nothing here reads or sends anything.

pub(crate) mod answer;
pub(crate) mod check;
pub(crate) mod clock;
pub(crate) mod names;
pub(crate) mod permissions;
pub(crate) mod quota;
pub(crate) mod storage;
pub(crate) mod text;
pub(crate) mod token;
