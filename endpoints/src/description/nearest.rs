//! What somebody may have meant.

/// The word of `known` that `word` is most likely a slip for, if there is any.
pub(super) fn nearest<'a>(word: &str, known: &'a [String]) -> Option<&'a str> {
    let word: Vec<char> = word.to_lowercase().chars().collect();
    let slips_max = (word.len() / 3).max(1);
    // The first letter is seldom wrong.
    let begins_otherwise = |candidate: &str| word.first().copied() != candidate.chars().next();
    known
        .iter()
        .map(|candidate| (slips(&word, &candidate.chars().collect::<Vec<_>>()), candidate.as_str()))
        .filter(|(slips, _)| *slips <= slips_max)
        .min_by_key(|(slips, candidate)| (*slips, begins_otherwise(candidate)))
        .map(|(_, candidate)| candidate)
}

/// How many characters are missing, superfluous, wrong or swapped with their neighbour (optimal string alignment).
fn slips(word: &[char], candidate: &[char]) -> usize {
    let mut before_last = Vec::new();
    let mut last: Vec<usize> = (0..=candidate.len()).collect();
    for (row, character) in word.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, other) in candidate.iter().enumerate() {
            let replaced = last[column] + usize::from(character != other);
            let mut best = replaced.min(last[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && *character == candidate[column - 1] && word[row - 1] == *other {
                best = best.min(before_last[column - 1] + 1);
            }
            current.push(best);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last[candidate.len()]
}
