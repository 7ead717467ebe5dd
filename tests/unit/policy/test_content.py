"""A difference in few words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shoal.policy.content import SHOWN, EchoContent, compare_echo, short_diff


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


SENT = {"User-Agent": "Shoal", "Accept": "*/*", "Host": "judge"}
KEPT = ("User-Agent", "Accept")


def test_an_echo_is_compared_field_by_field():
    whole = [("Host", "other"), ("user-agent", "Shoal"), ("Accept", "*/*"), ("X-More", "1")]
    assert compare_echo(SENT, whole, KEPT, b"{}", b"{}") == EchoContent(None, True)
    assert not compare_echo(SENT, whole[:2], KEPT, b"{}", b"{}").complete
    changed = compare_echo(SENT, [("User-Agent", "Other"), ("Accept", "*/*")], KEPT, b"{}", b"{}")
    assert changed.changed.startswith("User-Agent: at byte 0")
    assert not compare_echo(SENT, [], (), b"{}", b"{}").complete


def test_markup_that_was_not_there_before_is_seen():
    plain = b"<pre>REMOTE_ADDR = 1.2.3.4</pre><script>theirs()</script>"
    seen = [("User-Agent", "Shoal"), ("Accept", "*/*")]
    assert compare_echo(SENT, seen, KEPT, plain, plain).changed is None
    added = compare_echo(SENT, seen, KEPT, plain + b"<SCRIPT src=//ads/x.js></script>", plain)
    assert "<SCRIPT src=//ads/x.js>" in added.changed
