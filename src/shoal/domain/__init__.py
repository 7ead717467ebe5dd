"""What Shoal talks about: frozen values, nothing that does anything."""

from shoal.domain.candidate import Admitted, Candidate, Trust
from shoal.domain.capability import Anonymity, Capability, Honesty
from shoal.domain.failure import Blame, Failure, Reason, Stage
from shoal.domain.health import Forecast, Health, View
from shoal.domain.lease import Feedback, Lease
from shoal.domain.observation import Facts, Kind, Observation
from shoal.domain.pick import Pick
from shoal.domain.proxy import Credentials, Endpoint, Proxy, proxy_url, record_id, record_key
from shoal.domain.query import Order, Query, Strategy
from shoal.domain.reach import Reach
from shoal.domain.record import Path, Record, Timing
from shoal.domain.refusal import Refused
from shoal.domain.scheme import Scheme
from shoal.domain.target import Target
from shoal.domain.verdict import CheckResult

__all__ = [
    "Admitted",
    "Anonymity",
    "Blame",
    "Candidate",
    "Capability",
    "CheckResult",
    "Credentials",
    "Endpoint",
    "Facts",
    "Failure",
    "Feedback",
    "Forecast",
    "Health",
    "Honesty",
    "Kind",
    "Lease",
    "Observation",
    "Order",
    "Path",
    "Pick",
    "Proxy",
    "Query",
    "Reach",
    "Reason",
    "Record",
    "Refused",
    "Scheme",
    "Stage",
    "Strategy",
    "Target",
    "Timing",
    "Trust",
    "View",
    "proxy_url",
    "record_id",
    "record_key",
]
