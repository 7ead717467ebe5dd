from __future__ import annotations

import json

import pytest

from shoal.lab.list_forms import FORMS, RUBBISH
from shoal.lab.listing import LISTS, ListSpec, homes, members
from shoal.lab.population import build
from shoal.lab.presets import Preset
from shoal.sources.extract import extract

POPULATION = build(Preset.RAW, 2000, 1)
HOMES = homes(POPULATION, 1)


def test_every_proxy_is_in_some_list_while_it_lives() -> None:
    named = {proxy.index for spec in LISTS for proxy in members(spec, POPULATION, HOMES, 1, 0)}
    assert named == {proxy.index for proxy in POPULATION if proxy.born <= 0}


def test_lists_overlap_but_differ() -> None:
    first, second = (
        {proxy.index for proxy in members(spec, POPULATION, HOMES, 1, 0)}
        for spec in LISTS
        if spec.path.endswith(("csv", "xml"))
    )
    assert first & second
    assert first - second
    assert second - first


def test_an_update_repeats_about_95_percent() -> None:
    spec = LISTS[0]
    before = {proxy.index for proxy in members(spec, POPULATION, HOMES, 1, 100)}
    after = {proxy.index for proxy in members(spec, POPULATION, HOMES, 1, 101)}
    assert 0.92 < len(before & after) / len(before) < 0.995


def test_the_born_appear_in_later_updates() -> None:
    late = {proxy.index for proxy in POPULATION if proxy.born > 0}
    after_three_days = {proxy.index for spec in LISTS for proxy in members(spec, POPULATION, HOMES, 1, 3 * 48)}
    assert late
    assert late <= after_three_days


def test_passwords_stand_only_in_lists_that_can_carry_them() -> None:
    own = build(Preset.OWN, 500, 1)
    for spec in LISTS:
        with_password = [proxy for proxy in members(spec, own, homes(own, 1), 1, 0) if proxy.credentials]
        assert bool(with_password) == spec.carries_passwords


def test_a_list_of_one_scheme_names_only_what_claims_it() -> None:
    for spec in LISTS:
        if spec.scheme is not None:
            claimed = {proxy.claimed.value for proxy in members(spec, POPULATION, HOMES, 1, 0)}
            assert all(name.startswith(spec.scheme) for name in claimed)


@pytest.mark.parametrize("form", [form for form in FORMS if form != "encoded"])
def test_every_form_names_its_proxies_and_brings_rubbish(form: str) -> None:
    proxies = [proxy for proxy in POPULATION if proxy.credentials is None][:20]
    text = FORMS[form][1](proxies)
    for proxy in proxies:
        assert proxy.address in text
        assert str(proxy.port) in text
    assert "8O80" in text
    assert RUBBISH[3][0] in text


def test_encoded_pages_show_no_address_as_text() -> None:
    proxies = POPULATION[:2]
    text = FORMS["encoded"][1](proxies)
    assert f'data-ip="{proxies[0].address}"' in text
    assert proxies[1].address not in text


def test_json_forms_are_json() -> None:
    assert len(json.loads(FORMS["json"][1](POPULATION[:5]))) >= 5 + len(RUBBISH)
    for line in FORMS["jsonl"][1](POPULATION[:5]).splitlines()[:-1]:
        json.loads(line)


@pytest.mark.parametrize("spec", LISTS, ids=lambda spec: spec.path)
def test_our_own_reader_finds_every_proxy_of_every_list(spec: ListSpec) -> None:
    named = members(spec, POPULATION, HOMES, 1, 0)
    content_type, write = FORMS[spec.form]
    read = extract(write(named).encode(), scheme=None, content_type=content_type, name=spec.path, line_limit_bytes=4096)
    found = {candidate.endpoint for candidate in read.candidates}
    assert {proxy.endpoint for proxy in named} <= found
    assert {endpoint.host for endpoint in found - {proxy.endpoint for proxy in named}} <= {host for host, _ in RUBBISH}
