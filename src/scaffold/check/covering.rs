//! A covering array: few rows of choices in which every two choices stand together that can.
//!
//! Greedy, a row at a time: each row starts from a pair that no row has yet and takes at every further parameter the
//! level that adds most pairs, going back where the constraints leave no other way. A pair from which no row can be
//! completed cannot stand, and is counted.

/// How many choices a search for one row may try before it gives up. With seven transports some pairs are only found
/// impossible after a million.
const PATIENCE: usize = 3_000_000;

/// How many pairs may be given up before no more are tried.
const GIVEN_UP: usize = 16;

/// What can be chosen: how many levels each parameter has, and whether choices may still become a row.
pub struct Space<'a> {
    /// The number of levels of each parameter.
    pub levels: Vec<usize>,
    /// Whether choices do not contradict each other so far; exact once all are made.
    pub allows: &'a dyn Fn(&Choices) -> bool,
}

/// The level of each parameter, where it is chosen.
pub type Choices = [Option<usize>];

/// A level for each parameter.
pub type Row = Vec<usize>;

/// The rows, and how well they cover.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Cover {
    /// The rows.
    pub rows: Vec<Row>,
    /// The pairs that stand together in some row.
    pub covered: usize,
    /// The pairs that cannot stand together.
    pub impossible: usize,
    /// The pairs for which the search was given up.
    pub unknown: usize,
}

/// What a search for a row came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// This row.
    Row(Row),
    /// There is none.
    Nothing,
    /// It was given up.
    Unknown,
}

/// What is known of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pair {
    Open,
    Covered,
    Impossible,
    Unknown,
}

/// All pairs of two levels of two parameters.
struct Pairs {
    /// Where the levels of each parameter start among all levels.
    starts: Vec<usize>,
    count: usize,
    known: Vec<Pair>,
    given_up: usize,
}

impl Pairs {
    fn new(levels: &[usize]) -> Self {
        let starts = levels.iter().scan(0, |sum, levels| {
            let start = *sum;
            *sum += levels;
            Some(start)
        });
        let count = levels.iter().sum();
        Self { starts: starts.collect(), count, known: vec![Pair::Open; count * count], given_up: 0 }
    }

    fn index(&self, one: (usize, usize), other: (usize, usize)) -> usize {
        let (one, other) = (self.starts[one.0] + one.1, self.starts[other.0] + other.1);
        one.min(other) * self.count + one.max(other)
    }

    fn is_open(&self, one: (usize, usize), other: (usize, usize)) -> bool {
        self.known[self.index(one, other)] == Pair::Open
    }

    fn mark(&mut self, one: (usize, usize), other: (usize, usize), as_what: Pair) {
        let index = self.index(one, other);
        self.known[index] = as_what;
    }

    fn counted(&self, what: Pair) -> usize {
        self.known.iter().filter(|one| **one == what).count()
    }
}

