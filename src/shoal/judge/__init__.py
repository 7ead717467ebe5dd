"""The echo service that checks need: as a server of its own and (``shoal.judge.asgi``) as routes of the API."""

from __future__ import annotations

from shoal.judge.answers import Answer, answer
from shoal.judge.server import JudgeHandle, JudgeServer, serve_judge

__all__ = ["Answer", "JudgeHandle", "JudgeServer", "answer", "serve_judge"]
