"""Store and broker over TLS, behind sentinels that fail over, and another broker than the store; real servers each."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import trustme

from shoal.cluster import Batch, broker_of
from shoal.cluster.broker import Receiver, Sender
from shoal.errors import StoreError
from shoal.options import ClusterOptions, Options, StoreOptions
from shoal.stores.redis import RedisStore
from shoal.testing.builders import make_admitted, make_path, make_record
from shoal.testing.redis_server import RedisServer, debian_program

from .conftest import free_port

pytestmark = [pytest.mark.xdist_group("cluster_servers"), pytest.mark.timeout(300)]

PATIENCE = 60.0
NOW = 1_790_000_000.0
SERVICE = "pool"
_RABBIT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


def program() -> str:
    found = debian_program()
    if found is None:
        pytest.skip("redis-server is not installed: the wheel's server knows neither TLS nor sentinels")
    return found


async def until(condition: Callable[[], Awaitable[object]], what: str) -> None:
    """What fails meanwhile because a server is not there is asked again."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + PATIENCE
    while loop.time() < ends:
        with suppress(StoreError):
            if await condition():
                return
        await asyncio.sleep(0.1)
    raise AssertionError(f"it did not come to pass: {what}")


class Post:
    """A scheduler's and a worker's end of the broker."""

    def __init__(self, options: Options) -> None:
        broker = broker_of(options)
        self._number = 0
        self._came: set[str] = set()
        self._sender = Sender(broker)
        self._receiver = Receiver(broker, "eu", "worker", self._take)
        self._task = asyncio.get_running_loop().create_task(self._receiver.run(), name="receiver")

    async def _take(self, batch: Batch) -> None:
        self._came.update(batch.ids)

    async def carries(self) -> bool:
        """Whether a batch sent now arrives."""
        self._number += 1
        id = f"{self._number:016x}"
        await self._sender.send("eu", Batch((id,), NOW))
        for _ in range(100):
            if id in self._came:
                return True
            await asyncio.sleep(0.05)
        return False

    async def close(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await asyncio.to_thread(self._sender.close)


async def works(store: RedisStore, first: int) -> bool:
    """Whether it takes and gives records, and tells followers."""
    seq = await store.seq()
    await store.add([make_admitted(number) for number in range(first, first + 5)], NOW)
    record = make_record(first, paths=(make_path(last_ok=NOW),), checks=1, next_check=NOW + 60.0)
    await store.save([record])
    changes = store.changes(seq)
    try:
        async with asyncio.timeout(20.0):
            change = await anext(changes)
    finally:
        await changes.aclose()  # type: ignore[attr-defined]
    return change.key == record.key and await store.get_by_key(record.key) is not None


def test_store_and_broker_over_tls(tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    stranger.cert_pem.write_to_path(tmp_path / "stranger.pem")
    certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    port = free_port()
    files = [word for kind in ("cert", "key") for word in (f"--tls-{kind}-file", str(tmp_path / "server.pem"))]
    files += ["--tls-ca-cert-file", str(tmp_path / "ca.pem"), "--tls-auth-clients", "no"]
    server = RedisServer(program(), tmp_path, "--tls-port", str(port), *files)
    server.start()

    async def main() -> None:
        url = f"rediss://127.0.0.1:{port}/0?ssl_ca_certs="
        distrusting = RedisStore(f"{url}{tmp_path / 'stranger.pem'}")
        with pytest.raises(StoreError, match="certificate that is not trusted"):
            await distrusting.open()
        url += str(tmp_path / "ca.pem")
        store = RedisStore(url)
        await store.open()
        post = Post(Options(store=StoreOptions(url=url)))
        try:
            assert await works(store, 1)
            await until(post.carries, "a batch over TLS")
        finally:
            await post.close()
            await store.close()

    try:
        asyncio.run(main())
    finally:
        server.kill()


@contextmanager
def sentinels(folder: Path) -> Iterator[tuple[str, RedisServer]]:
    """The URL of a master and a replica under one sentinel, and the master."""
    path = program()
    (folder / "one").mkdir()
    (folder / "two").mkdir()
    first = RedisServer(path, folder / "one")
    first.start()
    second = RedisServer(path, folder / "two", "--replicaof", "127.0.0.1", str(first.port))
    second.start()
    port = free_port()
    written = folder / "sentinel.conf"
    written.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {folder}\nsentinel monitor {SERVICE} 127.0.0.1 {first.port} 1\n"
        f"sentinel down-after-milliseconds {SERVICE} 500\nsentinel failover-timeout {SERVICE} 2000\n"
    )
    with (
        (folder / "sentinel.log").open("w") as log,
        subprocess.Popen([path, str(written), "--sentinel"], stdout=log, stderr=log) as guard,
    ):
        try:
            yield f"redis+sentinel://127.0.0.1:{port}/{SERVICE}/0", first
        finally:
            guard.kill()
            first.kill()
            second.kill()


def test_store_and_broker_follow_a_fail_over(tmp_path: Path) -> None:
    async def main(url: str, master: RedisServer) -> None:
        store = RedisStore(url)
        await until(lambda: opened(store), "that the sentinel names a master")
        post = Post(Options(store=StoreOptions(url=url)))
        try:
            await until(lambda: works(store, 1), "a record behind the sentinel")
            await until(post.carries, "a batch behind the sentinel")
            # What the other server has is what outlives the first one: replication is not waited for by default.
            await until(lambda: replicated(master.port), "a replica that keeps up")
            master.kill()
            await until(lambda: works(store, 100), "a record at the new master")
            assert (await store.counts(NOW)).known >= 10
            await until(post.carries, "a batch by the new master")
        finally:
            await post.close()
            await store.close()

    with sentinels(tmp_path) as (url, master):
        asyncio.run(main(url, master))


async def opened(store: RedisStore) -> bool:
    await store.open()
    return True


async def replicated(port: int) -> bool:
    """Whether everything that this master wrote is at its replica."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"WAIT 1 1000\r\n")
    answer = await reader.readline()
    writer.close()
    return answer == b":1\r\n"


@contextmanager
def rabbitmq(folder: Path) -> Iterator[str]:
    """A RabbitMQ server of its own on loopback; its URL."""
    if not _RABBIT.exists():
        pytest.skip("rabbitmq-server is not installed: with Erlang it is 100 MB, so `make test` does not bring it")
    port, between, names = free_port(), free_port(), free_port()
    config = folder / "rabbitmq.conf"
    config.write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\n")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"shoal{port}@localhost",
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_CONFIG_FILE": str(config),
        "RABBITMQ_DIST_PORT": str(between),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(names),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
    }
    (folder / "plugins").write_text("[].\n")
    epmd = shutil.which("epmd")
    assert epmd is not None
    with (
        (folder / "rabbit.log").open("w") as log,
        # Erlang's own would be a daemon that outlives this test; where one listens already it starts none.
        subprocess.Popen([epmd, "-port", str(names), "-address", "127.0.0.1"], stdout=log, stderr=log) as guide,
        subprocess.Popen([str(_RABBIT)], env=environment, stdout=log, stderr=log, start_new_session=True) as process,
    ):
        try:
            yield f"amqp://guest:guest@127.0.0.1:{port}//"
        finally:
            for pid in _session(process.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, 9)
            guide.kill()


def _session(leader: int) -> list[int]:
    """Every process of a session that this test opened: Erlang starts some of its own."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if int((entry / "stat").read_text().rpartition(")")[2].split()[3]) == leader:
                found.append(int(entry.name))
    return found


def test_batches_go_by_another_broker_than_the_store(tmp_path: Path) -> None:
    async def main(url: str) -> None:
        post = Post(Options(store=StoreOptions(url="redis://127.0.0.1:1/0"), cluster=ClusterOptions(broker=url)))
        try:
            await until(post.carries, "a batch by RabbitMQ")
            assert await post.carries()
        finally:
            await post.close()

    with rabbitmq(tmp_path) as url:
        asyncio.run(main(url))
