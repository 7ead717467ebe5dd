"""A difference in few words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shoal.policy.content import SHOWN, short_diff


def test_an_insertion_is_shown_where_it_stands():
    sent = b"<html><body>text</body></html>"
    came = sent.replace(b"</body>", b'<script src="//ads/x.js"></script></body>')
    words = short_diff(sent, came)
    # The common beginning takes as much as it can.
    assert words.startswith("at byte 17 nothing became 'script src=\"//ads/x.js\"></script><'")


def test_a_removal_and_a_replacement_are_shown():
    assert short_diff(b"a  b", b"a b") == "at byte 2 ' ' became nothing"
    assert short_diff(b"<p>one</p>", b"<p>two</p>") == "at byte 3 'one' became 'two'"
    assert short_diff(b"same", b"same") == "nothing"


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_it_is_short_and_printable_whatever_came(sent, came):
    words = short_diff(sent, came)
    assert words.isascii() and words.isprintable()
    assert len(words) < 2 * SHOWN + 90
    assert (words == "nothing") == (sent == came)
