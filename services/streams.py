"""Standard input, output and error of a command, for any terminal, file or pipe.

- Characters that the terminal's encoding lacks are written in ASCII instead.
- A failed write to standard output raises ``OutputFailed``: the stream is closed, the
  device is full, or the program that reads the pipe has ended.
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
"""128 plus the number of SIGPIPE, as for a program that the signal ends."""


def prepare() -> None:
    """Make the standard streams usable; call this before any file is opened.

    Otherwise the next file or socket would get the number of a closed stream.
    """
    for number, flags in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            # Number 1 is open for reading only, so that writing to it fails.
            opened = os.open(os.devnull, flags)
            os.set_inheritable(opened, True)
            if opened != number:  # lower numbers are in use by now
                os.dup2(opened, number)
                os.close(opened)
    codecs.register_error(_ERRORS, _in_ascii)
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115  as long as the process
    sys.stdout = _writer(_Output(1, "w", closefd=False), sys.stdout)
    sys.stderr = _writer(_Diagnostics(2, "w", closefd=False), sys.stderr)


def finish(code: int) -> int:
    """Write the buffered output.

    Returns:
        ``code``, or another exit code if standard output failed.
    """
    try:
        sys.stdout.flush()
    except OutputFailed as error:
        return report(error)
    return code


def report(error: OutputFailed) -> int:
    """Print on standard error that the output failed; return the exit code.

    A reader that has ended, as ``head`` does, is not an error: nothing is printed.
    """
    with suppress(OSError):  # the buffered rest must not fail again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if error.number == errno.EPIPE:
        return _READER_ENDED_CODE
    sys.stderr.write(f"wardwatch: {error}\n")
    return 2


def _writer(raw: io.FileIO, before: TextIO | None) -> io.TextIOWrapper:
    """Return a text stream over ``raw`` with the encoding of the former stream."""
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
    """Standard output; its errors differ from those of other files."""

    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            raise OutputFailed(error.errno) from error


@final
class _Diagnostics(io.FileIO):
    """Standard error; its errors are ignored."""

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
    """Spell a character; a byte of a file name that is not text becomes its number."""
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return _IN_ASCII.get(character, "?")
