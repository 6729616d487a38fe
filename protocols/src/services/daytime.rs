//! Daytime.

use ropewalk_reactor::{Protocol, Result, Transport};

const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Sends the date and time of day in UTC as a line and closes (RFC 867, in its first form):
/// `Monday, February 22, 1982 17:37:43-UTC`, and CR LF.
///
/// ```
/// let factory = ropewalk_reactor::for_protocol(|| ropewalk_protocols::Daytime);
/// ```
#[derive(Clone, Copy, Default, Debug)]
pub struct Daytime;

impl Protocol for Daytime {
    fn connection_made(&mut self, transport: &Transport) {
        let text = format_time(super::unix_seconds(transport.reactor().system_time()));
        transport.write(text + "\r\n");
        transport.lose_connection();
    }

    fn data_received(&mut self, _transport: &Transport, _data: &[u8]) -> Result {
        Ok(())
    }
}

fn format_time(unix_seconds: i64) -> String {
    let days = unix_seconds.div_euclid(SECONDS_PER_DAY);
    let seconds = unix_seconds.rem_euclid(SECONDS_PER_DAY);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let (year, month, day) = date(days);
    // 1970 began on a Thursday.
    let weekday = WEEKDAYS[(days + 4).rem_euclid(7) as usize];
    let month = MONTHS[month];
    format!("{weekday}, {month} {day}, {year} {hour:02}:{minute:02}:{second:02}-UTC")
}

/// The year, the month (0 is January) and the day of the month, `days` after the beginning of 1970, in the Gregorian
/// calendar.
///
/// Years are counted from March, so that a leap day is the last day of its year; 400 years are always 146,097 days.
fn date(days: i64) -> (i64, usize, i64) {
    // 719,468 days lie between the first of March of the year 0 and 1970.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // The months from March on are 31, 30, 31, 30, 31 days long, again and again.
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12;
    let year = era * 400 + year_of_era + i64::from(month < 2);
    (year, month as usize, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments_read_as_they_should() {
        for (seconds, text) in [
            (0, "Thursday, January 1, 1970 00:00:00-UTC"),
            (-1, "Wednesday, December 31, 1969 23:59:59-UTC"),
            (383_247_463, "Monday, February 22, 1982 17:37:43-UTC"),
            (951_782_400, "Tuesday, February 29, 2000 00:00:00-UTC"),
            (1_709_251_199, "Thursday, February 29, 2024 23:59:59-UTC"),
            (4_107_542_400, "Monday, March 1, 2100 00:00:00-UTC"),
            (-2_208_988_800, "Monday, January 1, 1900 00:00:00-UTC"),
        ] {
            assert_eq!(format_time(seconds), text);
        }
    }

    /// Against a calendar that counts one day at a time.
    #[test]
    fn every_day_of_eight_centuries_follows_the_one_before() {
        let (mut year, mut month, mut day) = (1970, 0, 1);
        for days in 0..800 * 366 {
            assert_eq!(date(days), (year, month, day));
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = match month {
                1 if leap => 29,
                1 => 28,
                3 | 5 | 8 | 10 => 30,
                _ => 31,
            };
            day += 1;
            if day > length {
                (month, day) = (month + 1, 1);
            }
            if month == 12 {
                (year, month) = (year + 1, 0);
            }
        }
    }
}
