import signal


def pytest_configure() -> None:
    """Let interrupts end what tests start, in the background of a shell as well.

    Such a shell has them ignored, and children inherit that.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
