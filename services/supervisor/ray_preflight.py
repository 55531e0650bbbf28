"""Checks of what Ray would refuse after minutes or with a traceback.

Both checks are made before anything is started: whether a cluster answers at the given
address, and whether Ray's folder can hold its sockets.
"""

import os
import re
import socket
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

import grpc

from services.errors import ClusterNotFound, RayFolderError

_ANSWER_S: Final = 5.0
_ADDRESS = re.compile(r"(?:ray://)?(\[[0-9A-Fa-f:.%]+\]|[^\s/:\[\]]+):(\d{1,5})")
_MOST_PORT = 65_535
_HERE = "auto"
_CLIENT_SCHEME = "ray://"
_ALIVE = "/ray.rpc.NodeInfoGcsService/CheckAlive"
_ALIVE_STATES = (
    grpc.StatusCode.OK,
    grpc.StatusCode.UNAUTHENTICATED,  # a head that requires a token
    grpc.StatusCode.PERMISSION_DENIED,
)

_LONGEST_SOCKET_BYTES = 107
"""Longest path of a socket on Linux."""
_LONGEST_IN_SESSION = "session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store"
"""Longest path below Ray's folder; the last number is a process id."""


def check_ray_address(address: str) -> None:
    """Check that a Ray cluster can be joined.

    Args:
        address: ``host:port`` of the head of a cluster, ``ray://host:port``, or
            ``auto`` for the cluster that runs on this machine.

    Raises:
        ClusterNotFound: If the address is malformed, or if no cluster answers there
            within a few seconds.
    """
    if address == _HERE:
        address = _found_here()
    parts = _ADDRESS.fullmatch(address)
    if parts is None or not 0 < int(parts.group(2)) <= _MOST_PORT:
        problem = "is no address; expected host:port, such as 10.0.0.5:6379, or auto"
        raise ClusterNotFound(address or "''", problem)
    host, port = parts.group(1).strip("[]"), int(parts.group(2))
    try:
        socket.create_connection((host, port), _ANSWER_S).close()
    except (OSError, UnicodeError) as error:  # a host name may be too long to encode
        reason = (isinstance(error, OSError) and error.strerror) or "timed out"
        problem = f"no Ray cluster answers there ({reason.lower()}); is it started?"
        raise ClusterNotFound(address, problem) from error
    if not address.startswith(_CLIENT_SCHEME) and not os.environ.get("RAY_USE_TLS"):
        _ask_head(address)


def _found_here() -> str:
    """Return the address of the cluster that runs on this machine.

    Raises:
        ClusterNotFound: If none runs here.
    """
    from ray._private.services import canonicalize_bootstrap_address

    problem = "no Ray cluster runs on this machine; start one with ray start --head"
    try:
        found = canonicalize_bootstrap_address(_HERE)
    except (ConnectionError, ValueError):
        found = None
    if found is None:
        raise ClusterNotFound(_HERE, problem)
    return str(found)


def _ask_head(address: str) -> None:
    """Check that the server at an address is the head of a Ray cluster.

    Raises:
        ClusterNotFound: If it does not answer in time, or is another program.
    """
    options = [("grpc.enable_http_proxy", 0)]  # as in Ray
    with grpc.insecure_channel(address, options=options) as channel:
        try:
            # An empty message is a valid request.
            channel.unary_unary(_ALIVE)(b"", timeout=_ANSWER_S, wait_for_ready=True)
        except grpc.RpcError as error:
            if isinstance(error, grpc.Call) and error.code() in _ALIVE_STATES:
                return
            problem = "what answers there is not the head of a Ray cluster"
            raise ClusterNotFound(address, problem) from error


def check_ray_folder() -> None:
    """Check that Ray can use its folder, which is below ``RAY_TMPDIR`` or ``TMPDIR``.

    Raises:
        RayFolderError: If the folder cannot be written, or if a path in it would be too
            long for a socket.
    """
    named = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"
    folder = Path(named, "ray")
    length = len(os.fsencode(folder / _LONGEST_IN_SESSION))
    if length > _LONGEST_SOCKET_BYTES:
        most = _LONGEST_SOCKET_BYTES - length + len(os.fsencode(named))
        problem = f"is longer than the {most} bytes that Ray's sockets leave"
        raise RayFolderError(named, problem)
    try:
        folder.mkdir(mode=0o777, parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        problem = f"Ray cannot write there ({error.strerror})"
        raise RayFolderError(str(folder), problem) from error
