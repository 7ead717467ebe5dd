"""Messages to workers: releases that are one apart read each other's."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.cluster.batch import VERSION, Batch, from_message, queue_of, to_message


@given(until=st.floats(1.0, 1e11), ids=st.lists(st.text("0123456789abcdef", min_size=16, max_size=16), max_size=5))
def test_a_batch_goes_through_json_unchanged_to_the_last_bit(until: float, ids: list[str]) -> None:
    batch = Batch(tuple(ids), until, live=7)
    again = from_message(json.loads(json.dumps(to_message(batch))))
    assert again == batch and math.copysign(1.0, again.until) == 1.0


def test_fields_of_a_newer_release_are_left_out() -> None:
    message = to_message(Batch(("0" * 16,), 1.0)) | {"version": VERSION + 1, "colour": "blue", "more": {"a": [1]}}
    batch = from_message(message)
    assert batch.ids == ("0" * 16,) and batch.is_readable


def test_fields_that_an_older_release_does_not_send_have_defaults() -> None:
    assert from_message({"ids": ["0" * 16], "until": 5.0}) == Batch(("0" * 16,), 5.0)


def test_what_needs_a_newer_worker_is_left_to_one() -> None:
    message = to_message(Batch((), 1.0)) | {"version": VERSION + 1, "needs": VERSION + 1}
    assert not from_message(message).is_readable


@pytest.mark.parametrize("message", [None, "batch", {"ids": 3, "until": 1.0}, {"until": 1.0}, {"ids": [1], "until": 1}])
def test_what_is_no_batch_is_a_value_error(message: object) -> None:
    with pytest.raises(ValueError, match=r"Expected|missing"):
        from_message(message)


def test_every_vantage_point_has_a_queue_of_its_own() -> None:
    assert queue_of("shoal", "eu") == "shoal.check.eu" != queue_of("shoal", "us")
