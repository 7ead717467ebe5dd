from shoal.domain import Health, Path, Scheme
from shoal.testing.builders import make_path, make_record


def test_a_record_is_verified_once_any_path_worked() -> None:
    never = Path(Scheme.HTTP, Health.of(last_bad=5.0, bads=1, streak=-1))
    assert not make_record().is_verified
    assert not make_record(paths=(never,)).is_verified
    assert make_record(paths=(never, make_path(Scheme.SOCKS5))).is_verified


def test_paths_are_found_by_scheme() -> None:
    path = make_path(Scheme.SOCKS5)
    record = make_record(paths=(make_path(), path))
    assert record.path(Scheme.SOCKS5) is path
    assert record.path(Scheme.SOCKS4) is None


def test_a_path_s_proxy_is_spoken_to_in_its_scheme() -> None:
    assert make_record().proxy(Scheme.SOCKS4).url() == "socks4://127.0.0.1:8080"
