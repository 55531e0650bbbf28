"""Cameras that speak only some transports or TLS, behind real servers."""

import hashlib
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from pipelines.errors import SourceError
from pipelines.records import SourceStatus
from pipelines.sources.camera.rtsp_access import RtspAccess
from tests.camera_rig import Item, camera, follow, frames_of, is_frame, run

pytestmark = pytest.mark.gst


@contextmanager
def serving(*options: str | Path) -> Iterator[int]:
    """Run a camera; its port."""
    command = [sys.executable, "-m", "tests.rtsp_camera", *map(str, options)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 that it signed itself, and its key."""
    return make_certificate(tmp_path_factory.mktemp("tls") / "camera.pem", "127.0.0.1")


def make_certificate(
    path: Path, host: str, valid_days: tuple[int, int] = (-1, 30)
) -> Path:
    """Write a certificate that it signed itself, and its key, in one file.

    ``valid_days`` says from when to when, counted from today.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "camera")])
    begin, end = (datetime.now(UTC) + timedelta(days=days) for days in valid_days)
    names = x509.SubjectAlternativeName(
        [x509.IPAddress(ip_address(host)) if host[0].isdigit() else x509.DNSName(host)]
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(made.public_bytes(Encoding.PEM) + secret)
    return path


def fingerprint_of(certificate: Path) -> str:
    text = certificate.read_text().partition("-----BEGIN PRIVATE")[0]
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(text.strip())).hexdigest()


def watch(port: int, access: RtspAccess, *, scheme: str = "rtsp") -> list[Item]:
    """Everything up to the first frame."""
    address = f"{scheme}://127.0.0.1:{port}/bed"

    async def watched() -> list[Item]:
        async with camera(address, rtsp=access, fail_fast=True) as source:
            return await follow(source, is_frame)

    return run(watched())


@pytest.mark.slow
def test_a_camera_that_speaks_udp_only_is_seen_at_the_first_attempt() -> None:
    with serving("udp") as port:
        items = watch(port, RtspAccess())

    assert frames_of(items)
    statuses = [item for item in items if isinstance(item, SourceStatus)]
    assert [(it.state, it.reconnects) for it in statuses] == [
        ("connecting", 0),
        ("online", 0),
    ]


@pytest.mark.parametrize(
    ("served", "asked", "name"), [("udp", "tcp", "TCP"), ("tcp", "udp", "UDP")]
)
def test_a_transport_that_the_camera_refuses_is_named(
    served: str, asked: Any, name: str
) -> None:
    problem = f"does not send its pictures by {name}; set transport to auto"
    with serving(served) as port, pytest.raises(SourceError, match=rf"{problem}$"):
        watch(port, RtspAccess(asked))


@pytest.mark.slow
def test_a_certificate_that_nobody_signed_is_named_with_its_fingerprint(
    certificate: Path,
) -> None:
    with serving("tcp", "--certificate", certificate) as port:
        with pytest.raises(SourceError, match=r"is not signed by a trusted CA") as it:
            watch(port, RtspAccess(), scheme="rtsps")
        (shown,) = re.findall(r"fingerprint ([0-9A-F:]+)\)", str(it.value))
        assert shown.replace(":", "").lower() == fingerprint_of(certificate)

        assert frames_of(watch(port, RtspAccess.of("auto", shown), scheme="rtsps"))


@pytest.mark.slow
def test_a_certificate_is_trusted_by_its_ca_or_unseen(certificate: Path) -> None:
    with serving("tcp", "--certificate", certificate) as port:
        for trust in (str(certificate), "off"):
            access = RtspAccess.of("tcp", trust)
            assert frames_of(watch(port, access, scheme="rtsps"))
        with pytest.raises(
            SourceError, match=r"does not have the configured fingerprint"
        ):
            watch(port, RtspAccess.of("tcp", "ab" * 32), scheme="rtsps")


@pytest.mark.parametrize(
    ("host", "valid_days", "problem"),
    [
        ("ward.example", (-1, 30), "is for another host"),
        ("127.0.0.1", (-30, -1), "has expired"),
        ("127.0.0.1", (1, 30), "is not valid yet"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_named(
    tmp_path: Path, host: str, valid_days: tuple[int, int], problem: str
) -> None:
    made = make_certificate(tmp_path / "other.pem", host, valid_days)
    with serving("tcp", "--certificate", made) as port:
        access = RtspAccess.of("tcp", str(made))
        with pytest.raises(SourceError, match=rf"its certificate {problem} \(SHA"):
            watch(port, access, scheme="rtsps")


def test_a_camera_without_tls_is_named() -> None:
    with (
        serving("tcp") as port,
        pytest.raises(SourceError, match=r"does not answer with TLS"),
    ):
        watch(port, RtspAccess(), scheme="rtsps")


def test_trust_is_read_in_each_of_its_forms(certificate: Path) -> None:
    colons = ":".join(["AB"] * 32)
    assert RtspAccess.of("udp", None) == RtspAccess("udp")
    assert not RtspAccess.of("auto", "off").verified
    assert RtspAccess.of("auto", colons).fingerprint == "ab" * 32
    assert RtspAccess.of("auto", str(certificate)).ca_file == certificate


@pytest.mark.parametrize("content", [None, "no certificate", "\xff"])
def test_trust_that_is_none_of_them_is_refused(
    tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content.encode("latin-1"))
    with pytest.raises(ValueError, match=re.escape(str(path))):
        RtspAccess.of("auto", str(path))
