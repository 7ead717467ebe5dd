from __future__ import annotations

from itertools import product

from shoal.domain import Blame, Failure, Reason, Stage
from shoal.policy.failure_words import failure_words, why


def test_every_failure_has_one_sentence_without_a_code_word_in_it() -> None:
    seen = set()
    for stage, reason in product(Stage, Reason):
        words = failure_words(f"{stage.value}.{reason.value}")
        assert "_" not in words and "." not in words and ": " in words
        seen.add(words)
        for blame in (*Blame, None):
            sentence = why(Failure(stage, reason, "what it said"), blame)
            assert sentence.startswith(words) and "(what it said)" in sentence and "\n" not in sentence
            assert ("fault" in sentence) is (blame not in (Blame.PROXY, None))
    assert len(seen) == len(Stage) * len(Reason)
