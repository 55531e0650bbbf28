"""Faulty inputs from good ones: values and bytes changed at random, by a seed."""

import json
from random import Random
from typing import Any

SECRET = "sEcReT9"
"""Planted in place of a credential; no output may hold it."""

_ODD_NUMBERS = (
    0, -1, 1, 2**31, 2**63, -(2**63), 2**64, 10**400, 1e308, -1e308, 5e-324, 1e999,
    float("nan"), float("-inf"), 0.1, 1_700_000_000.0, 4.3e9, 268435456, True, False,
)  # fmt: skip
_ODD_TEXTS = (
    "", " ", "\0", "\ud800", "\udcff", "é", "\u202e", "🙂", "NaN", "Infinity", "None",
    "%s%n", "../../etc/passwd", "a" * 300, "${HOME}", "{}", "[", "\n", "\x1b[2J",
    f"rtsp://u:<{SECRET}>@h/s?psw=<{SECRET}>", f"u:<{SECRET}>@h", "accel_x_", "m/s2",
)  # fmt: skip
_ODD_BYTES = (
    b"\0", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xc3", b"\xed\xa0\x80", b"\n",
    b"\t", b'"', b"'", b"{", b"}", b"[", b"]", b",", b":", b"-", b"0", b"1e999", b"&a ",
    b"*a ", b"<<: ", b"!!int ", b"? ", b"- ", b"#", b"%", b"|", b">", b"null", b"\r",
)  # fmt: skip


def odd_value(rng: Random, depth: int = 0) -> Any:
    """Return a JSON value that is unlikely in its place."""
    kind = rng.randrange(8 if depth < 3 else 4)
    if kind <= 1:
        return rng.choice(_ODD_NUMBERS)
    if kind <= 3:
        return rng.choice((*_ODD_TEXTS, None))
    if kind == 4:
        return [odd_value(rng, depth + 1) for _ in range(rng.randrange(4))]
    if kind == 5:
        return {rng.choice(_ODD_TEXTS): odd_value(rng, depth + 1)}
    if kind == 6:
        return nested(rng.choice((10, 500, 5000)), rng)
    return rng.uniform(-1e6, 1e6)


def nested(depth: int, rng: Random) -> Any:
    """Return lists in lists, written by ``dumped``."""
    return _Raw(("[" if rng.random() < 0.5 else '{"a":') * depth)


class _Raw(str):
    """JSON text as it is: deeper than a value could be written."""

    __slots__ = ()


def changed(value: Any, rng: Random) -> Any:
    """Return a copy of a JSON value with one part replaced, dropped or repeated."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        kind = rng.randrange(10)
        if kind == 0:
            return {name: part for name, part in value.items() if name != key}
        if kind == 1:
            return {**value, rng.choice(_ODD_TEXTS): odd_value(rng)}
        return {**value, key: changed(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.9:
        place = rng.randrange(len(value))
        kind = rng.randrange(10)
        if kind == 0:
            return value[:place] + value[place + 1 :]
        if kind == 1:
            return value[:place] + [value[place]] * 2 + value[place + 1 :]
        return [*value[:place], changed(value[place], rng), *value[place + 1 :]]
    return odd_value(rng)


def dumped(value: Any) -> bytes:
    """Write JSON, odd numbers and lone surrogates included."""
    raw: list[str] = []

    def default(part: Any) -> Any:
        if isinstance(part, _Raw):
            raw.append(str(part))
            return f"\0raw{len(raw) - 1}\0"
        if isinstance(part, dict):
            return {str(name): default(each) for name, each in part.items()}
        return [default(each) for each in part] if isinstance(part, list) else part

    text = json.dumps(default(value), ensure_ascii=False)
    for number, each in enumerate(raw):
        text = text.replace(json.dumps(f"\0raw{number}\0"), each)
    return text.encode("utf-8", "surrogatepass")


def without_secret(content: bytes) -> bytes:
    """Return bytes that hold no secret: shaken, a secret could move anywhere."""
    return content.replace(SECRET.encode(), b"open")


def shaken(content: bytes, rng: Random) -> bytes:
    """Return bytes with a few of them changed, dropped, repeated or put in."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        begin = rng.randrange(len(content) + 1)
        end = min(len(content), begin + rng.choice((1, 1, 2, 8, 40)))
        kind = rng.randrange(6)
        if kind == 0:
            content = content[:begin] + content[end:]
        elif kind == 1:
            content = content[:begin] + rng.choice(_ODD_BYTES) + content[begin:]
        elif kind == 2:
            content = content[:begin] + rng.choice(_ODD_BYTES) + content[end:]
        elif kind == 3:
            content = content[:end] + content[begin:end] + content[end:]
        elif kind == 4:
            content = (
                content[:begin] + bytes([rng.randrange(256)]) + content[begin + 1 :]
            )
        else:
            content = content[:begin]
    return content
