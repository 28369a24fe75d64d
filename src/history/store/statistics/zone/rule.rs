//! The rules that zones have today.
//!
//! Each line of the table is a rule in the notation of POSIX and the names that follow it: the last
//! line of each zone's file, as the IANA Time Zone Database (public domain) has it.

use tz::TimeZone;

const TABLE: &str = include_str!("rules.txt");

/// Returns the zone of this name, with the rule that it has today for all times.
pub fn of(name: &str) -> Option<TimeZone> {
    let mut lines = TABLE.lines().map(|line| line.split(' '));
    let rule = lines.find_map(|mut words| {
        let rule = words.next()?;
        words.any(|word| word == name).then_some(rule)
    })?;
    TimeZone::from_tz_data(&file(rule)).ok()
}

/// Returns the file of a zone without a past: the format of files has more rules than a variable TZ
/// may have, such as a change the day before.
fn file(rule: &str) -> Vec<u8> {
    let mut block = b"TZif3".to_vec();
    block.extend([0; 15]);
    let [types, characters] = [1_u32, 4];
    for count in [0, 0, 0, 0, types, characters] {
        block.extend(count.to_be_bytes());
    }
    block.extend([0; 6]); // a type: seconds from UTC, summer time, place of its name
    block.extend(b"UTC\0");
    let mut file = block.repeat(2);
    file.extend(format!("\n{rule}\n").bytes());
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_the_table_can_be_read_and_every_name_is_there_once() {
        let mut names = Vec::new();
        for line in TABLE.lines() {
            let (rule, of_rule) = line.split_once(' ').unwrap();
            let zone = TimeZone::from_tz_data(&file(rule));
            assert!(zone.is_ok(), "{rule}: {zone:?}");
            names.extend(of_rule.split(' '));
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert!(names.len() == count && count > 500, "{count}");
    }
}
