//! An expression as lists of places, each of which would do; bounded.

use std::collections::BTreeSet;

use super::{AUTHORITIES, Authority, Expression, Place, ThresholdError};

/// Lists of places that one expression may come to.
const ALTERNATIVES: usize = 256;
/// Places of one list.
const PLACES: usize = 64;

type Alternatives = Vec<Vec<Place>>;

/// The alternatives of `expression`; its authorities are added to `authorities`.
pub(super) fn of(
    expression: &Expression,
    authorities: &mut Vec<Authority>,
    depth: usize,
) -> Result<Alternatives, ThresholdError> {
    let too_many = |what, limit| Err(ThresholdError::TooMany { what, limit });
    if depth == 0 {
        return too_many("levels", super::DEPTH);
    }
    let (needed, parts) = match expression {
        Expression::Authority(authority) => {
            if authorities.len() >= AUTHORITIES {
                return too_many("authorities", AUTHORITIES);
            }
            authorities.push(authority.clone());
            return Ok(vec![vec![Place::from([authorities.len() - 1])]]);
        }
        Expression::AllOf(parts) => {
            let mut all = vec![Vec::new()];
            for part in parts {
                all = product(&all, &of(part, authorities, depth - 1)?)?;
            }
            return if parts.is_empty() {
                Err(ThresholdError::Nobody)
            } else {
                Ok(all)
            };
        }
        Expression::AnyOf(parts) => (1, parts),
        Expression::AtLeast(needed, parts) => (*needed, parts),
    };
    if needed == 0 || parts.is_empty() {
        return Err(ThresholdError::Nobody);
    }
    if needed > PLACES {
        return too_many("places", PLACES);
    }
    let (mut single, mut composite) = (Place::new(), Vec::new());
    for part in parts {
        let alternatives = of(part, authorities, depth - 1)?;
        match (part, alternatives.as_slice()) {
            (Expression::Authority(_), [places]) => single.extend(places.iter().flatten()),
            _ => composite.push(alternatives),
        }
    }
    choose(needed, &single, &composite)
}

/// `needed` of the parts: each composite part at most once, the rest signers who
/// fit one of the single ones.
fn choose(
    needed: usize,
    single: &BTreeSet<usize>,
    composite: &[Alternatives],
) -> Result<Alternatives, ThresholdError> {
    let mut chosen: Vec<(usize, Alternatives)> = vec![(0, vec![Vec::new()])];
    for part in composite {
        for (count, places) in chosen.clone() {
            if count < needed {
                chosen.push((count + 1, product(&places, part)?));
            }
        }
        bounded(chosen.iter().map(|(_, places)| places.len()).sum())?;
    }
    let mut all = Vec::new();
    for (count, places) in chosen {
        let rest = needed - count;
        if rest > 0 && single.is_empty() {
            continue;
        }
        all.extend(product(&places, &[vec![single.clone(); rest]])?);
        bounded(all.len())?;
    }
    if all.is_empty() {
        return Err(ThresholdError::Unreachable { needed });
    }
    Ok(all)
}

fn product(left: &[Vec<Place>], right: &[Vec<Place>]) -> Result<Alternatives, ThresholdError> {
    bounded(left.len().saturating_mul(right.len()))?;
    let mut all = Vec::with_capacity(left.len() * right.len());
    for one in left {
        for other in right {
            if one.len() + other.len() > PLACES {
                return Err(ThresholdError::TooMany {
                    what: "places",
                    limit: PLACES,
                });
            }
            all.push([one.as_slice(), other.as_slice()].concat());
        }
    }
    Ok(all)
}

fn bounded(count: usize) -> Result<(), ThresholdError> {
    if count <= ALTERNATIVES {
        return Ok(());
    }
    Err(ThresholdError::TooMany {
        what: "alternatives",
        limit: ALTERNATIVES,
    })
}
