//! The plain course of things, with which every other one is compared.

use super::script::{Script, Step};

impl Script {
    /// The same without what hinders it and with bytes that follow each other in one read.
    pub(super) fn plain(&self) -> Self {
        let mut steps: Vec<Step> = Vec::new();
        for step in self.steps.iter().filter(|step| step.is_event() || matches!(step, Step::Send(_))) {
            match (steps.last_mut(), step) {
                (_, Step::Send(bytes)) if bytes.is_empty() => {}
                (Some(Step::Send(before)), Step::Send(bytes)) => before.extend(bytes),
                _ => steps.push(step.clone()),
            }
        }
        Self { steps, ..Self::new() }
    }

    /// Whether a lawful protocol does the same as in the plain course of things.
    ///
    /// Nobody can tell what was lost if the connection breaks while something else is going on, nor is time the same
    /// to whom it finds hindered.
    pub(super) fn is_comparable(&self) -> bool {
        if self.break_after.is_some() || self.unread || self.repeats > 0 {
            return false;
        }
        let between_parts = |index: usize| {
            let is_part =
                |index| matches!(self.steps.get(index), Some(Step::Send(bytes)) if !bytes.is_empty());
            index > 0 && is_part(index - 1) && is_part(index + 1)
        };
        let (mut paused, mut blocked, mut joined) = (false, false, false);
        for (index, step) in self.steps.iter().enumerate() {
            match step {
                Step::Pause => paused = true,
                Step::Resume => paused = false,
                Step::Block => blocked = true,
                Step::Unblock => blocked = false,
                Step::And => {
                    joined = true;
                    continue;
                }
                Step::Idle(_) if !between_parts(index) => return false,
                Step::Wait(_) | Step::Idle(_) | Step::Post(_) | Step::Reset | Step::HangUp
                    if paused || blocked || joined =>
                {
                    return false;
                }
                _ => {}
            }
            joined = false;
        }
        !paused && !blocked && !joined
    }

    /// The steps with their repetitions; bytes that follow each other by repetition become one.
    pub(super) fn all_steps(&self) -> Vec<Step> {
        let mut steps = self.steps.clone();
        for _ in 0..self.repeats {
            for step in &self.steps {
                match (steps.last_mut(), step) {
                    (Some(Step::Send(before)), Step::Send(bytes)) => before.extend(bytes),
                    _ => steps.push(step.clone()),
                }
            }
        }
        steps
    }

    /// The beginning, up to `length` bytes of input. Nothing happens after the last of them unless it is the last of all.
    pub(super) fn beginning(&self, length: usize) -> Self {
        if length >= self.length() {
            return self.clone();
        }
        let mut left = length;
        let mut steps = Vec::new();
        for step in &self.steps {
            match step {
                Step::Send(bytes) if bytes.len() >= left => {
                    steps.push(Step::Send(bytes[..left].to_vec()));
                    break;
                }
                Step::Send(bytes) => left -= bytes.len(),
                _ => {}
            }
            steps.push(step.clone());
        }
        Self { steps, ..self.clone() }
    }

    /// How many bytes of input there are.
    pub(super) fn length(&self) -> usize {
        self.steps.iter().map(|step| if let Step::Send(bytes) = step { bytes.len() } else { 0 }).sum()
    }

    /// The same with its input cut at these places, which ascend.
    pub(super) fn cut(&self, cuts: &[usize]) -> Self {
        let mut place = 0;
        let mut steps = Vec::new();
        for step in &self.steps {
            let Step::Send(bytes) = step else {
                steps.push(step.clone());
                continue;
            };
            let end = place + bytes.len();
            let inside = cuts.iter().copied().filter(|cut| (place + 1..end).contains(cut));
            let mut begin = place;
            for cut in inside.chain([end]) {
                steps.push(Step::Send(bytes[begin - place..cut - place].to_vec()));
                begin = cut;
            }
            place = end;
        }
        Self { steps, ..self.clone() }
    }

    /// The same with `before` and `after` each part of the input.
    pub(super) fn around_each_part(&self, before: &Step, after: &Step) -> Self {
        let around = |step: &Step| match step {
            Step::Send(_) => vec![before.clone(), step.clone(), after.clone()],
            _ => vec![step.clone()],
        };
        Self { steps: self.steps.iter().flat_map(around).collect(), ..self.clone() }
    }

    /// The same with `steps` after `length` bytes of input.
    pub(super) fn insert(&self, length: usize, inserted: &[Step]) -> Self {
        let mut place = 0;
        let mut steps = Vec::new();
        let mut inserted = Some(inserted);
        for step in self.cut(&[length]).steps {
            if place == length {
                steps.extend(inserted.take().into_iter().flatten().cloned());
            }
            if let Step::Send(bytes) = &step {
                place += bytes.len();
            }
            steps.push(step);
        }
        steps.extend(inserted.into_iter().flatten().cloned());
        Self { steps, ..self.clone() }
    }

    /// The same without what ends the peer's sending.
    pub(super) fn without_end(&self) -> Self {
        let mut script = self.clone();
        script.steps.retain(|step| !step.is_end());
        script
    }

    /// The same without a pause for breath.
    pub(super) fn without_waits(mut self) -> Self {
        self.steps.retain(|step| !matches!(step, Step::Wait(_)));
        self
    }

    /// Whether the peer comes to an end by itself.
    pub(super) fn has_end(&self) -> bool {
        self.steps.iter().any(Step::is_end)
    }
}
