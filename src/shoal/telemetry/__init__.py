"""What a running Shoal tells its operator."""

from shoal.telemetry.logs import configure_logs
from shoal.telemetry.redact import printable, redacted

__all__ = ["configure_logs", "printable", "redacted"]
