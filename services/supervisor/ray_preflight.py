"""Checks of what Ray would refuse after minutes or with a traceback.

Both checks are made before anything is started: whether a cluster answers at the
address that was given, and whether Ray's own folder can hold its sockets.
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
    grpc.StatusCode.UNAUTHENTICATED,  # it is one, and wants a token
    grpc.StatusCode.PERMISSION_DENIED,
)

_LONGEST_SOCKET_BYTES = 107
"""Of the path of a socket, on Linux."""

_LONGEST_IN_SESSION = "session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store"
"""Below Ray's folder; the last number is that of a process."""


def check_ray_address(address: str) -> None:
    """Find out whether a Ray cluster can be joined.

    Args:
        address: ``host:port`` of the head of a cluster, ``ray://host:port``, or
            ``auto`` for one that runs on this machine.

    Raises:
        ClusterNotFound: If it is malformed, or if no cluster answers within seconds.
    """
    if address == _HERE:
        address = _found_here()
    parts = _ADDRESS.fullmatch(address)
    if parts is None or not 0 < int(parts.group(2)) <= _MOST_PORT:
        problem = "is no address; expected host:port, as 10.0.0.5:6379, or auto"
        raise ClusterNotFound(address, problem)
    host, port = parts.group(1).strip("[]"), int(parts.group(2))
    try:
        socket.create_connection((host, port), _ANSWER_S).close()
    except (OSError, UnicodeError) as error:  # a host name may be too long to encode
        said = (isinstance(error, OSError) and error.strerror) or "timed out"
        problem = f"no Ray cluster answers there ({said.lower()}); is it started?"
        raise ClusterNotFound(address, problem) from error
    if not address.startswith(_CLIENT_SCHEME) and not os.environ.get("RAY_USE_TLS"):
        _ask_head(address)


def _found_here() -> str:
    """Return the address of the cluster on this machine, as Ray finds it.

    Raises:
        ClusterNotFound: If there is none.
    """
    from ray._private.services import canonicalize_bootstrap_address

    problem = "no Ray cluster runs on this machine; start one with ray start --head"
    try:
        found = canonicalize_bootstrap_address(_HERE)
    except (ConnectionError, ValueError) as error:
        raise ClusterNotFound(_HERE, problem) from error
    if found is None:
        raise ClusterNotFound(_HERE, problem)
    return str(found)


def _ask_head(address: str) -> None:
    """Ask the head of a cluster whether it is one.

    Raises:
        ClusterNotFound: If it does not answer in time, or is something else.
    """
    options = [("grpc.enable_http_proxy", 0)]  # Ray uses none either
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
    """Find out whether Ray can use its folder, below ``RAY_TMPDIR`` or ``TMPDIR``.

    Raises:
        RayFolderError: If a path in it would be too long for a socket, or if it cannot
            be written.
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
