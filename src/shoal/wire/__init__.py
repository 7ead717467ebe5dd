"""Sans-IO codecs: bytes in, bytes out. No socket, no clock, no log; only ``shoal.wire.errors`` comes out."""

from __future__ import annotations

from shoal.wire.errors import LocalProtocolError, ProtocolError, Refusal, RemoteProtocolError
from shoal.wire.handshake import Handshake, TargetAddress
from shoal.wire.http_body import BodyReader, Framing, request_body_reader
from shoal.wire.http_connect import ConnectClient
from shoal.wire.http_head import (
    RequestHead,
    RequestHeadReader,
    ResponseHead,
    ResponseHeadReader,
    basic_credentials,
    encode_request_head,
    encode_response_head,
    parse_response_head,
)
from shoal.wire.sniff import Protocol, sniff
from shoal.wire.socks4 import Socks4Client, Socks4Request, Socks4Server
from shoal.wire.socks5_client import Socks5Client
from shoal.wire.socks5_server import Socks5Request, Socks5Server

__all__ = [
    "BodyReader",
    "ConnectClient",
    "Framing",
    "Handshake",
    "LocalProtocolError",
    "Protocol",
    "ProtocolError",
    "Refusal",
    "RemoteProtocolError",
    "RequestHead",
    "RequestHeadReader",
    "ResponseHead",
    "ResponseHeadReader",
    "Socks4Client",
    "Socks4Request",
    "Socks4Server",
    "Socks5Client",
    "Socks5Request",
    "Socks5Server",
    "TargetAddress",
    "basic_credentials",
    "encode_request_head",
    "encode_response_head",
    "parse_response_head",
    "request_body_reader",
    "sniff",
]
