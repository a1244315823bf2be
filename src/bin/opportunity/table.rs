//! A table of opportunities, for people.

use opportunity_engine::{BelongsTo, Field, Opportunity, SystemField};

use crate::visible::{fitted, width};

/// How many columns of a terminal a line takes, unless ids are very long.
const LINE: usize = 100;

/// The least that is left for a name.
const MIN_NAME: usize = 20;

/// What is between two columns.
const GAP: &str = "  ";

struct Column {
    title: &'static str,
    is_number: bool,
    cell: fn(&Opportunity) -> String,
}

/// Which of them is the name: it gets what the others leave.
const NAME: usize = 1;

const COLUMNS: [Column; 7] = [
    Column { title: Field::Id.wire_name(), is_number: true, cell: |it| it.id().to_string() },
    Column { title: Field::Name.wire_name(), is_number: false, cell: |it| it.name().to_string() },
    Column {
        title: Field::StageId.wire_name(),
        is_number: true,
        cell: |it| it.stage_id().to_string(),
    },
    Column { title: "belongsTo", is_number: false, cell: belongs_to },
    Column { title: Field::ClosedDate.wire_name(), is_number: false, cell: closed_on },
    Column {
        title: SystemField::Version.wire_name(),
        is_number: true,
        cell: |it| it.version().to_string(),
    },
    Column { title: SystemField::ModifiedAt.wire_name(), is_number: false, cell: modified_at },
];

fn belongs_to(opportunity: &Opportunity) -> String {
    match opportunity.belongs_to() {
        BelongsTo::Company(id) => format!("company {id}"),
        BelongsTo::Contact(id) => format!("contact {id}"),
        // There are no others yet.
        _ => String::new(),
    }
}

/// The day.
fn closed_on(opportunity: &Opportunity) -> String {
    let date = opportunity.closed_date();
    date.map(|date| date.to_datetime().date().to_string()).unwrap_or_default()
}

/// The second, UTC, in the form in which it is asked for.
fn modified_at(opportunity: &Opportunity) -> String {
    opportunity.modified_at().to_datetime().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// How wide the columns are.
pub(crate) struct Table {
    widths: [usize; COLUMNS.len()],
}

impl Table {
    /// A table that begins with these and has room for them. Names are cut where a line would get too long; if
    /// others follow, whose names are not known yet, they get all the room that there is.
    pub(crate) fn that_begins_with(opportunities: &[Opportunity], goes_on: bool) -> Self {
        let mut widths = COLUMNS.map(|column| {
            let cells = opportunities.iter().map(|it| fitted(&(column.cell)(it), LINE));
            cells.map(|cell| width(&cell)).max().unwrap_or(0).max(width(column.title))
        });
        let taken: usize = widths.iter().map(|width| width + GAP.len()).sum();
        let room = LINE.saturating_sub(taken - GAP.len() - widths[NAME]).max(MIN_NAME);
        widths[NAME] = if goes_on { room } else { widths[NAME].min(room) };
        Self { widths }
    }

    pub(crate) fn header(&self) -> String {
        self.line(|column| column.title.to_owned())
    }

    pub(crate) fn row(&self, opportunity: &Opportunity) -> String {
        self.line(|column| (column.cell)(opportunity))
    }

    fn line(&self, cell: impl Fn(&Column) -> String) -> String {
        let mut cells =
            COLUMNS.iter().zip(self.widths).enumerate().map(|(nth, (column, width))| {
                let cell = cell(column);
                let cell = if nth == NAME { fitted(&cell, width) } else { cell };
                padded(&cell, width, column.is_number)
            });
        let line = cells.next().unwrap_or_default();
        let line = cells.fold(line, |line, cell| line + GAP + &cell);
        line.trim_end().to_owned()
    }
}

fn padded(cell: &str, columns: usize, is_number: bool) -> String {
    let blanks = " ".repeat(columns.saturating_sub(width(cell)));
    if is_number { blanks + cell } else { cell.to_owned() + &blanks }
}
