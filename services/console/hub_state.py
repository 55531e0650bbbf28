"""What the hub says of itself, by its HTTP server and its notes."""

import http.client
import json
from typing import Final

from services.site.settings import Site
from services.store.notes import CLIP_SUBJECTS, HUB_PORT
from services.store.store import Store

_WAIT_S: Final = 2.0


def hub_troubles(site: Site, store: Store) -> list[str] | None:
    """Return why the service is not ready; None if the hub does not answer.

    Raises:
        StoreError: If the store cannot be read.
    """
    port = store.notes.recall(HUB_PORT)
    if not isinstance(port, int):
        return None
    connection = http.client.HTTPConnection(site.hub.host, port, timeout=_WAIT_S)
    try:
        connection.request("GET", "/readyz")
        answer = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    troubles = answer.get("troubles") if isinstance(answer, dict) else None
    return [str(trouble) for trouble in troubles or ()]


def clip_subjects(store: Store) -> list[str]:
    """Return the subjects of which blurred clips are stored.

    Raises:
        StoreError: If the store cannot be read.
    """
    noted = store.notes.recall(CLIP_SUBJECTS)
    return [str(name) for name in noted] if isinstance(noted, list) else []
