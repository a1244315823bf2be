//! Regular expressions (ECMA 262) for the texts that the domain accepts and writes, to be put between `^` and `$`.

/// A day of the years 0001 to 9999. How many days a month has is left to the domain.
const DAY: &str = "(?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])";

const TIME: &str = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]";

/// A text that is not empty.
pub(super) const TEXT: &str = r"[^\u0000]+";

/// Digits that spell an integer from `min`; whether one of 19 digits is too large is left to the domain.
pub(super) fn digits(min: i64) -> &'static str {
    if min > 0 { "0*[1-9][0-9]{0,18}" } else { "0*[0-9]{1,19}" }
}

/// A text that holds something other than white space.
pub(super) fn text_that_is_not_blank() -> String {
    let blank = white_space();
    format!(r"[{blank}]*[^\u0000{blank}][^\u0000]*")
}

/// What a class of characters lists for white space: `\s` is another set.
fn white_space() -> String {
    // All of it lies within the first 65,536 characters, which four hexadecimal digits tell.
    let code_points = (0..=u32::from(u16::MAX)).filter_map(char::from_u32);
    let white_space = code_points.filter(|character| character.is_whitespace());
    white_space.map(|character| format!(r"\u{:04x}", u32::from(character))).collect()
}

/// A closing date as it may be given.
pub(super) fn accepted_date() -> String {
    format!("{DAY}(?: {TIME}(?: UTC)?)?")
}

/// A closing date as it is written: without the time at midnight.
pub(super) fn written_date() -> String {
    format!("{DAY}(?: (?!00:00:00){TIME} UTC)?")
}

/// The time of a change as it is written.
pub(super) fn timestamp() -> String {
    format!(r"{DAY}T{TIME}\.[0-9]{{3}}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_white_space_is_listed() {
        let all = ('\0'..=char::MAX).filter(|character| character.is_whitespace());
        let listed: String =
            all.map(|character| format!(r"\u{:04x}", u32::from(character))).collect();
        assert_eq!(white_space(), listed);
    }
}