impl Space<'_> {
    /// Rows that cover every pair of levels that can stand together.
    pub fn cover(&self) -> Cover {
        let mut pairs = Pairs::new(&self.levels);
        let mut rows = Vec::new();
        if self.levels.len() < 2 {
            let lone =
                (0..self.levels.first().copied().unwrap_or(1)).map(|level| vec![level; self.levels.len()]);
            rows.extend(lone.filter(|row| (self.allows)(&row.iter().copied().map(Some).collect::<Vec<_>>())));
        }
        for (first, levels) in self.levels.iter().enumerate() {
            for second in first + 1..self.levels.len() {
                for one in (0..*levels).map(|level| (first, level)) {
                    for other in (0..self.levels[second]).map(|level| (second, level)) {
                        self.cover_pair(one, other, &mut pairs, &mut rows);
                    }
                }
            }
        }
        Cover {
            rows,
            covered: pairs.counted(Pair::Covered),
            impossible: pairs.counted(Pair::Impossible),
            unknown: pairs.counted(Pair::Unknown),
        }
    }

    fn cover_pair(&self, one: (usize, usize), other: (usize, usize), pairs: &mut Pairs, rows: &mut Vec<Row>) {
        if !pairs.is_open(one, other) {
            return;
        }
        if pairs.given_up >= GIVEN_UP {
            return pairs.mark(one, other, Pair::Unknown);
        }
        let mut choices = vec![None; self.levels.len()];
        choices[one.0] = Some(one.1);
        choices[other.0] = Some(other.1);
        match self.row(choices, pairs) {
            Found::Row(row) => {
                for (first, level) in row.iter().enumerate() {
                    for (second, other) in row.iter().enumerate().skip(first + 1) {
                        pairs.mark((first, *level), (second, *other), Pair::Covered);
                    }
                }
                rows.push(row);
            }
            Found::Nothing => pairs.mark(one, other, Pair::Impossible),
            Found::Unknown => {
                pairs.given_up += 1;
                pairs.mark(one, other, Pair::Unknown);
            }
        }
    }

    /// A row that holds `choices`.
    pub fn complete(&self, choices: Vec<Option<usize>>) -> Found {
        let mut pairs = Pairs::new(&self.levels);
        pairs.known.fill(Pair::Covered);
        self.row(choices, &pairs)
    }

    fn row(&self, mut choices: Vec<Option<usize>>, pairs: &Pairs) -> Found {
        if !(self.allows)(&choices) {
            return Found::Nothing;
        }
        let mut patience = PATIENCE;
        if self.search(&mut choices, pairs, &mut patience) {
            return Found::Row(choices.into_iter().flatten().collect());
        }
        if patience == 0 { Found::Unknown } else { Found::Nothing }
    }

    /// Chooses for all parameters that are open, the first one first; leaves `choices` as they were if it cannot.
    fn search(&self, choices: &mut [Option<usize>], pairs: &Pairs, patience: &mut usize) -> bool {
        let Some(open) = choices.iter().position(Option::is_none) else { return true };
        let gain = |level: usize| {
            let chosen = choices.iter().enumerate().filter_map(|(at, level)| Some((at, (*level)?)));
            chosen.filter(|other| pairs.is_open((open, level), *other)).count()
        };
        let mut levels: Vec<usize> = (0..self.levels[open]).collect();
        levels.sort_by_cached_key(|level| std::cmp::Reverse(gain(*level)));
        for level in levels {
            if *patience == 0 {
                break;
            }
            *patience -= 1;
            choices[open] = Some(level);
            if (self.allows)(choices) && self.search(choices, pairs, patience) {
                return true;
            }
        }
        choices[open] = None;
        false
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Clauses of two choices that must not stand together.
    type Bans = Vec<((usize, usize), (usize, usize))>;

    fn allows(bans: &Bans, choices: &Choices) -> bool {
        let has = |(parameter, level): (usize, usize)| choices.get(parameter) == Some(&Some(level));
        !bans.iter().any(|(one, other)| has(*one) && has(*other))
    }

    /// Every row there is.
    fn all(levels: &[usize], bans: &Bans) -> Vec<Row> {
        let mut rows = vec![Vec::new()];
        for count in levels {
            rows = rows
                .into_iter()
                .flat_map(|row: Row| (0..*count).map(move |level| [row.clone(), vec![level]].concat()))
                .collect();
        }
        rows.retain(|row| allows(bans, &row.iter().copied().map(Some).collect::<Vec<_>>()));
        rows
    }

    fn has_pair(rows: &[Row], one: (usize, usize), other: (usize, usize)) -> bool {
        rows.iter().any(|row| row[one.0] == one.1 && row[other.0] == other.1)
    }

    proptest! {
        /// Against trying everything: what can stand together does in some row, and each row may stand.
        #[test]
        fn every_pair_that_can_stand_together_does(
            levels in prop::collection::vec(1_usize..4, 2..6),
            bans in prop::collection::vec(((0_usize..6, 0_usize..3), (0_usize..6, 0_usize..3)), 0..8),
        ) {
            let refuses = |choices: &Choices| allows(&bans, choices);
            let cover = Space { levels: levels.clone(), allows: &refuses }.cover();
            let all = all(&levels, &bans);
            for row in &cover.rows {
                prop_assert!(all.contains(row));
            }
            let mut possible = 0;
            let mut impossible = 0;
            for (first, count) in levels.iter().enumerate() {
                for (second, others) in levels.iter().enumerate().skip(first + 1) {
                    for one in 0..*count {
                        for other in 0..*others {
                            let can = has_pair(&all, (first, one), (second, other));
                            let does = has_pair(&cover.rows, (first, one), (second, other));
                            prop_assert_eq!(can, does);
                            possible += usize::from(can);
                            impossible += usize::from(!can);
                        }
                    }
                }
            }
            prop_assert_eq!((cover.covered, cover.impossible, cover.unknown), (possible, impossible, 0));
        }
    }

    #[test]
    fn there_are_few_rows() {
        let cover = Space { levels: vec![2; 20], allows: &|_| true }.cover();
        assert_eq!(cover.covered, 20 * 19 / 2 * 4);
        // To try all would need a million.
        assert!(cover.rows.len() <= 20, "{}", cover.rows.len());
    }

    #[test]
    fn one_parameter_or_none_has_its_levels() {
        assert_eq!(Space { levels: vec![3], allows: &|_| true }.cover().rows, [[0], [1], [2]]);
        assert_eq!(Space { levels: vec![], allows: &|_| true }.cover().rows, [Vec::<usize>::new()]);
    }

    #[test]
    fn what_cannot_be_told_in_time_is_counted_as_that() {
        // Nothing is refused before the last choice, and then everything: all would have to be tried.
        let allows = |choices: &Choices| choices.iter().any(Option::is_none);
        let space = Space { levels: vec![2; 40], allows: &allows };
        assert_eq!(space.complete(vec![None; 40]), Found::Unknown);
    }
}
