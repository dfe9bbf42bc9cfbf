"""u = P(p ≥ 25 % | votes): the laws of expectation–maximisation, of the posterior, and cases computed by hand."""

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from aggregator.judgement.constants import Constants
from aggregator.judgement.null import failing_vote_probability
from aggregator.proposals.empirical_bayes import BELIEFS, GRID, belief, fit, likelihoods, poor, unmet_probability
from aggregator.proposals.strata import STRATA

RULE = Constants()

votes = st.integers(0, 12).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))
ballots = st.tuples(votes, votes).map(lambda pair: (*pair[0], *pair[1]))
rows = st.lists(st.tuples(ballots, st.sampled_from(STRATA)), min_size=1, max_size=40)


def laid_out(drawn: list) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    return np.array([ballot for ballot, _ in drawn]).reshape(-1, 4), np.array([s for _, s in drawn], dtype=np.int8)


def test_the_grid_has_24_probabilities_on_both_sides_of_a_quarter() -> None:
    assert len(GRID) == 24
    assert (np.diff(GRID) > 0).all()
    assert (GRID[0], GRID[-1]) == pytest.approx((0.005, 0.98))
    assert poor(0.25).sum() == 14


@pytest.mark.parametrize("stratum", STRATA)
def test_what_is_believed_before_any_vote_is_a_beta_law(stratum: int) -> None:
    law = belief(stratum)
    assert law.sum() == pytest.approx(1)
    assert (law > 0).all()
    a, b = BELIEFS[stratum]
    assert law @ GRID == pytest.approx(a / (a + b), abs=0.02)


@settings(max_examples=40, deadline=None)
@given(drawn=rows)
def test_the_likelihood_never_decreases_and_probabilities_are_probabilities(drawn: list) -> None:
    u, fitted = unmet_probability(*laid_out(drawn))
    assert ((u >= 0) & (u <= 1)).all()
    assert (np.diff(fitted.likelihoods, axis=1) >= -1e-9).all()
    assert fitted.laws.sum(axis=1) == pytest.approx(1)


@settings(max_examples=60, deadline=None)
@given(ballot=ballots, law=st.lists(st.floats(0.001, 1), min_size=24, max_size=24))
def test_one_more_failing_vote_never_makes_failure_less_likely(ballot: tuple[int, ...], law: list[float]) -> None:
    prior = np.array(law) / sum(law)
    n_o, k_o, n_v, k_v = ballot
    worse = [(n_o, k_o + 1, n_v, k_v)] * (k_o < n_o) + [(n_o, k_o, n_v, k_v + 1)] * (k_v < n_v)
    likelihood = likelihoods(np.array([ballot, *worse]), RULE)
    posterior = likelihood * prior
    u = posterior[:, poor(0.25)].sum(axis=1) / posterior.sum(axis=1)
    assert (u[1:] >= u[0] - 1e-12).all()


@settings(max_examples=15, deadline=None)
@given(drawn=rows, seed=st.integers(0, 2**32 - 1))
def test_the_order_of_the_rows_changes_nothing(drawn: list, seed: int) -> None:
    table, strata = laid_out(drawn)
    order = np.random.default_rng(seed).permutation(len(table))
    plain, _ = unmet_probability(table, strata)
    mixed, _ = unmet_probability(table[order], strata[order])
    assert mixed.tolist() == plain[order].tolist()


def test_without_votes_a_stratum_keeps_what_was_believed_of_it() -> None:
    nobody = np.zeros((len(STRATA), 4), dtype=np.int64)
    u, fitted = unmet_probability(nobody, np.array(STRATA, dtype=np.int8))
    assert u == pytest.approx([belief(stratum)[GRID >= 0.25].sum() for stratum in STRATA], abs=1e-6)
    assert fitted.hexagons.tolist() == [0] * len(STRATA)


def test_bayes_by_hand_on_two_probabilities() -> None:
    """Two of three outdoor votes fail; p is 5 % or 50 %, equally likely before: π is .1177 or .515."""
    good, bad = (failing_vote_probability(p, "outdoor", RULE) for p in (0.05, 0.5))
    assert (good, bad) == pytest.approx((0.1177, 0.515), abs=1e-4)
    by_hand = comb(3, 2) * bad**2 * (1 - bad) / (comb(3, 2) * (bad**2 * (1 - bad) + good**2 * (1 - good)))
    law = np.zeros(24)
    near_good, near_bad = (int(np.argmin(np.abs(GRID - p))) for p in (0.05, 0.5))
    law[[near_good, near_bad]] = 0.5
    (row,) = likelihoods(np.array([[3, 2, 0, 0]]), RULE) * law
    assert row[near_bad] / row.sum() == pytest.approx(by_hand, abs=0.02)


def test_one_step_by_hand() -> None:
    """Weights ½, ½; likelihoods (1, 0) three times and (½, 1) once; belief of weight 1 on ½, ½.

    The second kind of ballot gives ⅓ to the first probability: (3 + ⅓ + ½) / 5 = .7667.
    """
    law, trace = fit(
        np.array([[1.0, 0.0], [0.5, 1.0]]), np.array([3.0, 1.0]), np.array([0.5, 0.5]), weight=1.0, iterations=1
    )
    assert law == pytest.approx([23 / 30, 7 / 30])
    assert trace[1] > trace[0]


def test_places_of_a_stratum_teach_each_other() -> None:
    """Where most hexagons of a ring fail, one with a single failing vote or none probably fails too."""
    failing, fine = [5, 5, 0, 0], [5, 0, 0, 0]
    table = np.array([failing] * 40 + [fine] * 40 + [[0, 0, 0, 0], [1, 1, 0, 0]] * 2)
    strata = np.array([1] * 40 + [5] * 40 + [1, 1, 5, 5], dtype=np.int8)
    u, fitted = unmet_probability(table, strata)
    bad_nobody, bad_one, good_nobody, good_one = u[-4:]
    assert bad_nobody > 0.8
    assert bad_one > 0.8
    assert good_nobody < 0.02
    assert good_nobody < good_one < 0.1
    assert fitted.unmet(0.25)[STRATA.index(1)] == pytest.approx(bad_nobody, abs=1e-6)
