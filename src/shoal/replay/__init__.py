"""Replay: the product's own forecast, schedule and pick over a recorded history of a list, in virtual time."""

from shoal.replay.policy import Rules
from shoal.replay.run import RIVALS, Report, replay
from shoal.replay.trace import Trace, TraceError, read_trace

__all__ = ["RIVALS", "Report", "Rules", "Trace", "TraceError", "read_trace", "replay"]
