"""Texts of rows are made once for each state of a proxy, and those of earlier states are not kept."""

from __future__ import annotations

import json

from msgspec.structs import replace

from shoal.api.recent import Recent, place_of
from shoal.api.row_text import RowText
from shoal.domain import Forecast, Pick, Scheme
from shoal.testing.builders import make_path, make_record


def pick_of(record, number=0):
    path = record.paths[number]
    return Pick(record, path, record.proxy(path.scheme), Forecast(0.5, 1.0))


def test_of_a_proxy_that_is_used_all_day_one_row_is_kept():
    rows = RowText()
    for checks in range(200):
        record = make_record(1, checks=checks, paths=(make_path(), make_path(scheme=Scheme.SOCKS5)))
        for number in (0, 1):
            assert json.loads(rows.one(pick_of(record, number), False))["checks"] == checks
    assert len(rows._kept[False]._values) == 2


def test_each_state_has_its_own_text():
    rows = RowText()
    record = make_record(1, paths=(make_path(),))
    before = rows.one(pick_of(record), False)
    assert rows.one(pick_of(record), False) == before
    later = replace(record, checks=record.checks + 7)
    assert json.loads(rows.one(pick_of(later), False))["checks"] == record.checks + 7
    assert rows.one(pick_of(record), False) == before


def test_what_is_replaced_makes_no_room():
    recent: Recent[object, int] = Recent(2)
    one, two = (make_record(n, paths=(make_path(),)) for n in (1, 2))
    for value, record in enumerate((one, two, one, two)):
        recent.put(place_of(record, record.paths[0]), value)
    assert [recent.get(place_of(record, record.paths[0])) for record in (one, two)] == [2, 3]
