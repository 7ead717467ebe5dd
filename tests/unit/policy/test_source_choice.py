import pytest

from shoal.policy.source_choice import Choice, chosen

ROWS = ["docip", "daili66", "spys-http", "spys-socks5", "kuaidaili-elite", "kuaidaili-plain"]
CHOICE = Choice(
    ROWS, {"DaiLi66Fetcher": ("daili66",), "KuaidailiFetcher": ("kuaidaili-elite", "kuaidaili-plain")}, ["Mine"]
)


@pytest.mark.parametrize(
    ("asked", "means"),
    [
        ("docip", ("docip",)),
        (" DocIP ", ("docip",)),
        ("DaiLi66Fetcher", ("daili66",)),
        ("daili66fetcher", ("daili66",)),
        ("spys", ("spys-http", "spys-socks5")),
        ("spys-*", ("spys-http", "spys-socks5")),
        ("*-socks5", ("spys-socks5",)),
        ("mine", ("Mine",)),
        ("*", (*ROWS, "Mine")),
        ("nobody", ()),
        ("", ()),
    ],
)
def test_a_name_means_rows(asked: str, means: tuple[str, ...]) -> None:
    assert CHOICE.names(asked) == means


def test_an_unknown_name_gets_a_hint() -> None:
    assert CHOICE.unknown("docpi").endswith("did you mean docip?")
    assert CHOICE.unknown("kuaidailifetchr").endswith("did you mean KuaidailiFetcher?")
    assert "shoal sources list" in CHOICE.unknown("zzzzzz")


def test_disable_wins_over_enable_and_every_wrong_name_is_told() -> None:
    on, problems = chosen(CHOICE, ["docip"], enable=["KuaidailiFetcher"], disable=["kuaidaili-plain"])
    assert on == {"docip", "kuaidaili-elite"} and problems == []
    on, problems = chosen(CHOICE, [], enable=["docpi"], disable=["spyz-http", "docip"])
    assert on == set()
    assert [problem.split(":")[0] for problem in problems] == ["sources.enable", "sources.disable"]
