//! Ids that belong to another id: the reasons of stages, the contacts of companies.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Ids, each with those that belong to it.
#[derive(Debug, Clone)]
pub(super) struct Owners<O, M> {
    members: HashMap<O, HashSet<M>>,
    /// The members of all owners: found at once, however many owners there are.
    all: HashSet<M>,
}

impl<O: Eq + Hash, M> Owners<O, M> {
    pub(super) fn knows(&self, owner: &O) -> bool {
        self.members.contains_key(owner)
    }

    /// Those that belong to an owner; `None` if that one is not known.
    pub(super) fn members(&self, owner: &O) -> Option<&HashSet<M>> {
        self.members.get(owner)
    }

    /// Those that belong to any owner.
    pub(super) const fn all_members(&self) -> &HashSet<M> {
        &self.all
    }
}

impl<O, M> Default for Owners<O, M> {
    fn default() -> Self {
        Self { members: HashMap::new(), all: HashSet::new() }
    }
}

/// Reads an object of lists.
impl<'de, O, M> Deserialize<'de> for Owners<O, M>
where
    O: Deserialize<'de> + Eq + Hash,
    M: Deserialize<'de> + Eq + Hash + Copy,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members: HashMap<O, HashSet<M>> = each_key_once(deserializer)?;
        let all = members.values().flatten().copied().collect();
        Ok(Self { members, all })
    }
}

/// Reads a map, and refuses a key that comes again: serde's own way is to drop what came first.
pub(super) fn each_key_once<'de, D, K, V>(deserializer: D) -> Result<HashMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Eq + Hash,
    V: Deserialize<'de>,
{
    deserializer.deserialize_map(EachKeyOnce(PhantomData))
}

struct EachKeyOnce<K, V>(PhantomData<(K, V)>);

impl<'de, K: Deserialize<'de> + Eq + Hash, V: Deserialize<'de>> Visitor<'de> for EachKeyOnce<K, V> {
    type Value = HashMap<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object whose keys are ids")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<HashMap<K, V>, A::Error> {
        let mut map = HashMap::new();
        while let Some(key) = entries.next_key()? {
            if map.insert(key, entries.next_value()?).is_some() {
                return Err(Error::custom("an id is given more than once"));
            }
        }
        Ok(map)
    }
}
