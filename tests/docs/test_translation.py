"""README.zh-CN.md says what README.md says: same headings, commands, code and links, in the same order."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENGLISH = (ROOT / "README.md").read_text()
CHINESE = (ROOT / "README.zh-CN.md").read_text()


def blocks(text: str) -> list[str]:
    return re.findall(r"^```.*?^```$", text, re.M | re.S)


def prose(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


def commands(text: str) -> list[str]:
    """Indented lines, without the remark behind them."""
    return [line.split("  #")[0].strip() for line in prose(text).splitlines() if line.startswith("    ")]


def keys(text: str) -> list[str]:
    """First cells of the tables' rows that are code."""
    return re.findall(r"^\| (`.*?[^\\]) \|", text, re.M)


def test_headings_stand_in_the_same_order_and_depth() -> None:
    english, chinese = (re.findall(r"^(#+) (.+)$", prose(text), re.M) for text in (ENGLISH, CHINESE))
    assert [depth for depth, _ in english] == [depth for depth, _ in chinese]
    same = [one for (_, one), (_, other) in zip(english, chinese, strict=True) if one == other]
    assert same == ["Shoal"], "a heading is not translated"


def test_code_is_the_same() -> None:
    assert blocks(ENGLISH) == blocks(CHINESE)
    assert commands(ENGLISH) == commands(CHINESE)


def test_tables_have_the_same_rows() -> None:
    assert keys(ENGLISH) == keys(CHINESE) and len(keys(ENGLISH)) > 15


def test_lists_have_as_many_items() -> None:
    english, chinese = (re.split(r"^## ", prose(text), flags=re.M) for text in (ENGLISH, CHINESE))
    assert [part.count("\n- ") for part in english] == [part.count("\n- ") for part in chinese]


def test_links_lead_to_the_same_pages_and_each_page_to_the_other() -> None:
    def links(text: str) -> set[str]:
        # Pictures show the reader's language.
        text = text.replace(".zh.png", ".png")
        return set(re.findall(r"\]\(([^)#:]+)\)", text)) - {"README.md", "README.zh-CN.md"}

    assert links(ENGLISH) == links(CHINESE)
    assert "(README.zh-CN.md)" in ENGLISH and "(README.md)" in CHINESE


def test_commands_named_in_the_text_are_the_same() -> None:
    def named(text: str) -> set[str]:
        return set(re.findall(r"`((?:shoal|make) [a-z][\w -]*)", prose(text)))

    assert named(ENGLISH) == named(CHINESE)
