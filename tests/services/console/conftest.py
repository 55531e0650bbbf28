from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from services.console.context import Console
from tests.console_rig import asking, open_rig


@pytest.fixture
def console(tmp_path: Path) -> Console:
    return open_rig(tmp_path)


@pytest.fixture
def client(console: Console) -> Iterator[TestClient]:
    with asking(console) as client:
        yield client
