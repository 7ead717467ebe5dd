"""What the service says and does about targets."""

from __future__ import annotations

import builtins

from shoal.engine.events import Events
from shoal.engine.target_trial import TargetTrial, TargetTry
from shoal.engine.targets import TargetReport, Targets
from shoal.errors import StoreError
from shoal.options import OwnTarget


class TargetFace:
    """A part of ``PoolService``."""

    _targets: Targets | None
    trial: TargetTrial | None = None
    """Asks a site before it is kept; set where there is somebody who can ask."""
    _events: Events

    def targets(self) -> builtins.list[TargetReport]:
        """Each target and how many reach it now."""
        return self._targets.reports() if self._targets is not None else []

    async def add_target(self, own: OwnTarget) -> TargetReport | None:
        """One more target, on disk when this returns; None when the name is taken. Raises RefusedTargetError and
        StoreError."""
        if self._targets is None:
            raise StoreError("this process only reads the pool")
        target = await self._targets.add(own)
        if target is None:
            return None
        self._events.publish("target_added", {"name": target.name, "url": target.url})
        return self._targets.report(target.name)

    async def try_target(self, own: OwnTarget) -> builtins.list[TargetTry]:
        """What a site answers through a few proxies; nothing is kept. Raises RefusedTargetError and StoreError."""
        if self._targets is None or self.trial is None:
            raise StoreError("this process only reads the pool")
        return await self.trial.run(self._targets.read(own))

    async def delete_target(self, name: str) -> bool:
        """Forget a target that was added; False when there is none of that name, or the settings file has it."""
        if self._targets is None or not await self._targets.delete(name):
            return False
        self._events.publish("target_deleted", {"name": name})
        return True
