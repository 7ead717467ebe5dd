"""Celery: the queues between scheduler and workers. Imported only where they are used, since it takes a second."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from msgspec import Struct

from shoal.cluster.batch import TASK, Batch, from_message, queue_of, to_message
from shoal.errors import ConfigError, StoreError
from shoal.log import Log
from shoal.options import Options

if TYPE_CHECKING:
    from celery import Celery  # type: ignore[import-untyped]

_TIMEOUT: Final = 4.0
"""Seconds that a broker may take to accept a batch."""
_STOP: Final = 1.0

log = Log("shoal.broker")


class Broker(Struct, frozen=True):
    """Where batches go. ``url`` may hold a password: it is never shown."""

    url: str
    transport: dict[str, Any]
    prefix: str


def broker_of(options: Options) -> Broker:
    """The broker that the settings name, by default the shared store itself. Raises ``ConfigError``."""
    url, store_url = options.cluster.broker, options.store.url or ""
    password, prefix = options.store.password, options.store.prefix
    if url is not None:
        # Whatever Celery understands: its own error names no password.
        return Broker(url, {"global_keyprefix": f"{{{prefix}}}:queue:"} if "redis" in url.split(":")[0] else {}, prefix)
    try:
        parts = urlsplit(store_url)
        port = None if parts.scheme.endswith("+sentinel") else parts.port
    except ValueError as error:
        raise ConfigError("store.url cannot be read as the address of a broker; set cluster.broker") from error
    transport: dict[str, Any] = {
        # A pool's queues lie beside its records, apart from those of other pools on the same server.
        "global_keyprefix": f"{{{prefix}}}:queue:",
        "socket_timeout": None,
        "socket_connect_timeout": _TIMEOUT,
        "socket_keepalive": True,
        "health_check_interval": 10,
    }
    scheme = parts.scheme.replace("valkeys", "rediss").replace("valkey", "redis")
    userinfo = parts.netloc.rpartition("@")[0]
    if password is not None and not parts.password:
        userinfo = f"{parts.username or ''}:{quote(password, safe='')}"
    lead = f"{userinfo}@" if userinfo else ""
    if scheme == "unix":
        db = dict(pair.partition("=")[::2] for pair in parts.query.split("&") if pair).get("db", "0")
        return Broker(f"redis+socket://{lead}{parts.path}?virtual_host={db}", transport, prefix)
    if scheme.endswith("+sentinel"):
        service, _, db = parts.path.strip("/").partition("/")
        hosts = parts.netloc.rpartition("@")[2].split(",")
        # Celery knows no port of sentinels, and takes the server's.
        named = [host if host.rpartition(":")[2].isdigit() else f"{host}:26379" for host in hosts]
        urls = ";".join(f"sentinel://{lead}{host}/{db or 0}" for host in named)
        return Broker(urls, transport | {"master_name": service}, prefix)
    host = parts.hostname or "localhost"
    host = f"[{host}]" if ":" in host else host
    query = f"?{parts.query}" if parts.query else ""
    return Broker(f"{scheme}://{lead}{host}:{port or 6379}{parts.path or '/0'}{query}", transport, prefix)


def make_app(broker: Broker) -> Celery:
    """Raises ``ConfigError`` where Celery is not installed."""
    try:
        from celery import Celery
    except ImportError as error:
        raise ConfigError("workers need more packages; install shoal[cluster]") from error
    app = Celery("shoal", broker=broker.url, set_as_current=False)
    app.conf.update(
        # Messages from a queue must never be able to run code.
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        # The store's claim decides what is due again, on any broker; an early acknowledgement cannot lose anything.
        task_acks_late=False,
        worker_prefetch_multiplier=1,
        task_default_queue=queue_of(broker.prefix, "default"),
        task_create_missing_queues=True,
        task_queue_max_priority=None,
        broker_transport_options=broker.transport,
        broker_connection_timeout=_TIMEOUT,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        result_backend=None,
    )
    return app


class Sender:
    """The scheduler's side."""

    def __init__(self, broker: Broker) -> None:
        self._app = make_app(broker)
        self._prefix = broker.prefix

    async def send(self, vantage: str, batch: Batch) -> None:
        """Raises ``StoreError`` when the broker does not take it."""
        publish = partial(
            self._app.send_task, TASK, (to_message(batch),), queue=queue_of(self._prefix, vantage), retry=False
        )
        try:
            async with asyncio.timeout(3 * _TIMEOUT):
                await asyncio.to_thread(publish)
        except Exception as error:
            # Each broker's library raises errors of its own, and their texts may hold the broker's password.
            raise StoreError(f"the broker takes no batches ({type(error).__name__})") from error

    def close(self) -> None:
        self._app.close()


class Receiver:
    """A worker's side: Celery's consumer in a thread of its own, which hands each batch to ``take`` on the loop and
    waits until there is room for the next."""

    def __init__(self, broker: Broker, vantage: str, name: str, take: Callable[[Batch], Awaitable[None]]) -> None:
        self._app = make_app(broker)
        self._queue = queue_of(broker.prefix, vantage)
        self._name = name
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._failed: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._consume, name="celery", daemon=True)
        self._stopping = False

        @self._app.task(name=TASK, ignore_result=True, shared=False)  # type: ignore[untyped-decorator]
        def check(message: object = None, *_: object, **__: object) -> None:
            self._receive(message)

    async def run(self) -> None:
        """Until cancelled. Raises ``StoreError`` when the consumer ends by itself."""
        from celery.worker import state  # type: ignore[import-untyped]

        # Celery's word to stop holds for the whole process: a consumer before this one may have been told it.
        state.should_stop = None
        self._thread.start()
        try:
            await self._failed
        finally:
            self._stopping = True
            state.should_stop = 0
            await asyncio.to_thread(self._thread.join, _STOP)

    def _consume(self) -> None:
        why = "the consumer of batches ended"
        try:
            self._app.finalize()
            # The thread that runs tasks looks them up in the application of the process.
            self._app.set_default()
            worker = self._app.WorkController(
                app=self._app,
                pool="threads",
                concurrency=1,
                queues=[self._queue],
                hostname=self._name,
                loglevel="WARNING",
                without_heartbeat=True,
                without_mingle=True,
                without_gossip=True,
                quiet=True,
            )
            worker.start()
        except BaseException as error:  # noqa: BLE001 - a thread's end must reach the loop, whatever ended it
            why = f"{why} ({type(error).__name__})"
        if not self._stopping:
            self._loop.call_soon_threadsafe(self._fail, why)

    def _fail(self, why: str) -> None:
        if not self._failed.done():
            self._failed.set_exception(StoreError(why))

    def _receive(self, message: object) -> None:
        try:
            batch = from_message(message)
        except ValueError:
            log.warning("a message is no batch and is left out")
            return
        if self._stopping:
            return
        asyncio.run_coroutine_threadsafe(_awaited(self._take(batch)), self._loop).result()


async def _awaited(taking: Awaitable[None]) -> None:
    await taking
