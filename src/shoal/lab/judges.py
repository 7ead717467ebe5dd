"""The lab's judges: one over HTTP, one over HTTPS, each with a key of its own; they can be switched off."""

from __future__ import annotations

import ssl
from random import Random

from shoal.judge.server import JudgeHandle, serve_judge


class Judges:
    """``urls`` is complete after ``start``: ``scheme://127.0.0.1:port/check/#key=HEX``."""

    def __init__(self, seed: int, tls: ssl.SSLContext) -> None:
        rng = Random(f"judges {seed}")
        self._contexts = (None, tls)
        self._keys = (rng.randbytes(16).hex(), rng.randbytes(16).hex())
        self._ports = [0, 0]
        self._handles: list[JudgeHandle] = []

    @property
    def urls(self) -> tuple[str, ...]:
        return self.urls_at("127.0.0.1")

    def urls_at(self, host: str) -> tuple[str, ...]:
        """The same judges under a name of this machine."""
        return tuple(
            f"{'http' if context is None else 'https'}://{host}:{port}/check/#key={key}"
            for context, port, key in zip(self._contexts, self._ports, self._keys, strict=True)
        )

    async def start(self) -> None:
        """Listen, on the same ports as before if there was a before. Raises ShoalError when one is gone."""
        if self._handles:
            return
        for index, (context, key) in enumerate(zip(self._contexts, self._keys, strict=True)):
            handle = await serve_judge("127.0.0.1", self._ports[index], key=key.encode(), ssl=context)
            self._handles.append(handle)
            self._ports[index] = handle.port

    async def stop(self) -> None:
        handles, self._handles = self._handles, []
        for handle in handles:
            await handle.close()
