//! The README tells the rules a second time, for people; here they are held to the one table.

use opportunity_engine::{Clearing, Field, OnAdd};

const README: &str = include_str!("../README.md");

/// The cells of the README's row for a field.
fn row(field: Field) -> Vec<&'static str> {
    let start = format!("| `{field}` |");
    let mut rows = README.lines().filter(|line| line.starts_with(&start));
    let row = rows.next().unwrap_or_else(|| panic!("no row for {field}"));
    assert!(rows.next().is_none(), "two rows for {field}");
    row.split('|').map(str::trim).filter(|cell| !cell.is_empty()).collect()
}

#[test]
fn the_rules_of_the_readme_are_those_of_the_table() {
    for &field in Field::DETAILS {
        let row = row(field);
        let on_add = match field.on_add() {
            Some(OnAdd::Required) => "required",
            Some(OnAdd::ForCompany) => "required for a company",
            Some(OnAdd::ForContact) => "required for a contact",
            Some(OnAdd::Optional) => "optional",
            other => panic!("{other:?}"),
        };
        let clearing = match field.clearing() {
            Clearing::Never => "no".to_owned(),
            Clearing::Always => "yes".to_owned(),
            Clearing::WhileOwned => {
                let other = Field::DETAILS
                    .iter()
                    .find(|&&other| other != field && other.clearing() == Clearing::WhileOwned);
                format!("if `{}` remains", other.unwrap())
            }
            other => panic!("{other:?}"),
        };
        assert_eq!((row[2], row[3]), (on_add, clearing.as_str()), "{field}");
    }
    for field in Field::ALL {
        row(*field);
    }
}
