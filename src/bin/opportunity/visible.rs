//! Text from a database in a terminal, where it is shown and does nothing else.

use unicode_width::UnicodeWidthChar;

/// What stands for the end of a text that is cut.
const CUT: char = '…';

/// How many bytes a text may take for each column. Marks above letters take none, and there may be thousands.
const BYTES_PER_COLUMN: usize = 16;

/// How many columns of a terminal a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(width_of).sum()
}

/// A text in one line that takes at most so many columns; the end of a longer one is cut. What would move the
/// cursor, change the terminal or the direction of writing is shown as its code.
pub(crate) fn fitted(text: &str, columns: usize) -> String {
    let mut fitted = String::new();
    let (mut used, mut room_for_cut) = (0, 0);
    for character in text.chars() {
        let before = fitted.len();
        if is_safe(character) {
            fitted.push(character);
        } else {
            fitted.extend(character.escape_default());
        }
        used += width(&fitted[before..]);
        if used > columns || fitted.len() > columns * BYTES_PER_COLUMN {
            fitted.truncate(room_for_cut);
            fitted.push(CUT);
            return fitted;
        }
        if used < columns {
            room_for_cut = fitted.len();
        }
    }
    fitted
}

/// Whether a terminal shows a character where the one before ends, and goes on after it.
fn is_safe(character: char) -> bool {
    // The latter: marks, embeddings, overrides and isolates of the direction, ends of lines and paragraphs, forms
    // of digits, annotations.
    !character.is_control()
        && !matches!(
            character,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{206f}'
                | '\u{fff9}'..='\u{fffb}'
        )
}

fn width_of(character: char) -> usize {
    character.width().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_fits_is_as_it_was() {
        for (text, columns) in [
            ("", 0),
            ("Lead", 4),
            ("„Größe“ \\n 'q' \"r\"", 18),
            ("東京", 4),
            ("e\u{301}a", 2),
            ("שלום", 4),
            ("a\u{200d}b", 2),
            ("🏯", 2),
        ] {
            assert_eq!((fitted(text, columns).as_str(), width(text)), (text, columns));
        }
    }

    #[test]
    fn a_longer_text_is_cut_at_a_character_and_never_too_wide() {
        assert_eq!(fitted("Lead By API", 8), "Lead By…");
        assert_eq!(fitted("東京都", 5), "東京…");
        assert_eq!(fitted("東京都", 4), "東…");
        assert_eq!(fitted("ab\u{1b}", 7), "ab…");
        assert_eq!(fitted("ab\u{1b}", 8), "ab\\u{1b}");
        for columns in 1..30 {
            for text in ["東京都庁舎".repeat(9), "a\u{202e}".repeat(9), "e\u{301}".repeat(40)]
            {
                let fitted = fitted(&text, columns);
                assert!(width(&fitted) <= columns && fitted.ends_with(CUT), "{columns}: {fitted}");
            }
        }
    }

    #[test]
    fn marks_without_end_are_cut() {
        let fitted = fitted(&"e\u{301}".repeat(9).replace('e', &"\u{302}".repeat(10_000)), 10);
        assert!(fitted.len() <= 10 * BYTES_PER_COLUMN + CUT.len_utf8(), "{} bytes", fitted.len());
    }

    /// Every character there is. Seen to fail without the overrides, and for C0 without C1.
    #[test]
    fn nothing_that_is_shown_moves_the_cursor_or_turns_the_line() {
        let codes = (0x2028..=0x202e).chain(0x2066..=0x206f).chain(0xfff9..=0xfffb);
        let turning: Vec<char> =
            [0x61c, 0x200e, 0x200f].into_iter().chain(codes).filter_map(char::from_u32).collect();
        for character in '\0'..=char::MAX {
            let shown = fitted(&character.to_string(), 10);
            let is_shown_as_its_code = shown != character.to_string();
            let is_harmful = character.is_control() || turning.contains(&character);
            assert_eq!(is_shown_as_its_code, is_harmful, "{character:?}");
            assert!(!shown.chars().any(|it| it.is_control() || turning.contains(&it)), "{shown:?}");
        }
    }
}
