//! Draws the ratios to the floor as an SVG image, which is readable on light and dark pages.

use std::fmt::Write as _;

use crate::{
    measurement::{Metric, Subject},
    report::Report,
    statistics::Spread,
};

/// What the chart shows of each job.
const SHOWN: [Metric; 6] = [
    Metric::ColdTotal,
    Metric::FirstEvent,
    Metric::WarmP50,
    Metric::WarmCpu,
    Metric::Memory,
    Metric::ZippedSize,
];
/// The colour of each subject.
const CLASSES: [&str; 3] = ["ours", "floor", "lean"];
const WIDTH: u32 = 760;
/// Where bars begin.
const LEFT: f64 = 150.0;
/// Width of the longest bar.
const LONGEST: f64 = 480.0;
const BAR: f64 = 11.0;
/// Height of a metric with its three bars.
const ROW: f64 = 46.0;
const TITLE: f64 = 44.0;
const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#1f2328}.value{font-size:11px}.title{font-weight:600}.ours{fill:#1a7f37}\
.floor{fill:#8c959f}.lean{fill:#0969da}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.ours{fill:#3fb950}.floor{fill:#7d8590}.lean{fill:#58a6ff}}";

/// Draws the medians of all jobs that have references. The length of a bar is relative to the largest of its metric.
pub(crate) fn draw(reports: &[Report]) -> String {
    let mut body = String::new();
    let mut y = 12.0;
    for report in reports {
        let Some(floor) = report.references.first() else {
            continue;
        };
        let _ = write!(
            body,
            r#"<text class="title" x="12" y="{:.0}">{}</text>"#,
            y + 16.0,
            report.job.name()
        );
        let mut x = LEFT;
        for (class, subject) in CLASSES.iter().zip(report.subjects()) {
            let _ = write!(
                body,
                r#"<rect class="{class}" x="{x:.0}" y="{:.0}" width="11" height="11" rx="2"/>"#,
                y + 6.0
            );
            let _ = write!(
                body,
                r#"<text class="value" x="{:.0}" y="{:.0}">{}</text>"#,
                x + 17.0,
                y + 16.0,
                subject.name
            );
            x += 90.0;
        }
        y += TITLE - 12.0;
        for metric in SHOWN {
            let median = |subject: &Subject| Spread::of(subject.values(metric)).median;
            let medians: Vec<_> = report.subjects().map(median).collect();
            let largest = medians.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
            let _ = write!(body, r#"<text x="12" y="{:.0}">{}</text>"#, y + 22.0, metric.name());
            let subjects = report.subjects().zip(medians);
            for (place, (class, (subject, median))) in CLASSES.iter().zip(subjects).enumerate() {
                let top = y + [0.0, 13.0, 26.0].get(place).copied().unwrap_or_default();
                let width = (median / largest * LONGEST).max(1.0);
                let by_floor = match place {
                    1 => String::new(),
                    _ => format!(" ({:.2} x)", subject.ratios(floor, metric).median),
                };
                let _ = write!(
                    body,
                    r#"<rect class="{class}" x="{LEFT}" y="{top:.0}" width="{width:.1}" height="{BAR}" rx="2"/>"#
                );
                let _ = write!(
                    body,
                    r#"<text class="value" x="{:.1}" y="{:.0}">{median:.2}{by_floor}</text>"#,
                    LEFT + width + 6.0,
                    top + 9.5
                );
            }
            y += ROW;
        }
        y += 12.0;
    }
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y:.0}" viewBox="0 0 {WIDTH} {y:.0}" role="img" aria-label="Cost of the functions, compared with the floor"><style>{STYLE}</style>{body}</svg>
"#
    )
}
