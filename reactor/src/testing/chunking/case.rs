//! Ways of cutting an input, and of making a failing one shorter.

use crate::random::Random;

/// Up to this length every split in two and in three is tried.
pub(super) const EXHAUSTIVE_MAX: usize = 48;

/// How many random splits are tried.
const SAMPLES: usize = 200;

/// How many cuts a random split has at most.
const SAMPLE_CUTS_MAX: usize = 32;

/// Makes the random splits the same in every run.
pub(super) const SEED: u64 = 0x6375_7473;

/// How many shorter cases are tried when one has failed.
const SHORTENINGS_MAX: usize = 2_000;

/// One way of giving a protocol an input.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) input: Vec<u8>,
    /// Where the input is cut. Invariant: ascending, each once, none at the beginning or end.
    cuts: Vec<usize>,
    pub(super) difficulty: Difficulty,
}

/// What is done to the connection while it gets its input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Difficulty {
    /// Nothing.
    None,
    /// Reading is paused from outside while a part arrives.
    PausedOutside,
    /// Reading is paused at each event.
    PausedAtEvents,
    /// The same, and the end of input arrives together with the last part.
    PausedBeforeEnd,
    /// Output is blocked while a part arrives.
    OutputBlocked,
}

impl Difficulty {
    const ALL: [Self; 5] =
        [Self::None, Self::PausedOutside, Self::PausedAtEvents, Self::PausedBeforeEnd, Self::OutputBlocked];

    pub(super) const fn description(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::PausedOutside => Some("reading is paused from outside while each part arrives"),
            Self::PausedAtEvents => Some("reading is paused and resumed at each recorded event"),
            Self::PausedBeforeEnd => Some(
                "reading is paused and resumed at each recorded event, the end of input arrives with the last part",
            ),
            Self::OutputBlocked => {
                Some("output is blocked while each part arrives, the water marks are zero")
            }
        }
    }
}

/// All cases that are tried for `input`.
pub(super) fn cases(input: &[u8]) -> impl Iterator<Item = Case> {
    let length = input.len();
    let exhaustive = if length <= EXHAUSTIVE_MAX { length } else { 0 };
    let bytewise: Vec<_> = (1..length).collect();
    let halves = (1..exhaustive).map(|cut| vec![cut]);
    let short_bytewise = (exhaustive > 0).then(|| bytewise.clone());
    let hindered = std::iter::once(Vec::new()).chain(halves).chain(short_bytewise);
    let hindered = hindered.flat_map(|cuts| Difficulty::ALL.map(|difficulty| (cuts.clone(), difficulty)));
    let thirds =
        (1..exhaustive).flat_map(move |first| (first + 1..exhaustive).map(move |second| vec![first, second]));
    let plain = std::iter::once(bytewise).chain(thirds).map(|cuts| (cuts, Difficulty::None));
    let mut random = Random::new(SEED);
    let samples = Difficulty::ALL.into_iter().cycle().take(SAMPLES);
    let samples = samples.map(move |difficulty| (random_cuts(length, &mut random), difficulty));
    let all = hindered.chain(plain).chain(samples);
    all.map(|(cuts, difficulty)| Case { input: input.to_vec(), cuts, difficulty })
}

/// Cuts into a long part, some that are short or middling, and the rest.
fn random_cuts(length: usize, random: &mut Random) -> Vec<usize> {
    let longest = 1 << below(random, 12);
    let mut cuts = Vec::new();
    let mut place = below(random, length);
    while place < length && cuts.len() < SAMPLE_CUTS_MAX {
        if place > 0 {
            cuts.push(place);
        }
        place += 1 + below(random, longest);
    }
    cuts
}

fn below(random: &mut Random, end: usize) -> usize {
    // Fits: it is less than `end`.
    (random.next() % end.max(1) as u64) as usize
}

impl Case {
    /// The input in one read.
    pub(super) fn whole(input: &[u8]) -> Self {
        Self { input: input.to_vec(), cuts: Vec::new(), difficulty: Difficulty::None }
    }

