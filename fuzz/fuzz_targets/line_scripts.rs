//! All laws of protocols hold for one that changes how its input is read, in whatever order things happen to it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ropewalk::testing::fuzz_protocol;
use ropewalk_fuzz::commands;

fuzz_target!(|input: &[u8]| fuzz_protocol(commands, input));
