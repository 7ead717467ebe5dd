"""The reader of proxy lists: bytes in, candidates out. No network, no clock, no judgement of ranges."""

from shoal.sources.extract.collect import Extraction
from shoal.sources.extract.document import extract, extract_stream
from shoal.sources.extract.entry import parse_entry
from shoal.sources.extract.stream import iter_lines

__all__ = ["Extraction", "extract", "extract_stream", "iter_lines", "parse_entry"]