    /// The input in parts. Of an empty input there is no part.
    pub(super) fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let begins = std::iter::once(0).chain(self.cuts.iter().copied());
        let ends = self.cuts.iter().copied().chain([self.input.len()]);
        begins.zip(ends).map(|(begin, end)| &self.input[begin..end]).filter(|part| !part.is_empty())
    }

    /// The same with bytes and cuts left out, as long as it still fails.
    pub(super) fn shortened(self, fails: impl Fn(&Self) -> bool) -> Self {
        let mut shortest = self;
        let mut tries = SHORTENINGS_MAX;
        loop {
            let shorter = shortest.shorter().take(tries).inspect(|_| tries -= 1).find(|case| fails(case));
            match shorter {
                Some(shorter) => shortest = shorter,
                None => return shortest,
            }
        }
    }

    /// Cases that are a step shorter, those with most left out first.
    fn shorter(&self) -> impl Iterator<Item = Self> {
        let easier = Self { difficulty: Difficulty::None, ..self.clone() };
        let easier = Some(easier).filter(|_| self.difficulty != Difficulty::None);
        let fewer_bytes = ranges(self.input.len()).map(|(begin, end)| self.without_bytes(begin, end));
        let fewer_cuts = ranges(self.cuts.len()).map(|(begin, end)| self.without_cuts(begin, end));
        easier.into_iter().chain(fewer_bytes).chain(fewer_cuts)
    }

    fn without_bytes(&self, begin: usize, end: usize) -> Self {
        let mut input = self.input.clone();
        input.drain(begin..end);
        let moved = |cut: usize| if cut < end { cut.min(begin) } else { cut - (end - begin) };
        let mut cuts: Vec<_> = self.cuts.iter().map(|cut| moved(*cut)).collect();
        cuts.dedup();
        cuts.retain(|cut| (1..input.len()).contains(cut));
        Self { input, cuts, difficulty: self.difficulty }
    }

    fn without_cuts(&self, begin: usize, end: usize) -> Self {
        let mut shorter = self.clone();
        shorter.cuts.drain(begin..end);
        shorter
    }
}

/// Everything, then the halves, the quarters, and so on, down to single items.
fn ranges(length: usize) -> impl Iterator<Item = (usize, usize)> {
    let sizes = std::iter::successors(Some(length), |size| Some(size.div_ceil(2)).filter(|_| *size > 1));
    let sizes = sizes.filter(|size| *size > 0);
    sizes.flat_map(move |size| (0..length).step_by(size).map(move |begin| (begin, length.min(begin + size))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn splits(input: &[u8]) -> Vec<(Vec<Vec<u8>>, Difficulty)> {
        let split = |case: Case| (case.parts().map(<[u8]>::to_vec).collect(), case.difficulty);
        cases(input).map(split).collect()
    }

    #[test]
    fn short_inputs_are_cut_in_every_way_and_no_byte_is_lost() {
        let input: Vec<u8> = (0..EXHAUSTIVE_MAX as u8).collect();
        let splits = splits(&input);
        assert!(splits.iter().all(|(parts, _)| parts.concat() == input));
        let mut plain: Vec<_> = splits.into_iter().filter(|split| split.1 == Difficulty::None).collect();
        plain.sort_by_key(|(parts, _)| parts.clone());
        plain.dedup();
        let with = |count| plain.iter().filter(|(parts, _)| parts.len() == count).count();
        assert_eq!((with(1), with(2), with(3), with(48)), (1, 47, 47 * 46 / 2, 1));
        assert!(with(4) > 0, "random splits");
    }

    #[test]
    fn long_and_empty_inputs_have_cases_too() {
        let input = vec![b'x'; 10_000];
        let long = splits(&input);
        assert_eq!(long.len(), 5 + 1 + SAMPLES);
        assert!(long.iter().all(|(parts, _)| parts.concat() == input));
        assert!(splits(b"").iter().all(|(parts, _)| parts.is_empty()));
    }

    #[test]
    fn shortening_ends_at_what_cannot_be_left_out() {
        let input: Vec<u8> = (0..200).collect();
        let case = Case { input, cuts: (1..200).collect(), difficulty: Difficulty::OutputBlocked };
        let apart = |case: &Case| {
            let part_of = |byte| case.parts().position(|part| part.contains(&byte));
            part_of(77).is_some() && part_of(77) < part_of(133)
        };
        let shortest = case.shortened(apart);
        assert_eq!(shortest.parts().collect::<Vec<_>>(), [[77], [133]]);
        assert_eq!(shortest.difficulty, Difficulty::None);
    }
}
