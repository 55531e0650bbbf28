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
_REFUSED = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)
_OTHER_TOKEN = (
    "the Ray cluster there has another token; set RAY_AUTH_MODE to token, and"
    " RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH to the cluster's"
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
        ClusterNotFound: If the address is malformed, if no cluster answers there
            within a few seconds, or if it has another token than this process.
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
    """Check that the server at an address is the head of a Ray cluster, and lets us in.

    Raises:
        ClusterNotFound: If it does not answer in time, is another program, or has
            another token.
    """
    options = [("grpc.enable_http_proxy", 0)]  # as in Ray
    with grpc.insecure_channel(address, options=options) as channel:
        ask = channel.unary_unary(_ALIVE)
        try:
            # An empty message is a valid request.
            ask(b"", timeout=_ANSWER_S, wait_for_ready=True, metadata=_token(address))
        except grpc.RpcError as error:
            is_refused = isinstance(error, grpc.Call) and error.code() in _REFUSED
            problem = "what answers there is not the head of a Ray cluster"
            problem = _OTHER_TOKEN if is_refused else problem
            raise ClusterNotFound(address, problem) from error


def _token(address: str) -> list[tuple[str, str]]:
    """Return the metadata by which Ray shows its token; none without a token.

    Raises:
        ClusterNotFound: If the token's file cannot be read.
    """
    from ray._private.authentication import http_token_authentication
    from ray.exceptions import AuthenticationError

    try:
        headers = http_token_authentication.get_auth_headers_if_auth_enabled({})
    except AuthenticationError as error:
        problem = "RAY_AUTH_MODE is token, but no token of the cluster can be read"
        raise ClusterNotFound(address, problem) from error
    return list(headers.items())


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
