"""A few of the inputs of ``python -m tests.fuzz``, and that it notices a fault."""

import pytest

from tests.fuzz.__main__ import failure_of, run
from tests.fuzz.mutation import SECRET


@pytest.mark.slow
def test_faulty_inputs_crash_nothing_and_show_no_secret(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(payloads=4000, texts=500, seed=7) == 0, capsys.readouterr().out


class Faulty:
    """A reader that does what it should not."""

    def make(self, rng: object) -> bytes:
        del rng
        return b""

    def take(self, content: bytes) -> str:
        if content == b"crash":
            raise RecursionError
        return f"cannot open rtsp://nurse:{SECRET}@h" if content == b"tell" else "fine"


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"crash", "RecursionError"), (b"tell", "a secret is shown"), (b"", "")],
)
def test_a_crash_and_a_secret_are_failures(content: bytes, problem: str) -> None:
    failure = failure_of(Faulty(), content)
    assert problem in failure
    assert bool(failure) == bool(problem)
