//! A covering array: few rows of choices in which every two choices stand together that can.
//!
//! Greedy, a row at a time: each row starts from a pair that no row has yet and takes at every further parameter the
//! level that adds most pairs. What a choice leaves no other way for is chosen with it, and the parameter with the
//! fewest levels left comes next; where none is left the search goes back. A pair from which no row can be completed
//! cannot stand, and is counted.

/// How many choices a search for one row may try before it gives up.
const PATIENCE: usize = 50_000;

/// How many pairs may be given up before no more are tried.
const GIVEN_UP: usize = 16;

/// What must hold between some parameters.
pub struct Constraint {
    /// The parameters it looks at, each once.
    pub scope: Vec<usize>,
    /// Whether choices do not contradict it so far; exact once all in its scope are made.
    pub allows: Box<dyn Fn(&Choices) -> bool>,
}

/// What can be chosen.
pub struct Space<'a> {
    /// The number of levels of each parameter.
    levels: Vec<usize>,
    constraints: Vec<&'a Constraint>,
    /// Of each parameter, the constraints that look at it.
    of: Vec<Vec<usize>>,
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

/// A row while it is made.
#[derive(Clone)]
struct Draft {
    choices: Vec<Option<usize>>,
    /// Of each parameter, the levels that nothing has excluded.
    left: Vec<Vec<bool>>,
}

impl Draft {
    /// The parameter that is open and has the fewest levels left.
    fn next(&self) -> Option<usize> {
        let open = (0..self.choices.len()).filter(|at| self.choices[*at].is_none());
        open.min_by_key(|at| self.left[*at].iter().filter(|left| **left).count())
    }
}

impl<'a> Space<'a> {
    /// Parameters with so many levels each, and what must hold between them.
    pub fn new(levels: Vec<usize>, constraints: impl IntoIterator<Item = &'a Constraint>) -> Self {
        let constraints: Vec<_> = constraints.into_iter().collect();
        let mut of = vec![Vec::new(); levels.len()];
        for (number, constraint) in constraints.iter().enumerate() {
            for at in &constraint.scope {
                of[*at].push(number);
            }
        }
        Self { levels, constraints, of }
    }

    /// Rows that cover every pair of levels that can stand together.
    pub fn cover(&self) -> Cover {
        let mut pairs = Pairs::new(&self.levels);
        let mut rows = Vec::new();
        if self.levels.len() < 2 {
            let lone =
                (0..self.levels.first().copied().unwrap_or(1)).map(|level| vec![level; self.levels.len()]);
            rows.extend(
                lone.filter(|row| self.complete(row.iter().copied().map(Some).collect()) != Found::Nothing),
            );
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

    fn row(&self, choices: Vec<Option<usize>>, pairs: &Pairs) -> Found {
        let left = self.levels.iter().map(|levels| vec![true; *levels]).collect();
        let mut draft = Draft { choices, left };
        let all = 0..self.constraints.len();
        if !all
            .into_iter()
            .all(|number| self.narrow(&mut draft, number).is_some_and(|only| self.follow(&mut draft, only)))
        {
            return Found::Nothing;
        }
        let mut patience = PATIENCE;
        match self.search(draft, pairs, &mut patience) {
            Some(row) => Found::Row(row),
            None if patience == 0 => Found::Unknown,
            None => Found::Nothing,
        }
    }

    /// Chooses for all parameters that are open.
    fn search(&self, draft: Draft, pairs: &Pairs, patience: &mut usize) -> Option<Row> {
        let Some(open) = draft.next() else { return draft.choices.into_iter().collect() };
        let gain = |level: usize| {
            let chosen = draft.choices.iter().enumerate().filter_map(|(at, level)| Some((at, (*level)?)));
            chosen.filter(|other| pairs.is_open((open, level), *other)).count()
        };
        let mut levels: Vec<usize> =
            (0..self.levels[open]).filter(|level| draft.left[open][*level]).collect();
        levels.sort_by_cached_key(|level| std::cmp::Reverse(gain(*level)));
        for level in levels {
            *patience = patience.checked_sub(1)?;
            let mut next = draft.clone();
            next.choices[open] = Some(level);
            if self.follow(&mut next, vec![open])
                && let Some(row) = self.search(next, pairs, patience)
            {
                return Some(row);
            }
        }
        None
    }

    /// Excludes what the choices for `chosen` exclude, and chooses what they leave no other way for; false where
    /// nothing is left.
    fn follow(&self, draft: &mut Draft, mut chosen: Vec<usize>) -> bool {
        while let Some(at) = chosen.pop() {
            for number in &self.of[at] {
                match self.narrow(draft, *number) {
                    Some(only) => chosen.extend(only),
                    None => return false,
                }
            }
        }
        true
    }

    /// Excludes what one constraint does; the parameters that have one level left, which is chosen. None where the
    /// constraint cannot be met.
    fn narrow(&self, draft: &mut Draft, number: usize) -> Option<Vec<usize>> {
        let Constraint { scope, allows } = self.constraints[number];
        if !allows(&draft.choices) {
            return None;
        }
        let mut only = Vec::new();
        for at in scope.iter().copied() {
            if draft.choices[at].is_some() {
                continue;
            }
            for level in 0..self.levels[at] {
                draft.choices[at] = Some(level);
                draft.left[at][level] = draft.left[at][level] && allows(&draft.choices);
            }
            let mut left = (0..self.levels[at]).filter(|level| draft.left[at][*level]);
            draft.choices[at] = left.next();
            draft.choices[at]?;
            if left.next().is_some() {
                draft.choices[at] = None;
            } else {
                only.push(at);
            }
        }
        Some(only)
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

    /// One constraint for each clause.
    fn constraints(levels: &[usize], bans: &Bans) -> Vec<Constraint> {
        let constraint = |ban: &((usize, usize), (usize, usize))| {
            let bans = vec![*ban];
            let mut scope: Vec<usize> =
                [ban.0.0, ban.1.0].into_iter().filter(|parameter| *parameter < levels.len()).collect();
            scope.dedup();
            Constraint { scope, allows: Box::new(move |choices| allows(&bans, choices)) }
        };
        bans.iter().map(constraint).collect()
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
            let constraints = constraints(&levels, &bans);
            let cover = Space::new(levels.clone(), &constraints).cover();
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
        let cover = Space::new(vec![2; 20], []).cover();
        assert_eq!(cover.covered, 20 * 19 / 2 * 4);
        // To try all would need a million.
        assert!(cover.rows.len() <= 20, "{}", cover.rows.len());
    }

    #[test]
    fn one_parameter_or_none_has_its_levels() {
        assert_eq!(Space::new(vec![3], []).cover().rows, [[0], [1], [2]]);
        assert_eq!(Space::new(vec![], []).cover().rows, [Vec::<usize>::new()]);
    }

    #[test]
    fn what_cannot_be_told_in_time_is_counted_as_that() {
        // Nothing is refused before the last choice, and then everything: all would have to be tried.
        let refuses = Constraint {
            scope: (0..40).collect(),
            allows: Box::new(|choices| choices.iter().any(Option::is_none)),
        };
        let space = Space::new(vec![2; 40], [&refuses]);
        assert_eq!(space.complete(vec![None; 40]), Found::Unknown);
    }
}
