"""What is said before Ray would fail: a token that the cluster does not have."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

TOKEN = "of-this-cluster-0123456789"
CHECK = """
import sys
from services.errors import ClusterNotFound
from services.supervisor.ray_preflight import check_ray_address
try:
    check_ray_address(sys.argv[1])
except ClusterNotFound as error:
    print(error)
"""


def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
    """Answer as the head of a cluster with a token does."""
    shown = dict(context.invocation_metadata()).get("authorization")
    if shown != f"Bearer {TOKEN}":
        context.abort(grpc.StatusCode.UNAUTHENTICATED, "InvalidAuthToken")
    return request


@pytest.fixture
def address() -> Iterator[str]:
    with ThreadPoolExecutor(1) as threads:
        handlers = {"CheckAlive": grpc.unary_unary_rpc_method_handler(answer)}
        head = "ray.rpc.NodeInfoGcsService"
        handler = grpc.method_handlers_generic_handler(head, handlers)
        server = grpc.server(threads, [handler])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield f"127.0.0.1:{port}"
        server.stop(None).wait()


def checked(address: str, **environment: str) -> str:
    """Return what a check says in a process of its own, because Ray keeps a token."""
    done = subprocess.run(
        [sys.executable, "-c", CHECK, address],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_cluster_with_our_token_lets_us_in(address: str) -> None:
    assert not checked(address, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=TOKEN)


def test_a_cluster_with_another_token_is_said_and_no_token_is_shown(
    address: str,
) -> None:
    said = checked(address, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="of-another")
    assert said == (
        f"--ray-address {address}: the Ray cluster there has another token; set"
        " RAY_AUTH_MODE to token, and RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH to the"
        " cluster's"
    )


def test_a_token_that_cannot_be_read_is_one_line(address: str) -> None:
    said = checked(address, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN_PATH="/missing")
    problem = "RAY_AUTH_MODE is token, but no token of the cluster can be read"
    assert said == f"--ray-address {address}: {problem}"
