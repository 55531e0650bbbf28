"""What ``wardwatch run`` and ``check`` refuse, before anything is started."""

import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

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

from services.command_line import app, run
from services.demo.broker import Broker
from services.hub.http import listen
from services.site.settings import Site
from services.store.database import sqlite_url
from services.store.store import Store


def site_file(folder: Path, text: str) -> Path:
    path = folder / "site.yaml"
    path.write_text(f"site: ward-3\n{text}")
    return path


def error_line(
    path: Path, capsys: pytest.CaptureFixture[str], command: str = "run"
) -> str:
    """Run a command that is to fail; return its one line."""
    assert run(app, [command, str(path)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    return lines[0].removeprefix("wardwatch: ")


def test_check_tells_that_all_is_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = site_file(tmp_path, "subjects: [{id: bed-4, camera: test, imu: wrist}]\n")
    assert run(app, ["check", str(path)]) == 0
    answer = capsys.readouterr().out
    assert answer == f"{path}: no mistakes; site ward-3, subjects: 1, wearables: 1\n"


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_bad_configuration_is_told_with_its_line(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = site_file(tmp_path, "subjects: [{id: bed-4}]\n")
    line = error_line(path, capsys, command)
    assert line == f"{path}:2: subjects[0]: needs a camera, an imu, or both"


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app, ["schema"]) == 0
    assert '"title": "Site"' in capsys.readouterr().out


def test_a_port_that_is_taken_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with listen("127.0.0.1", 0) as other:
        port = other.getsockname()[1]
        path = site_file(tmp_path, f"hub: {{folder: {tmp_path}/data, port: {port}}}\n")
        assert error_line(path, capsys).startswith(
            f"127.0.0.1:{port}: address already in use; set hub.port to another"
        )


def test_the_store_of_another_site_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = site_file(tmp_path, f"hub: {{folder: {tmp_path}/data, port: 0}}\n")
    store = tmp_path / "data" / "hub.sqlite"
    Store.migrated(sqlite_url(tmp_path / "data"), "ward-9").close()
    for command in ("run", "check", "console"):
        assert error_line(path, capsys, command) == (
            f"{store}: is the store of site ward-9; give site ward-3 another hub.folder"
            " or hub.database, or set hub.former_site: ward-9 if that was its name"
        )


def test_a_folder_that_cannot_be_written_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").write_text("a file")
    path = site_file(tmp_path, f"hub: {{folder: {tmp_path}/data, port: 0}}\n")
    assert error_line(path, capsys) == f"{tmp_path}/data: File exists"


def test_a_wrong_password_is_told_without_showing_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Broker(user="ward", password="right") as broker:
        path = site_file(
            tmp_path,
            f"broker: {{port: {broker.port}, user: ward, password: wr0ng}}\n"
            f"hub: {{folder: {tmp_path}/data, port: 0}}\n",
        )
        line = error_line(path, capsys)
    assert line == (
        f"broker 127.0.0.1:{broker.port}: refuses user name or password;"
        " see broker.user and password_file"
    )


def certificate(folder: Path, name: str, years: tuple[int, int]) -> tuple[Path, Path]:
    """Make a self-signed certificate of this machine, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    us = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder(us, us, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(years[0], 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(years[1], 1, 1, tzinfo=UTC))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem, key_file = folder / f"{name}.pem", folder / f"{name}.key"
    pem.write_bytes(made.public_bytes(Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return pem, key_file


@contextmanager
def encrypted_broker(folder: Path, pair: tuple[Path, Path]) -> Iterator[int]:
    """Run mosquitto with a certificate."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n"
        f"certfile {pair[0]}\nkeyfile {pair[1]}\n"
    )
    found = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    assert found is not None
    with subprocess.Popen(
        [found, "-c", str(config)], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.rstrip().endswith(" running"):
                break
        try:
            yield port
        finally:
            process.terminate()


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_expired_and_an_unknown_certificate_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expired = certificate(tmp_path, "old", (2020, 2021))
    with encrypted_broker(tmp_path, expired) as port:
        for trusted, reason in ((expired[0], "expired"), (None, "self-signed")):
            ca_file = "" if trusted is None else f"ca_file: {trusted}"
            path = site_file(
                tmp_path,
                f"broker: {{port: {port}, tls: {{{ca_file}}}}}\n"
                f"hub: {{folder: {tmp_path}/data, port: 0}}\n",
            )
            line = error_line(path, capsys)
            assert line.startswith(f"broker 127.0.0.1:{port}: its certificate is")
            assert reason in line


def test_certificates_of_ours_are_shown_to_the_broker(tmp_path: Path) -> None:
    pem, key = certificate(tmp_path, "ours", (2020, 2100))
    tls = {"ca_file": pem, "certificate_file": pem, "key_file": key}
    site = Site.model_validate({"site": "x", "broker": {"tls": tls}})
    assert site.broker.tls is not None
    context = site.broker.tls.build()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.cert_store_stats()["x509"] == 1
