"""Addresses, csv files and YAML files, with secrets planted in place of logins."""

import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from random import Random
from urllib.parse import quote

from models.errors import ModelError
from models.prompts.prompt_file import load_prompt_set
from pipelines.errors import PipelineError
from pipelines.lab.data.footage import COLUMNS, parse_labels
from pipelines.redaction import redact, shown_address
from pipelines.sources.camera.address import CameraAddress, with_login
from pipelines.sources.wearable.address import MqttAddress
from pipelines.sources.wearable.replay import IMU_COLUMNS, read_imu_csv
from services.command_line import RedactedLines
from services.errors import SettingsError
from services.site.file import read_site
from tests.fuzz.mutation import SECRET, shaken, without_secret

_SCHEMES = ("rtsp", "RTSP", "rtsps", "mqtt", "http", "rtps", "file")
_SEPARATORS = ("://", "://", "://", ":/", ":///", ":\\\\", "%3A%2F%2F", "//")
_HOSTS = ("10.0.0.7", "cam.lan", "[fe80::1]", "h:554", "h:x", "h:99999", "[::", "é", "")
_PATHS = (
    "/Streaming/Channels/101", "/cam/realmonitor", "/h264Preview_01_main", "/", "",
    "/a b", "/%41/..", "/*/#/+", "/\ud800",
)  # fmt: skip
_KEYS = (
    "passwd", "psw", "pass", "loginpas", "token", "auth", "PASSWORD", "pwd", "x",
    "%70assword", "%2570assword", "access_token", "sid", "user=admin&password",
    "user=admin_password", "channel=1_pass",
)  # fmt: skip
_CHARACTERS = "aZ9 @:/?#%&=+;,.~!$'()*[]{}\\\"<>|^`\n\t\0é日🙂\ud800\u2028"


def secret_text(rng: Random) -> str:
    """Return a secret amid characters that mean something in an address."""
    if rng.random() < 0.3:
        return SECRET
    sides = ("".join(rng.choices(_CHARACTERS, k=rng.randrange(6))) for _ in "ab")
    return rng.choice((SECRET, f"<{SECRET}>")).join(sides)


class Addresses:
    """Texts that are, or were meant to be, the address of a camera or a topic."""

    def make(self, rng: Random) -> bytes:
        """Return an address with a secret, or a damaged one without."""
        text = self._address(rng)
        content = text.encode("utf-8", "surrogatepass")
        if rng.random() < 0.5:
            return content
        return shaken(without_secret(content), rng)

    def _address(self, rng: Random) -> str:
        raw = secret_text(rng)
        secret = quote(raw.encode("utf-8", "surrogatepass"), "")
        scheme, separator = rng.choice(_SCHEMES), rng.choice(_SEPARATORS)
        start, host, path = (
            f"{scheme}{separator}",
            rng.choice(_HOSTS),
            rng.choice(_PATHS),
        )
        key = rng.choice(_KEYS)
        match rng.randrange(7):
            case 0:
                return f"{start}nurse:{secret}@{host}{path}"
            case 1:
                return f"{start}{secret}@{host}{path}"
            case 2:  # as it is, which is wrong for most
                return f"{start}nurse:{raw}@{host}{path}"
            case 3:
                return f"{start}{host}{path}?{key}={raw}"
            case 4:
                return f"{start}{host}{path}?a=1&{key}={secret}#b"
            case 5:
                return f"{start}{host}/{key}={secret}_channel=1{path}?real_stream"
            case _:
                return f"nurse:{secret}@{host}{path}"

    def take(self, content: bytes) -> str:
        """Read it every way; return all that is shown of it."""
        text = content.decode(
            "utf-8", "surrogatepass" if SECRET in str(content) else "replace"
        )
        said = [shown_address(text), repr(shown_address(text))]
        for parse in (CameraAddress.parse, MqttAddress.parse):
            try:
                address = parse(text)
            except PipelineError as error:
                said += [f"{error} {error!r}", _logged(error)]
            else:
                said.append(f"{address} {address!r}")
                if isinstance(address, CameraAddress) and address.kind == "rtsp":
                    said.append(address.view_name)
                    said.append(redact(f"no {address.location} there", address.secrets))
                if address.user is not None:
                    _same_again(address.user, address.password)
        if SECRET in text and not any(mark in text for mark in " \t\n\0\u2028"):
            said.append(redact(f"cannot open {text}, is it there?"))
        return " ".join(said)


def _same_again(user: str, password: str | None) -> None:
    again = CameraAddress.parse(with_login("rtsp://h/s", user, password))
    assert (again.user, again.password) == (user, password)


