from __future__ import annotations

import struct

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
    View,
)
from shoal.domain.health import BLOCK_BYTES, MOST
from shoal.domain.record import MOST_COMPARED
from shoal.errors import StoreError
from shoal.ports.store import SourceState
from shoal.stores import codec
from shoal.stores.old_bodies import OldHealth
from shoal.stores.origin import Origin
from shoal.testing.builders import make_path, make_record

TEXT = st.text(max_size=12)
TIME = st.floats(0, 1e11)
COUNT = st.integers(0, 2**40)
MASSES = st.floats(0, 2**36, width=32)
MASS = st.tuples(MASSES, MASSES, MASSES, MASSES, MASSES)
SHORT = st.integers(0, MOST)
HEALTH = st.builds(Health.of, MASS, MASS, TIME, TIME, SHORT, SHORT, st.integers(-MOST, MOST), MASSES, MASSES)
FAILURES = st.builds(Failure, st.sampled_from(Stage), st.sampled_from(Reason), TEXT)
PATHS = st.builds(
    Path,
    st.sampled_from(Scheme),
    HEALTH,
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
    compared=st.integers(0, MOST_COMPARED),
)
RECORDS = st.builds(
    Record,
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
    return codec.decode_record(record.key, record.trust, record.next_check, record.last_seen, origin, body)


@given(RECORDS)
def test_a_record_comes_back_as_it_was(record: Record) -> None:
    origin = codec.encode_origin(Origin(record.claims, record.sources, record.tags))
    assert decoded(record, origin, codec.encode_body(record)) == record


def test_every_field_of_a_record_is_kept() -> None:
    # A field added to Record and forgotten here would be lost in silence.
    assert {field.name for field in structs.fields(Record)} == {
        *("key", "trust", "next_check", "last_seen"),
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
    """There a path's health was an array of ten values, in the second one with its masses packed."""
    good, bad = (1.0, 2.0, 3.0, 4.0, 5.0), (0.5,) * 5
    health = Health.of(good, bad, 900.0, 800.0, 5, 2, 1, 0.5, 1.0)
    path = structs.replace(make_path(), health=health, views=(View("eu", health),))
    record = make_record(1, paths=(path, make_path(Scheme.SOCKS5)), checks=3)
    origin = codec.encode_origin(Origin(record.claims, record.sources, record.tags))
    plain = OldHealth(900.0, good, bad, 900.0, 800.0, 5, 2, 1, 0.5, 1.0)
    packed = structs.replace(plain, ok=struct.pack("<5d", *good), bad=struct.pack("<5d", *bad))
    for version, old in ((b"\x01", plain), (b"\x02", packed)):
        value = msgspec.msgpack.decode(codec.encode_body(record)[1:])
        value["s"][0] |= {"health": old, "views": [["eu", old]]}
        del value["s"][1]["health"]
        never = structs.replace(record.paths[1], health=Health())
        body = version + msgspec.msgpack.encode(value)
        assert decoded(record, origin, body) == structs.replace(record, paths=(path, never))
        for damage in ({"health": [1.0, b"short"]}, {"health": 7}, {"views": [7]}, {"health": [1.0, [1e99] * 5]}):
            damaged = version + msgspec.msgpack.encode(value | {"s": [value["s"][0] | damage]})
            with pytest.raises(StoreError, match="damaged"):
                decoded(record, origin, damaged)


def test_a_health_of_another_length_is_damaged() -> None:
    path = structs.replace(make_path(), health=Health(bytes(BLOCK_BYTES - 1)))
    with pytest.raises(StoreError, match="damaged"):
        decoded(make_record(1), codec.encode_origin(Origin()), codec.encode_body(make_record(1, paths=(path,))))


def test_equal_capabilities_of_many_records_are_one_set() -> None:
    origin, body = codec.encode_origin(Origin()), codec.encode_body(make_record(1, paths=(make_path(),)))
    one, other = (decoded(make_record(1), origin, body).paths[0].capabilities for _ in range(2))
    assert one is other


def _packed(value: object) -> bytes:
    return b"\x03" + msgspec.msgpack.encode(value)


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
    body = b"\x04" + codec.encode_body(make_record(1))[1:]
    with pytest.raises(StoreError, match="newer Shoal"):
        decoded(make_record(1), codec.encode_origin(Origin()), body)


def test_damaged_bytes_are_refused_in_plain_words() -> None:
    for body in (b"", b"\x00", codec.encode_body(make_record(1))[:-1]):
        with pytest.raises(StoreError, match="damaged"):
            decoded(make_record(1), codec.encode_origin(Origin()), body)


def test_source_states_come_back() -> None:
    state = SourceState("a", etag="x", failures=3, refused={"bad_port": 2})
    assert codec.decode_source_state(codec.encode_source_state(state)) == state
