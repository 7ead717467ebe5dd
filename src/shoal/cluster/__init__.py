"""Many machines: batches of checks sent to workers, and one leader that sends them."""

from shoal.cluster.batch import Batch
from shoal.cluster.broker import broker_of
from shoal.cluster.dispatch import Dispatcher
from shoal.cluster.leading import Leading
from shoal.cluster.roll import Roll
from shoal.cluster.runner import BatchRunner, NoIndex

__all__ = ["Batch", "BatchRunner", "Dispatcher", "Leading", "NoIndex", "Roll", "broker_of"]
