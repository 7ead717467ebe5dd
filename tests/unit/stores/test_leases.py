from __future__ import annotations

from shoal.stores.leases import LeaseTable


def test_outdated_leases_leave_nothing_behind() -> None:
    table = LeaseTable()
    assert table.take("a", "k", 0.0, 10.0, capacity=1, exclusive=True)
    assert table.has_exclusive("k", 9.0)
    table.drop_outdated(10.0)
    assert not table.has_exclusive("k", 9.0)
    assert table.release("a", 9.0) is None


def test_an_id_that_ran_out_may_stand_elsewhere() -> None:
    table = LeaseTable()
    assert table.take("a", "first", 0.0, 10.0, capacity=1, exclusive=False)
    assert table.take("a", "second", 10.0, 20.0, capacity=1, exclusive=False)
    assert table.release("a", 11.0) == "second"
