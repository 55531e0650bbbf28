"""Standard input, output and error of a command.

- Text that the terminal's encoding lacks is written in ASCII instead.
- A failed write to standard output raises ``OutputFailed``: it is closed, its device is
  full, or the program that reads it has ended.
- Standard error never fails: a service must not end because its log cannot be written.
"""

import codecs
import errno
import io
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO, final

from services.errors import OutputFailed

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_IN_ASCII = {"▶": ">", "■": "-", "✓": "+", "✗": "x", "…": "...", "±": "+/-", "²": "2"}
_ERRORS = "wardwatch"
_READER_ENDED_CODE = 141
"""128 and SIGPIPE, as of a program that the signal ends."""


def prepare() -> None:
    """Make the standard streams of this process usable; call it before anything opens.

    Otherwise the next file or socket would get the number of a stream that is closed.
    """
    for number, flags in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            # Number 1 is open for reading alone, so that writing fails and is noticed.
            opened = os.open(os.devnull, flags)
            os.set_inheritable(opened, True)
            if opened != number:  # a lower number is free only if it failed as well
                os.dup2(opened, number)
                os.close(opened)
    codecs.register_error(_ERRORS, _in_ascii)
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115  as long as the process
    sys.stdout = _writer(_Output(1, "w", closefd=False), sys.stdout)
    sys.stderr = _writer(_Diagnostics(2, "w", closefd=False), sys.stderr)


def finish(code: int) -> int:
    """Write what is still buffered.

    Returns:
        ``code``, or another one if standard output failed.
    """
    try:
        sys.stdout.flush()
    except OutputFailed as error:
        return report(error)
    return code


def report(error: OutputFailed) -> int:
    """Say on standard error that the output failed; return the exit code.

    A reader that has ended, as ``head`` does, is no fault: nothing is said.
    """
    with suppress(OSError):  # what is still buffered must not fail again at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if error.number == errno.EPIPE:
        return _READER_ENDED_CODE
    sys.stderr.write(f"wardwatch: {error}\n")
    return 2


def _writer(raw: io.FileIO, before: TextIO | None) -> io.TextIOWrapper:
    """Return a text stream over ``raw``, with the encoding of the stream before it."""
    encoding = "utf-8" if before is None else before.encoding
    is_error = isinstance(raw, _Diagnostics)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=encoding,
        errors=_ERRORS,
        line_buffering=is_error or raw.isatty(),
        write_through=is_error,
    )


@final
class _Output(io.FileIO):
    """Standard output, whose failure is distinguished from that of another file."""

    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            raise OutputFailed(error.errno) from error


@final
class _Diagnostics(io.FileIO):
    """Standard error, which takes everything."""

    def write(self, data: "ReadableBuffer", /) -> int:
        with suppress(OSError):
            return super().write(data)
        return memoryview(data).nbytes


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    wanted = error.object[error.start : error.end]
    return "".join(map(_ascii_of, wanted)), error.end


def _ascii_of(character: str) -> str:
    """Spell one character; a byte of a file name that is no text by its number."""
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return _IN_ASCII.get(character, "?")
