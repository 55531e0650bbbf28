"""Names of one running service in a Ray cluster, and its claim on its site.

Several sites may share a cluster. All names of a service in the cluster contain its
site and the number of this run, so that no service finds, replaces or deletes parts of
another. Only one service at a time watches a site: its claim, an actor with the site's
name, lives as long as the service.
"""

import asyncio
import logging
import os
import re
import secrets
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast, final

import ray
from ray.exceptions import RayError

from services.errors import SiteTaken

logger = logging.getLogger(__name__)

_CLAIMS = "wardwatch-sites"
"""Ray namespace of the claims of all sites."""
_ANSWER_S = 10.0
_GOING_S = 30.0
"""Ray needs some seconds to end the actors of a service that was killed."""
_PAUSE_S = 1.0


@final
@dataclass(frozen=True, slots=True)
class Deployment:
    """One run of the service of a site.

    ``number`` has eight hexadecimal digits, new for each run.
    """

    site: str
    number: str = field(default_factory=lambda: secrets.token_hex(4))

    @property
    def name(self) -> str:
        """The Ray namespace of its actors, and the name of its Serve application."""
        return f"wardwatch-{self.site}@{self.number}"  # no site has an @ in its name

    def remains(self, apps: Iterable[str]) -> list[str]:
        """Return the Serve applications that earlier runs of the site left behind."""
        earlier = re.compile(rf"wardwatch-{re.escape(self.site)}@[0-9a-f]{{8}}")
        return sorted(
            name for name in apps if earlier.fullmatch(name) and name != self.name
        )


class SiteClaim:
    """The actor that claims a site."""

    def __init__(self, holder: str) -> None:
        self._holder = holder

    async def holder(self) -> str:
        """Return the machine and the process of the service."""
        return self._holder


async def claim_site(site: str, **options: object) -> object:
    """Claim a site for this process, in the cluster that it has joined.

    Returns:
        The actor; it ends with this process, or when it is killed.

    Raises:
        SiteTaken: If another service watches the site.
    """
    actor = cast("Any", ray.remote(SiteClaim)).options(
        name=site,
        namespace=_CLAIMS,
        num_cpus=0,
        max_restarts=-1,
        **options,
    )
    where = f"{socket.gethostname()}, process {os.getpid()}"
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + _GOING_S
    while True:
        try:
            claim = actor.remote(where)
            await claim.holder.remote()
        except ValueError:  # Ray: the name is taken
            holder = await _holder_of(site)
            if holder is not None:
                raise SiteTaken(site, holder) from None
            if loop.time() > deadline_s:
                _kill_claim(site)
                deadline_s = loop.time() + _GOING_S
            await asyncio.sleep(_PAUSE_S)
        else:
            return claim


async def _holder_of(site: str) -> str | None:
    """Return machine and process of a site's service; None without an answer."""
    try:
        claim = ray.get_actor(site, namespace=_CLAIMS)
        return cast("str", await asyncio.wait_for(claim.holder.remote(), _ANSWER_S))
    except (RayError, ValueError, TimeoutError):
        return None


def _kill_claim(site: str) -> None:
    logger.warning(
        "the service that claims site %s does not answer; replacing it", site
    )
    with suppress(RayError, ValueError):  # it has ended meanwhile
        ray.kill(ray.get_actor(site, namespace=_CLAIMS))
