"""Shoal: a proxy pool that collects, checks, forecasts and hands out HTTP and SOCKS proxies."""

__version__ = "0.1.0"
__all__ = ["__version__"]
