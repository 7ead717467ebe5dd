from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shoal.policy.marks import Marks


@given(st.lists(st.text(max_size=4)))
def test_it_knows_what_was_added_and_nothing_else(texts: list[str]) -> None:
    marks, known = Marks(), set[str]()
    for text in texts:
        assert (text in marks) is (text in known)
        marks.add(text)
        known.add(text)
    assert len(marks) == len(known)
    assert all(text in marks for text in known)


def test_a_hundred_thousand_take_little_room() -> None:
    marks = Marks()
    for number in range(100_000):
        marks.add(f"http|192.0.{number >> 8}.{number & 255}:8080")
    assert len(marks) == 100_000
    assert all(f"http|192.0.{number >> 8}.{number & 255}:8080" in marks for number in range(0, 100_000, 97))
    assert "http|192.0.2.1:8081" not in marks
    assert len(marks._places) * 8 <= 30 * len(marks)
