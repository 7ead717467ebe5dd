from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from shoal.errors import StoreError
from shoal.stores.sqlite.database import explain
from shoal.stores.sqlite.migrate import APPLICATION_ID, migrate, migrations


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (sqlite3.SQLITE_FULL, "free some space"),
        (sqlite3.SQLITE_READONLY, "let this user write"),
        (sqlite3.SQLITE_READONLY_DBMOVED, "let this user write"),
        (sqlite3.SQLITE_CANTOPEN, "let this user read"),
        (sqlite3.SQLITE_CORRUPT, "put a backup in its place"),
        (sqlite3.SQLITE_NOTADB, "put a backup in its place"),
        (sqlite3.SQLITE_BUSY, "close it and try again"),
        (sqlite3.SQLITE_IOERR_FSYNC, "check the disk"),
        (sqlite3.SQLITE_MISUSE, "SQLite reports"),
    ],
)
def test_errors_say_which_file_and_what_to_do(code: int, words: str) -> None:
    error = sqlite3.OperationalError("trouble")
    error.sqlite_errorcode = code
    explained = explain(Path("/data/shoal.db"), error)
    assert isinstance(explained, StoreError)
    assert str(explained).startswith("/data/shoal.db: ")
    assert words in str(explained)


def test_migrating_twice_changes_nothing() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    assert migrate(connection) == len(migrations())
    schema = connection.execute("SELECT sql FROM sqlite_schema").fetchall()
    assert migrate(connection) == len(migrations())
    assert connection.execute("SELECT sql FROM sqlite_schema").fetchall() == schema
    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    connection.close()


def test_a_migration_that_fails_leaves_the_file_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    script = "CREATE TABLE half (a); CREATE TABLE half (a);"
    monkeypatch.setattr("shoal.stores.sqlite.migrate.migrations", lambda: [script])
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection)
    assert connection.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)
    assert connection.execute("PRAGMA user_version").fetchone() == (0,)
    connection.close()


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        ("SELECT body FROM records WHERE claimed_until IS NULL AND next_check <= 1 ORDER BY next_check", "records_due"),
        ("SELECT count(*) FROM records WHERE claimed_until IS NULL AND next_check <= 1", "COVERING INDEX records_due"),
        ("SELECT min(next_check) FROM records WHERE claimed_until IS NULL", "COVERING INDEX records_due"),
        ("SELECT count(*) FROM records WHERE claimed_until <= 1 AND next_check <= 1", "COVERING INDEX records_claimed"),
        ("UPDATE records SET claimed_until = NULL WHERE claimed_until <= 1", "records_claimed"),
        ("SELECT body FROM records WHERE verified = 1 AND id > '' ORDER BY id", "records_verified"),
        ("SELECT body FROM records WHERE id > '' ORDER BY id", "sqlite_autoindex_records_1"),
        ("SELECT key FROM records WHERE own = 0 AND last_seen <= 1", "records_unseen"),
    ],
)
def test_no_statement_scans_or_sorts_the_records(statement: str, index: str) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}"))
    connection.close()
    assert index in plan
    assert "SCAN records" not in plan.replace("SCAN records USING COVERING INDEX records_due", "")
    assert "TEMP B-TREE" not in plan
