"""The TLS layer's edges; its handshakes are tested with the plan."""

from __future__ import annotations

import ssl

import pytest
import trustme

from shoal.upstream import TlsLayer, make_contexts


def test_contexts_verify_targets_and_not_proxies():
    contexts = make_contexts()
    assert contexts.target.verify_mode is ssl.CERT_REQUIRED
    assert contexts.target.check_hostname
    assert contexts.proxy.verify_mode is ssl.CERT_NONE
    assert make_contexts(verify_proxy=True).proxy.verify_mode is ssl.CERT_REQUIRED


def test_an_authority_of_the_user_is_added(tmp_path):
    ca = trustme.CA()
    path = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(path)
    before = make_contexts().target.cert_store_stats()["x509_ca"]
    assert make_contexts(str(path)).target.cert_store_stats()["x509_ca"] == before + 1
    with pytest.raises(OSError):
        make_contexts(str(tmp_path / "missing.pem"))


def test_rubbish_instead_of_a_server_hello_is_an_ssl_error():
    layer = TlsLayer(make_contexts().proxy, "x.test")
    layer.start()
    assert layer.data_to_send()
    with pytest.raises(ssl.SSLError):
        layer.receive_data(b"HTTP/1.1 400 Bad Request\r\n\r\n")
