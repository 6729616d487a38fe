//! Agreeing on one option for one end, by the Q method (RFC 1143, section 7).

/// What is agreed on about one option of one end of the connection, and what is under way. The rules for the end that asks
/// "will you?" and the end that says "I will" are the same.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) enum Agreement {
    /// The option is off.
    #[default]
    No,
    /// The option is on.
    Yes,
    /// This side has asked to have it off, and waits for the answer.
    WantNo {
        /// And wants it on again as soon as that has come.
        opposite: bool,
    },
    /// This side has asked to have it on, and waits for the answer.
    WantYes {
        /// And wants it off again as soon as that has come.
        opposite: bool,
    },
}

/// What is to be said to the peer: that the option is to be on, or off.
pub(super) type Saying = Option<bool>;

impl Agreement {
    /// Whether the option is on, as far as both sides have agreed.
    pub(super) fn is_on(self) -> bool {
        matches!(self, Self::Yes | Self::WantNo { .. })
    }

    /// This side wants the option on, or off.
    pub(super) fn ask(&mut self, on: bool) -> Saying {
        let (next, saying) = match (*self, on) {
            (Self::No, true) => (Self::WantYes { opposite: false }, Some(true)),
            (Self::Yes, false) => (Self::WantNo { opposite: false }, Some(false)),
            (Self::WantNo { .. }, on) => (Self::WantNo { opposite: on }, None),
            (Self::WantYes { .. }, on) => (Self::WantYes { opposite: !on }, None),
            (state @ (Self::No | Self::Yes), _) => (state, None),
        };
        *self = next;
        saying
    }

    /// The peer has said that the option is, or is to be, on or off. `agrees` tells whether it may be on when the peer
    /// begins.
    pub(super) fn hear(&mut self, on: bool, agrees: bool) -> Saying {
        let (next, saying) = match (*self, on) {
            (Self::No, true) if agrees => (Self::Yes, Some(true)),
            (Self::No, true) => (Self::No, Some(false)),
            (Self::Yes, false) => (Self::No, Some(false)),
            // That is no proper answer, but it is taken for one: otherwise two ends could wait for each other.
            (Self::WantNo { opposite }, true) => (if opposite { Self::Yes } else { Self::No }, None),
            (Self::WantNo { opposite: false }, false) => (Self::No, None),
            (Self::WantNo { opposite: true }, false) => (Self::WantYes { opposite: false }, Some(true)),
            (Self::WantYes { opposite: false }, true) => (Self::Yes, None),
            (Self::WantYes { opposite: true }, true) => (Self::WantNo { opposite: false }, Some(false)),
            (Self::WantYes { .. }, false) => (Self::No, None),
            (state @ (Self::No | Self::Yes), _) => (state, None),
        };
        *self = next;
        saying
    }
}

#[cfg(test)]
mod tests {
    use super::Agreement::{No, WantNo, WantYes, Yes};
    use super::{Agreement, Saying};

    const STATES: [Agreement; 6] = [
        No,
        Yes,
        WantNo { opposite: false },
        WantNo { opposite: true },
        WantYes { opposite: false },
        WantYes { opposite: true },
    ];

    const SAYS_ON: Saying = Some(true);
    const SAYS_OFF: Saying = Some(false);

    /// Does the same to each state, and compares with a row of the RFC.
    #[track_caller]
    fn check(deed: impl Fn(&mut Agreement) -> Saying, expected: [(Agreement, Saying); 6]) {
        for (state, expected) in STATES.into_iter().zip(expected) {
            let mut agreement = state;
            let saying = deed(&mut agreement);
            assert_eq!((agreement, saying), expected, "from {state:?}");
        }
    }

    #[test]
    fn the_peer_says_on_and_may() {
        check(
            |agreement| agreement.hear(true, true),
            [
                (Yes, SAYS_ON),
                (Yes, None),
                (No, None),
                (Yes, None),
                (Yes, None),
                (WantNo { opposite: false }, SAYS_OFF),
            ],
        );
    }

    #[test]
    fn the_peer_says_on_and_may_not() {
        check(
            |agreement| agreement.hear(true, false),
            [
                (No, SAYS_OFF),
                (Yes, None),
                (No, None),
                (Yes, None),
                (Yes, None),
                (WantNo { opposite: false }, SAYS_OFF),
            ],
        );
    }

    #[test]
    fn the_peer_says_off() {
        for agrees in [false, true] {
            check(
                |agreement| agreement.hear(false, agrees),
                [
                    (No, None),
                    (No, SAYS_OFF),
                    (No, None),
                    (WantYes { opposite: false }, SAYS_ON),
                    (No, None),
                    (No, None),
                ],
            );
        }
    }

    #[test]
    fn this_side_wants_it_on() {
        check(
            |agreement| agreement.ask(true),
            [
                (WantYes { opposite: false }, SAYS_ON),
                (Yes, None),
                (WantNo { opposite: true }, None),
                (WantNo { opposite: true }, None),
                (WantYes { opposite: false }, None),
                (WantYes { opposite: false }, None),
            ],
        );
    }

    #[test]
    fn this_side_wants_it_off() {
        check(
            |agreement| agreement.ask(false),
            [
                (No, None),
                (WantNo { opposite: false }, SAYS_OFF),
                (WantNo { opposite: false }, None),
                (WantNo { opposite: false }, None),
                (WantYes { opposite: true }, None),
                (WantYes { opposite: true }, None),
            ],
        );
    }

    #[test]
    fn on_is_what_both_have_agreed_on() {
        assert_eq!(STATES.map(Agreement::is_on), [false, true, true, true, false, false]);
    }

    /// Two ends that talk to each other, with what is under way between them.
    fn settles(one: &mut Agreement, other: &mut Agreement, mut to_one: Vec<bool>, mut to_other: Vec<bool>) {
        for _ in 0..20 {
            if to_one.is_empty() && to_other.is_empty() {
                return;
            }
            let answers: Vec<bool> =
                std::mem::take(&mut to_other).into_iter().filter_map(|on| other.hear(on, true)).collect();
            let replies: Vec<bool> =
                std::mem::take(&mut to_one).into_iter().filter_map(|on| one.hear(on, true)).collect();
            (to_one, to_other) = (answers, replies);
        }
        panic!("they go on for ever");
    }

    #[test]
    fn two_ends_come_to_rest_and_agree_whatever_both_have_asked() {
        for wishes in 0..1_u32 << 6 {
            let (mut one, mut other) = (No, No);
            let (mut to_one, mut to_other) = (Vec::new(), Vec::new());
            for index in 0..3 {
                to_other.extend(one.ask(wishes & (1 << index) != 0));
                to_one.extend(other.ask(wishes & (8 << index) != 0));
            }
            settles(&mut one, &mut other, to_one, to_other);
            assert_eq!(one.is_on(), other.is_on(), "{wishes:b}");
        }
    }
}
