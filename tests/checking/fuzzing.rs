//! The bytes of a fuzzer as scripts.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ropewalk::testing::{Dice, Events, fuzz_protocol};

use super::chunking::shout;
use super::reading;

#[test]
fn fuzzed_bytes_find_what_they_should() {
    let deaf = || {
        reading(|events: &Events, buffer, _, data| {
            buffer.extend(data);
            if data.contains(&b'\n') {
                events.record(buffer.len());
            }
        })
    };
    // Two bytes in one part, and the same in two.
    fuzz_protocol(deaf(), b"\x07\x0c\n.");
    let caught = catch_unwind(AssertUnwindSafe(|| fuzz_protocol(deaf(), b"\x07\x04\n\x04.")));
    let report = *caught.expect_err("the parts differ").downcast::<String>().expect("the report is text");
    assert!(report.contains(r#"run_exactly(Script::new().send(b"\n").send(b"."))"#), "{report}");
}

#[test]
fn lawful_protocols_pass_whatever_the_bytes() {
    for seed in 0..2_000 {
        let dice = Dice::new(seed);
        let mut data = dice.bytes(40);
        // Lines, or hardly anything would happen.
        data.iter_mut().filter(|byte| **byte % 5 == 0).for_each(|byte| *byte = *dice.pick(b"\r\n"));
        fuzz_protocol(shout, &data);
    }
}
