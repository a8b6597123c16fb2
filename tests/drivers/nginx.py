"""nginx as `deploy/nginx.conf` sets it up, at a port and with a certificate of this machine."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from getpass import getuser
from ipaddress import ip_address
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sandbox.world import HOST, Part, free_port
from tests.deploy.files import DEPLOY, tool


class Certificate(NamedTuple):
    """The files of a certificate of this machine's address, and of its key."""

    chain: Path
    key: Path


@cache
def certificate() -> Certificate:
    """The one that all proxies of these tests have, good for a day."""
    folder = Path(mkdtemp(prefix="certificate-"))
    atexit.register(rmtree, folder)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    files = Certificate(folder / "certificate.pem", folder / "key.pem")
    files.chain.write_bytes(made.public_bytes(pem))
    files.key.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


@contextmanager
def trusting() -> Iterator[None]:
    """This process, and whatever it starts until the block ends, trust that certificate."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
            patch.setenv(name, str(certificate().chain))
        yield


def nginx(folder: Path, upstreams: Sequence[str], port: int) -> Part:
    """nginx with our file between what Debian puts round it, before these hosts and ports."""
    text = (DEPLOY / "nginx.conf").read_text()
    for ours, here in (
        ("/etc/letsencrypt/live/credits.example.com/fullchain.pem", str(certificate().chain)),
        ("/etc/letsencrypt/live/credits.example.com/privkey.pem", str(certificate().key)),
        ("server 127.0.0.1:8000;", " ".join(f"server {upstream};" for upstream in upstreams)),
        ("listen 443 ", f"listen {HOST}:{port} "),
        ("listen [::]:443 ssl http2;", ""),
        ("listen 80;", f"listen {HOST}:{free_port()};"),
        ("listen [::]:80;", ""),
    ):
        assert ours in text, ours
        text = text.replace(ours, here)
    temporary = "".join(
        f"{kind}_temp_path {folder / kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    head = f"daemon off;\nuser {getuser()};\npid {folder / 'pid'};\nevents {{}}\n"
    (folder / "nginx.conf").write_text(f"{head}http {{\naccess_log off;\n{temporary}{text}}}\n")
    command = [tool("nginx"), "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    return Part("nginx", command, env=os.environ, url=f"https://{HOST}:{port}", log=folder / "log")
