//! Members that a newer release stored.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// Members that this release does not know, kept as they are. Usually there are none, which takes no more than a word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rest(Option<Box<Map<String, Value>>>);

impl Rest {
    pub(super) fn members(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.iter().flat_map(|members| members.iter())
    }
}

impl From<Map<String, Value>> for Rest {
    fn from(members: Map<String, Value>) -> Self {
        Self((!members.is_empty()).then(|| Box::new(members)))
    }
}

impl<'de> Deserialize<'de> for Rest {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        Map::deserialize(reader).map(Self::from)
    }
}

#[cfg(any(test, feature = "serde"))]
impl serde::Serialize for Rest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.members())
    }
}
