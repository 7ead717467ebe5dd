"""The panel."""

import io

from rich.console import Console

from shoal.cli.screen import panel
from shoal.domain.stats import Stats


def test_texts_of_strangers_are_shown_as_they_are_and_obeyed_by_nothing() -> None:
    out = io.StringIO()
    Console(file=out, width=100).print(panel(Stats(problems=("judge says [red]x\x1b[2J",)), "shoal up"))
    text = out.getvalue()
    assert "[red]x?[2J" in text and "\x1b" not in text and "shoal up" in text
