from __future__ import annotations

import random

import pytest

from shoal.domain.link import Link, LinkKind
from shoal.errors import InvalidQueryError
from shoal.links import CodeTakenError, LinkBook
from shoal.links.codes import ALPHABET, CODE_LENGTH, SECRET_LENGTH
from shoal.stores.memory import MemoryStore


class Fixed:
    def now(self) -> float:
        return 1_000_000.0


URL = "https://example.com/p/233.html"


@pytest.fixture
async def book() -> LinkBook:
    store = MemoryStore()
    await store.open()
    return LinkBook(store, Fixed(), random.Random(1).randrange)


def link(**settings: object) -> Link:
    return Link("", URL, **settings)  # type: ignore[arg-type]


async def test_the_same_address_gives_the_same_link_unless_asked_otherwise(book: LinkBook) -> None:
    first, new = await book.make(link())
    assert new and len(first.code) == CODE_LENGTH and set(first.code) <= set(ALPHABET)
    assert await book.make(link()) == (first, False)
    codes = {first.code}
    for wanted, fresh in ((link(), True), (link(click_limit=1), False), (link(preview=True), False)):
        made, new = await book.make(wanted, fresh=fresh)
        assert new
        codes.add(made.code)
    assert len(codes) == 4


async def test_an_alias_is_kept_once(book: LinkBook) -> None:
    made, _ = await book.make(link(), alias="my-link")
    assert made.code == "my-link"
    with pytest.raises(CodeTakenError, match="my-link"):
        await book.make(link(), alias="my-link")
    for bad in ("", "-x", "a/b", "x" * 65, "ü"):
        with pytest.raises(InvalidQueryError):
            await book.make(link(), alias=bad)


async def test_a_saved_query_has_a_code_that_nobody_guesses(book: LinkBook) -> None:
    made, _ = await book.make(Link("", "limit=5", LinkKind.QUERY))
    assert len(made.code) == SECRET_LENGTH
    other, _ = await book.make(Link("", "limit=5", LinkKind.QUERY))
    assert other.code != made.code


async def test_codes_in_use_are_drawn_anew() -> None:
    store = MemoryStore()
    await store.open()
    draws = iter([0] * 14 + [1] * 7)
    book = LinkBook(store, Fixed(), lambda _: next(draws))
    codes = [(await book.make(link(), fresh=True))[0].code for _ in range(2)]
    assert codes == [ALPHABET[0] * 7, ALPHABET[1] * 7]


async def test_what_can_be_no_code_is_not_looked_up(book: LinkBook) -> None:
    assert await book.visit("../x") is None
    assert await book.get("") is None
    assert not await book.delete("é")
