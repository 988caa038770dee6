//! Sorting only the first elements of a list, in the order that Redis gives to equal ones.
//!
//! Places at the same distance are equal here, and a COUNT can cut between them. Which of them a client sees is then the
//! work of the algorithm: this is the quicksort of Bentley and McIlroy ("Engineering a sort function", Software: Practice
//! and Experience 23, 1993), which leaves parts alone in which no wanted place is.

use std::cmp::Ordering;

/// Parts up to this length are sorted by insertion.
const BY_INSERTION: usize = 7;

/// Parts up to this length have the median of three as their pivot, longer ones the median of three such medians.
const BY_MEDIAN: usize = 40;

/// Sorts `list` as far as its first `wanted` elements, which are at least one. The others are behind them in any order.
/// O(n + wanted log wanted) in the mean, and O(n log n) at worst.
pub fn sort_first<T>(list: &mut [T], wanted: usize, compare: &impl Fn(&T, &T) -> Ordering) {
    let depth = 4 * list.len().checked_ilog2().unwrap_or(0);
    sort_part(list, wanted, compare, depth);
}

fn sort_part<T>(
    mut list: &mut [T],
    mut wanted: usize,
    compare: &impl Fn(&T, &T) -> Ordering,
    mut depth: u32,
) {
    loop {
        if list.len() < BY_INSERTION {
            insertion_sort(list, compare);
            return;
        }
        // Data that a client has chosen for it makes quicksort quadratic.
        let Some(less_deep) = depth.checked_sub(1) else {
            list.sort_by(compare);
            return;
        };
        depth = less_deep;
        let len = list.len();
        let (lower, higher) = partition(list, compare);
        if lower > 1 {
            sort_part(&mut list[..lower], wanted, compare, depth);
        }
        let start = len - higher;
        if higher <= 1 || wanted <= start {
            return;
        }
        wanted -= start;
        list = &mut list[start..];
    }
}

/// Orders `list` around a pivot out of it. Returns how many elements are lower, at the front, and how many are higher, at the
/// end. Those between them are equal to the pivot.
fn partition<T>(list: &mut [T], compare: &impl Fn(&T, &T) -> Ordering) -> (usize, usize) {
    let last = list.len() - 1;
    list.swap(0, pivot(list, compare));
    // Elements equal to the pivot are gathered before `equal_front` and behind `equal_back`.
    let (mut equal_front, mut front, mut back, mut equal_back) = (1, 1, last, last);
    loop {
        while front <= back {
            match compare(&list[front], &list[0]) {
                Ordering::Greater => break,
                Ordering::Equal => {
                    list.swap(equal_front, front);
                    equal_front += 1;
                }
                Ordering::Less => {}
            }
            front += 1;
        }
        while front <= back {
            match compare(&list[back], &list[0]) {
                Ordering::Less => break,
                Ordering::Equal => {
                    list.swap(back, equal_back);
                    equal_back -= 1;
                }
                Ordering::Greater => {}
            }
            back -= 1;
        }
        if front > back {
            break;
        }
        list.swap(front, back);
        front += 1;
        back -= 1;
    }
    let (lower, higher) = (front - equal_front, equal_back - back);
    swap_ends(&mut list[..front], equal_front.min(lower));
    swap_ends(&mut list[front..], higher.min(last - equal_back));
    (lower, higher)
}

/// Swaps the first `count` elements with the last `count`.
fn swap_ends<T>(list: &mut [T], count: usize) {
    let behind = list.len() - count;
    (0..count).for_each(|place| list.swap(place, behind + place));
}

fn insertion_sort<T>(list: &mut [T], compare: &impl Fn(&T, &T) -> Ordering) {
    for end in 1..list.len() {
        let mut place = end;
        while place > 0 && compare(&list[place - 1], &list[place]) == Ordering::Greater {
            list.swap(place - 1, place);
            place -= 1;
        }
    }
}

/// The place of an element that is likely to be in the middle. The list has at least [`BY_INSERTION`] elements.
fn pivot<T>(list: &[T], compare: &impl Fn(&T, &T) -> Ordering) -> usize {
    let (middle, last) = (list.len() / 2, list.len() - 1);
    if list.len() == BY_INSERTION {
        return middle;
    }
    let median = |one, two, three| median(list, [one, two, three], compare);
    if list.len() <= BY_MEDIAN {
        return median(0, middle, last);
    }
    let step = list.len() / 8;
    median(
        median(0, step, 2 * step),
        median(middle - step, middle, middle + step),
        median(last - 2 * step, last - step, last),
    )
}

fn median<T>(list: &[T], [one, two, three]: [usize; 3], compare: &impl Fn(&T, &T) -> Ordering) -> usize {
    let is_less = |one: usize, other: usize| compare(&list[one], &list[other]) == Ordering::Less;
    if is_less(one, two) {
        if is_less(two, three) {
            two
        } else if is_less(one, three) {
            three
        } else {
            one
        }
    } else if is_less(three, two) {
        two
    } else if is_less(one, three) {
        one
    } else {
        three
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::chance::Chance;
    use std::cell::Cell;

    #[test]
    fn the_first_are_sorted_and_nothing_is_lost() {
        let mut chance = Chance::seeded(29);
        for _ in 0..3_000 {
            let len = 1 + chance.below(300) as usize;
            let values = 1 + chance.below(200);
            let list: Vec<u64> = (0..len).map(|_| chance.below(values)).collect();
            let wanted = 1 + chance.below(len as u64) as usize;
            let (mut sorted, mut first) = (list.clone(), list);
            sorted.sort_unstable();
            sort_first(&mut first, wanted, &u64::cmp);
            assert_eq!(first[..wanted], sorted[..wanted]);
            first.sort_unstable();
            assert_eq!(first, sorted);
        }
    }

    /// McIlroy's adversary ("A killer adversary for quicksort", 1999) decides comparisons so that each pivot is among the
    /// lowest. Without a bound, 4,096 elements take millions of comparisons.
    #[test]
    fn no_list_takes_quadratic_time() {
        const LEN: usize = 4096;
        let values: Vec<Cell<usize>> = vec![Cell::new(usize::MAX); LEN];
        let (next, candidate, comparisons) = (Cell::new(0), Cell::new(0), Cell::new(0));
        let compare = |&one: &usize, &other: &usize| {
            comparisons.set(comparisons.get() + 1);
            let is_open = |place: usize| values[place].get() == usize::MAX;
            if is_open(one) && is_open(other) {
                let fixed = if one == candidate.get() { one } else { other };
                values[fixed].set(next.get());
                next.set(next.get() + 1);
            }
            if is_open(one) {
                candidate.set(one);
            } else if is_open(other) {
                candidate.set(other);
            }
            values[one].get().cmp(&values[other].get())
        };
        let mut list: Vec<usize> = (0..LEN).collect();
        sort_first(&mut list, LEN, &compare);
        assert!(comparisons.get() < 400_000, "{} comparisons", comparisons.get());
    }
}
