from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from shoal.domain import (
    Anonymity,
    Blame,
    Capability,
    Credentials,
    Endpoint,
    Failure,
    Health,
    Honesty,
    Path,
    Reach,
    Reason,
    Record,
    Scheme,
    Stage,
    Timing,
    Trust,
)
from shoal.domain.health import pack
from shoal.errors import StoreError
from shoal.policy.forecast import fold
from shoal.ports.store import SourceState
from shoal.stores import codec
from shoal.stores.origin import Origin
from shoal.testing.builders import make_path, make_record

TEXT = st.text(max_size=12)
TIME = st.floats(0, 1e11)
COUNT = st.integers(0, 2**40)
MASS = st.tuples(TIME, TIME, TIME, TIME, TIME)
FAILURES = st.builds(Failure, st.sampled_from(Stage), st.sampled_from(Reason), TEXT)
PATHS = st.builds(
    Path,
    st.sampled_from(Scheme),
    st.builds(Health, TIME, MASS, MASS, TIME, TIME, COUNT, COUNT, st.integers(-(2**40), 2**40)),
    st.frozensets(st.sampled_from(Capability)),
    st.sampled_from(Anonymity),
    st.sampled_from(Honesty),
    st.none() | TEXT,
    st.none() | TEXT,
    st.none() | COUNT,
    st.builds(Timing, TIME, TIME, TIME, TIME),
    st.none() | FAILURES,
    TIME,
    st.none() | TEXT,
    st.lists(st.builds(Reach, TEXT, TIME, TIME, COUNT, COUNT, COUNT, TIME, TEXT), max_size=2).map(tuple),
)
RECORDS = st.builds(
    Record,
    id=TEXT,
    key=TEXT,
    endpoint=st.builds(Endpoint, TEXT, st.integers(1, 65_535)),
    credentials=st.none() | st.builds(Credentials, TEXT, TEXT),
    claims=st.lists(st.sampled_from(Scheme), max_size=5).map(tuple),
    sources=st.lists(TEXT, max_size=3).map(tuple),
    trust=st.sampled_from(Trust),
    tags=st.lists(TEXT, max_size=3).map(tuple),
    country=st.none() | TEXT,
    first_seen=TIME,
    last_seen=TIME,
    checks=COUNT,
    misses=COUNT,
    last_check=TIME,
    next_check=TIME,
    failure=st.none() | FAILURES,
    paths=st.lists(PATHS, max_size=3).map(tuple),
    version=COUNT,
    blame=st.none() | st.sampled_from(Blame),
)


def decoded(record: Record, origin: bytes, body: bytes) -> Record:
    return codec.decode_record(record.id, record.key, record.trust, record.next_check, record.last_seen, origin, body)


@given(RECORDS)
def test_a_record_comes_back_as_it_was(record: Record) -> None:
    origin = codec.encode_origin(Origin(record.claims, record.sources, record.tags))
    assert decoded(record, origin, codec.encode_body(record)) == record


def test_every_field_of_a_record_is_kept() -> None:
    # A field added to Record and forgotten here would be lost in silence.
    assert {field.name for field in structs.fields(Record)} == {
        *("id", "key", "trust", "next_check", "last_seen"),
        *(field.name for field in structs.fields(Origin)),
        *("endpoint", "credentials", "country", "first_seen", "checks", "misses", "last_check"),
        *("failure", "paths", "version", "blame"),
    }


def test_records_of_before_a_field_came_are_read() -> None:
    old = make_record(1, paths=(make_path(),), checks=3)
    body = codec.encode_body(old)
    value = msgspec.msgpack.decode(body[1:])
    del value["s"][0]["reaches"]
    assert decoded(old, codec.encode_origin(Origin(old.claims, old.sources, old.tags)), _packed(value)) == old


def test_records_of_the_first_format_are_still_read_and_go_on() -> None:
    """There the masses of a path's health were lists of numbers."""
    health = Health(900.0, (1.0, 2.0, 3.0, 4.0, 5.0), (0.5,) * 5, 900.0, 800.0, 5, 2, 1, 0.5, 1.0)
    path = msgspec.structs.replace(make_path(), health=health)
    record = make_record(1, paths=(path,))
    body = b"\x01" + codec.encode_body(record)[1:]
    origin = codec.encode_origin(Origin(record.claims, record.sources, record.tags))
    assert decoded(record, origin, body) == record
    packed = msgspec.structs.replace(health, ok=pack(*health.ok), bad=pack(*health.bad))
    assert fold(decoded(record, origin, body).paths[0].health, True, 1000.0) == fold(packed, True, 1000.0)
    newer = msgspec.structs.replace(record, paths=(msgspec.structs.replace(path, health=packed),))
    assert decoded(newer, origin, codec.encode_body(newer)) == newer


def test_equal_capabilities_of_many_records_are_one_set() -> None:
    origin, body = codec.encode_origin(Origin()), codec.encode_body(make_record(1, paths=(make_path(),)))
    one, other = (decoded(make_record(1), origin, body).paths[0].capabilities for _ in range(2))
    assert one is other


def _packed(value: object) -> bytes:
    return b"\x01" + msgspec.msgpack.encode(value)


def test_records_that_never_worked_stay_small() -> None:
    assert len(codec.encode_body(make_record(1))) < 60


@given(st.binary(max_size=200))
def test_rubbish_raises_store_errors_only(data: bytes) -> None:
    for decode in (codec.decode_origin, codec.decode_source_state):
        for rubbish in (data, b"\x01" + data):
            try:
                decode(rubbish)
            except StoreError:
                continue


def test_a_newer_version_is_refused_in_plain_words() -> None:
    body = b"\x03" + codec.encode_body(make_record(1))[1:]
    with pytest.raises(StoreError, match="newer Shoal"):
        decoded(make_record(1), codec.encode_origin(Origin()), body)


def test_damaged_bytes_are_refused_in_plain_words() -> None:
    for body in (b"", b"\x00", codec.encode_body(make_record(1))[:-1]):
        with pytest.raises(StoreError, match="damaged"):
            decoded(make_record(1), codec.encode_origin(Origin()), body)


def test_source_states_come_back() -> None:
    state = SourceState("a", etag="x", failures=3, refused={"bad_port": 2})
    assert codec.decode_source_state(codec.encode_source_state(state)) == state
