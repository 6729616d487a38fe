//! All laws of protocols hold for one that changes how its input is read, whatever its peer sends.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ropewalk::testing::check_protocol;
use ropewalk_fuzz::commands;

/// A check runs an input in hundreds of ways.
const LENGTH_MAX: usize = 32;

fuzz_target!(|input: &[u8]| {
    check_protocol(commands, &input[..input.len().min(LENGTH_MAX)]);
});