def _logged(error: Exception) -> str:
    lines = RedactedLines("%(message)s")
    return lines.format(
        logging.LogRecord("x", 30, "x", 1, "%s", (error,), (type(error), error, None))
    )


class Tables:
    """Files of wearables and of labels."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "x.wrist.imu.csv"

    def make(self, rng: Random) -> bytes:
        """Return a file with a fault, or none."""
        ending = rng.choice(("\n", "\r\n", "\r"))
        secret = quote(secret_text(rng).encode("utf-8", "surrogatepass"), "")
        login = f"rtsp://nurse:{secret}@h/s?psw={secret}"
        if rng.random() < 0.5:
            lines = [",".join(IMU_COLUMNS)]
            lines += [f"{k / 50},0.1,9.8,0,0,0,{k}" for k in range(rng.randrange(4))]
        else:
            lines = [
                ",".join(COLUMNS),
                "room/a.mp4,falling,own,0.5,2,",
                "b.mp4,x,,1,2,n",
            ]
        if rng.random() < 0.3:
            cells = lines[-1].split(",")
            cells[rng.randrange(len(cells))] = login
            lines[-1] = ",".join(cells)
            return ending.join(lines).encode()
        content = ending.join((*lines, rng.choice(("", "", " ", ",,,,,,")))).encode()
        content = rng.choice((b"", b"\xef\xbb\xbf")) + content
        return shaken(content, rng) if rng.random() < 0.9 else content

    def take(self, content: bytes) -> str:
        """Read it as both kinds; return what is said of it."""
        self._path.write_bytes(content)
        said = []
        text = content.decode("utf-8", "replace")
        readers: tuple[Callable[[], object], ...] = (
            lambda: read_imu_csv(self._path),
            lambda: list(parse_labels(text, "labels.csv")),
        )
        for read in readers:
            try:
                read()
            except PipelineError as error:
                said.append(f"{error} {error!r}")
        return " ".join(said)


_SITE = """\
x-common: &common {{crop: left, imu: wrist-4}}
site: ward-3
broker:
  host: 127.0.0.1
  port: 1883
  user: ward
  password: '{0}'
  tls:
  home_assistant: false
subjects:
  - &first
    id: bed-4
    camera: 'rtsp://nurse:{1}@10.0.0.7/s?psw={1}'
  - <<: [*common, *first]
    id: bed-5
    camera: rtsp://nurse:${{CAM_PW}}@10.0.0.7/s
windows: {{ frames: 8, seconds: 3.0 }}
events: {{ enter: 0.75 }}
"""
_PROMPTS = """\
version: 1
name: ward
templates: [a picture of {}]
labels:
  falling: {texts: [a person falling], event: fall, aliases: [fall], priority: high}
  walking: &w {texts: walking}
  running: {<<: *w, texts: [running, a run]}
"""


_BOMBS = (
    "site: ward\nsubjects: &a\n  - *a\n",
    "site: ward\nbroker: &a {tls: {ca_file: *a}}\n",
    "x-a: &a {<<: {b: [c]}}\nx-b: &b [*a, *a, *a]\nx-c: [*b, *b, *b, {<<: *b}]\n",
    "site: [[[[[[[[[[{a: [[[[[[[[[[[[b]]]]]]]]]]]]}]]]]]]]]]]\n",
)


class Documents:
    """Files of sites and of prompt sets."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "x.yaml"

    def make(self, rng: Random) -> bytes:
        """Return a file: good, or shaken around its secrets."""
        if rng.random() < 0.3:
            return shaken(rng.choice((_PROMPTS, *_BOMBS)).encode(), rng)
        secret = quote(secret_text(rng).encode("utf-8", "surrogatepass"), "")
        content = _SITE.format("PLAIN", "CODED").encode()
        if rng.random() < 0.95:
            content = shaken(content, rng)
        plain = secret_text(rng).replace("'", "''").translate({0: "", 0xD800: ""})
        return content.replace(b"PLAIN", plain.encode()).replace(
            b"CODED", secret.encode()
        )

    def take(self, content: bytes) -> str:
        """Read it as both kinds; return what is said of it."""
        self._path.write_bytes(content)
        said = []
        variables = {"CAM_PW": f"a/#?%@<{SECRET}>"}
        try:
            site = read_site(self._path, variables)
            cameras = [subject.camera for subject in site.subjects]
            said.append(repr((site.broker.password, cameras)))
        except SettingsError as error:
            said.append(f"{error} {error!r}")
        with contextlib.suppress(ModelError):
            load_prompt_set(self._path)
        return " ".join(said)
