from shoal.domain import Trust
from shoal.options import OwnSource, SourceOptions
from shoal.sources.catalog import load_catalog
from shoal.sources.listing import list_sources


def test_every_row_and_table_is_listed_with_its_state() -> None:
    own = OwnSource(name="mine", api="https://me:geheim@vendor.example/get?key=geheim", interval=60.0)
    listed = list_sources(
        SourceOptions(urls=("socks5=https://a.example/x?token=geheim",), own=(own,), enable=("docip",))
    )
    assert len(listed) == 2 + len(load_catalog())
    assert (listed[0].kind, listed[0].trust, listed[0].enabled) == ("url", Trust.OWN, True)
    assert (listed[1].name, listed[1].kind, listed[1].place, listed[1].interval) == (
        "mine",
        "api",
        "vendor.example",
        60,
    )
    assert "geheim" not in str(listed)
    assert [one.name for one in listed[2:] if one.enabled] == ["docip"]
    clarketm = next(one for one in listed if one.name == "clarketm")
    assert clarketm.note == "not updated since 2023" and not clarketm.enabled
