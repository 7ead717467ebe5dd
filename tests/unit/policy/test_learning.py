from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.policy.forecast import BUILT_IN, FEATURES
from shoal.policy.learning import Model, decode_model, encode_model, learn, may_teach, passed, probability, untrained

FLAT = untrained((0.0, 0.0), (1.0, 1.0))


def taught(model: Model, chance: float, rounds: int, seed: int = 1, features: tuple[float, ...] = (1.0, 0.0)) -> Model:
    rng = Random(seed)
    for _ in range(rounds):
        model = learn(model, features, rng.random() < chance)
    return model


@pytest.mark.parametrize("chance", [0.4, 0.7, 0.9, 0.97])
def test_what_is_learned_is_as_likely_as_it_happens(chance: float) -> None:
    assert probability(taught(FLAT, chance, 4_000), (1.0, 0.0)) == pytest.approx(chance, abs=0.04)


def test_features_are_told_apart() -> None:
    rng, model = Random(2), FLAT
    for _ in range(6_000):
        x = rng.choice((-1.0, 1.0))
        model = learn(model, (1.0, x), rng.random() < (0.9 if x > 0.0 else 0.5))
    assert probability(model, (1.0, 1.0)) == pytest.approx(0.9, abs=0.05)
    assert probability(model, (1.0, -1.0)) == pytest.approx(0.5, abs=0.08)


def test_one_surprise_moves_an_untrained_model_more_than_a_trained_one() -> None:
    trained = taught(FLAT, 0.8, 3_000)
    moves = [
        abs(probability(learn(model, (1.0, 0.0), False), (1.0, 0.0)) - probability(model, (1.0, 0.0)))
        for model in (FLAT, trained)
    ]
    assert moves[0] > 20 * moves[1] > 0.0


def test_what_is_certain_from_the_start_is_never_changed() -> None:
    model = taught(untrained((1.0, 0.0), (0.0, 1.0)), 0.9, 500, features=(-2.0, 1.0))
    assert model.weights[0] == 1.0
    assert model.weights[1] > 1.0


def test_a_world_that_changes_is_learned_anew() -> None:
    model = taught(taught(FLAT, 0.9, 2_000), 0.5, 6_000)
    assert probability(model, (1.0, 0.0)) < 0.65


@given(st.lists(st.tuples(st.lists(st.floats(-20.0, 20.0), min_size=2, max_size=2), st.booleans()), max_size=60))
def test_no_course_of_observations_leaves_the_numbers(course: list[tuple[list[float], bool]]) -> None:
    model = FLAT
    for features, ok in course:
        model = learn(model, features, ok)
    assert 0.0 <= probability(model, (1.0, 1.0)) <= 1.0
    assert all(row[index] >= -1e-9 for index, row in enumerate(model.covariance))
    assert model.seen == len(course)


def test_a_model_survives_the_store_and_damage_gives_none() -> None:
    model = taught(FLAT, 0.7, 50)
    assert decode_model(encode_model(model)) == model
    assert decode_model(b"") is None
    assert decode_model(encode_model(model)[:-3]) is None
    assert decode_model(encode_model(Model(model.weights, model.covariance, version=99))) is None
    assert decode_model(encode_model(Model(model.weights, model.covariance[:1]))) is None


def test_the_built_in_model_knows_every_feature() -> None:
    assert len(BUILT_IN.weights) == len(BUILT_IN.covariance) == len(FEATURES)


@given(st.integers(0, 30_000), st.floats(-6.0, 6.0), st.booleans())
def test_what_may_not_teach_would_not_have_been_learned(seen: int, score: float, ok: bool) -> None:
    model = Model((score, 0.0), FLAT.covariance, seen)
    assert may_teach(model) or learn(model, (1.0, 0.0), ok) == passed(model)


def test_a_trained_model_is_spared_most_observations() -> None:
    learned = [may_teach(Model(FLAT.weights, FLAT.covariance, seen)) for seen in range(24_000, 24_240)]
    assert 0 < sum(learned) < len(learned) / 2
