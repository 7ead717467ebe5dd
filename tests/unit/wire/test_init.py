import shoal.wire as wire


def test_public_names_are_exactly_these():
    assert wire.__all__ == [
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
    assert all(hasattr(wire, name) for name in wire.__all__)
