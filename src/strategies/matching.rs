//! Texts that match a pattern.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use proptest::string::{RegexGeneratorStrategy, string_regex};

type Drawn = Arc<RegexGeneratorStrategy<String>>;

/// To read a pattern takes far longer than to draw from it, and a `&str` is read anew for each value that is drawn.
static READ: LazyLock<Mutex<HashMap<&'static str, Drawn>>> = LazyLock::new(Mutex::default);

/// Texts that match a pattern.
pub(super) fn matching(pattern: &'static str) -> Drawn {
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    let new = || string_regex(pattern).unwrap_or_else(|error| unreachable!("{pattern}: {error}"));
    Arc::clone(read.entry(pattern).or_insert_with(|| Arc::new(new())))
}
