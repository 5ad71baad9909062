//! Expressions and zones, right and wrong, and the days on which clocks are put on and back.

use super::*;

fn at(text: &str) -> Time {
    text.parse().unwrap()
}

fn berlin(expression: &str) -> Schedule {
    Schedule::parse(expression, Some("Europe/Berlin")).unwrap()
}

#[test]
fn expressions_that_a_cron_job_takes_are_taken() {
    for right in [
        "0 1 * * *",
        "*/15 8-18 * * mon-fri",
        "0 0 1,15 JAN,jul 0",
        "0 22 * * 5-7",
        "0-30/10 * * * *",
        "  0   1 * *  * ",
        "0 0 29 2 *",
        "0 0 30 2 mon",
        "@daily",
        "@hourly",
    ] {
        assert_eq!(check(right), Ok(()), "{right}");
    }
}

#[test]
fn a_wrong_expression_is_refused_with_the_field_that_is_wrong() {
    for (wrong, why) in [
        ("", "0 fields"),
        ("0 1 * *", "4 fields"),
        ("0 0 1 * * *", "6 fields"),
        ("60 * * * *", "60 is no minute (0 to 59)"),
        ("0 24 * * *", "24 is no hour (0 to 23)"),
        ("0 0 0 * *", "0 is no day of the month"),
        ("0 0 * 13 *", "13 is no month"),
        ("0 0 * * fri-mon", "fri-mon is no day of the week"),
        ("0 0 * * 8", "8 is no day of the week"),
        ("*/0 * * * *", "*/0 is no minute"),
        ("5/15 * * * *", "5/15 is no minute"),
        ("x * * * *", "x is no minute"),
        ("0 0 1,,2 * *", "1,,2 is no day of the month"),
        ("0 0 30 2 *", "never comes"),
        ("0 0 31 4,6 *", "never comes"),
        ("@reboot", "only @hourly"),
        ("@daily 1", "only @hourly"),
    ] {
        let said = check(wrong).map_err(|fault| fault.to_string());
        assert!(said.as_ref().is_err_and(|said| said.contains(why)), "{wrong}: {said:?}");
    }
}

#[test]
fn a_zone_is_one_of_the_time_zone_database() {
    for right in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+1"] {
        assert_eq!(check_zone(right), Ok(()), "{right}");
    }
    for wrong in ["", "berlin", "Europe/Berln", "Europe/", "+02:00", "Local", "Etc/Unknown", "../etc/passwd"] {
        assert_eq!(check_zone(wrong), Err(Fault::Zone), "{wrong}");
    }
    assert!(zones().iter().any(|name| name == "Europe/Berlin"));
}

#[test]
fn the_zone_decides_when_an_hour_comes() {
    let night = berlin("0 1 * * *");
    assert_eq!(night.next(at("2026-01-10T12:00:00Z")), Some(at("2026-01-11T00:00:00Z")));
    assert_eq!(night.next(at("2026-07-10T12:00:00Z")), Some(at("2026-07-10T23:00:00Z")));
    let utc = Schedule::parse("0 1 * * *", None).unwrap();
    assert_eq!(utc.next(at("2026-07-10T12:00:00Z")), Some(at("2026-07-11T01:00:00Z")));
}

#[test]
fn the_last_time_counts_from_its_very_second_on() {
    let night = Schedule::parse("0 1 * * *", None).unwrap();
    let today = at("2026-07-10T01:00:00Z");
    assert_eq!(night.last(today), Some(today));
    assert_eq!(night.last(at("2026-07-10T01:00:00.5Z")), Some(today));
    assert_eq!(night.last(at("2026-07-10T00:59:59.999Z")), Some(at("2026-07-09T01:00:00Z")));
    assert_eq!(night.next(today), Some(at("2026-07-11T01:00:00Z")));
}

#[test]
fn a_time_that_the_clocks_skip_comes_when_they_have_been_put_on() {
    let skipped = berlin("30 2 * * *");
    let three = at("2026-03-29T01:00:00Z");
    assert_eq!(skipped.next(at("2026-03-29T00:30:00Z")), Some(three));
    assert_eq!(skipped.last(at("2026-03-29T01:10:00Z")), Some(three));
    assert_eq!(skipped.next(three), Some(at("2026-03-30T00:30:00Z")));
}

#[test]
fn a_time_that_the_clocks_show_twice_comes_once() {
    let twice = berlin("30 2 * * *");
    let first = at("2026-10-25T00:30:00Z");
    assert_eq!(twice.next(at("2026-10-25T00:00:00Z")), Some(first));
    assert_eq!(twice.next(first), Some(at("2026-10-26T01:30:00Z")));
    assert_eq!(twice.last(at("2026-10-25T02:00:00Z")), Some(first));
}

#[test]
fn a_day_of_the_month_and_one_of_the_week_are_both_days_as_for_cron() {
    let either = Schedule::parse("0 0 13 * fri", None).unwrap();
    assert_eq!(either.next(at("2026-07-10T00:00:00Z")), Some(at("2026-07-13T00:00:00Z")));
    assert_eq!(either.next(at("2026-07-13T00:00:00Z")), Some(at("2026-07-17T00:00:00Z")));
}

#[test]
fn a_leap_day_is_found_over_the_century_without_one() {
    let leap = Schedule::parse("0 0 29 2 *", None).unwrap();
    assert_eq!(leap.next(at("2096-03-01T00:00:00Z")), Some(at("2104-02-29T00:00:00Z")));
    assert_eq!(leap.last(at("2103-03-01T00:00:00Z")), Some(at("2096-02-29T00:00:00Z")));
}
