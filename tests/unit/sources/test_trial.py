import asyncio

from shoal.domain import Scheme
from shoal.ports import Harvest, SourceError
from shoal.ports.store import SourceState
from shoal.sources.document import SourceTerms
from shoal.sources.inline import InlineSource
from shoal.sources.trial import try_source
from shoal.testing.fakes import FakeSource


async def test_a_trial_shows_what_a_source_yields_without_passwords() -> None:
    text = "8.8.8.8:80\nhttp://me:geheim@8.8.4.4:3128\n9.9.9.9:1080:you:geheim\n8.8.8.8:99999\n"
    trial = await try_source(InlineSource("mine", text, SourceTerms(60)), first=3)
    assert (trial.name, trial.contacts, trial.error) == ("mine", "the settings file", None)
    assert (trial.found, trial.form, trial.fetched_bytes) == (3, "text", len(text))
    assert trial.refused == {"bad_port": 1}
    assert trial.first == ("8.8.8.8:80", "http://me:***@8.8.4.4:3128", "you:***@9.9.9.9:1080")
    assert trial.seconds >= 0.0


async def test_only_the_first_entries_are_shown() -> None:
    source = InlineSource("mine", "\n".join(f"8.8.8.{n}:80" for n in range(30)), SourceTerms(60, scheme=Scheme.SOCKS5))
    trial = await try_source(source)
    assert trial.found == 30 and len(trial.first) == 10 and trial.first[1] == "socks5://8.8.8.1:80"


async def test_a_source_that_fails_or_hangs_is_one_sentence() -> None:
    async def fail(state: SourceState) -> Harvest:
        raise SourceError("x.example answered 403.", wire_bytes=7)

    async def hang(state: SourceState) -> Harvest:
        await asyncio.Event().wait()
        raise AssertionError

    trial = await try_source(FakeSource("bad", fail))
    assert (trial.error, trial.found, trial.fetched_bytes) == ("x.example answered 403.", 0, 7)
    trial = await try_source(FakeSource("hung", hang), timeout=0.01)
    assert trial.error == "It was not read within 0.01 s."
