"""Web servers that get alarms as JSON, signed in the manner of most webhooks."""

import hashlib
import hmac
from typing import final

from pipelines.clock import NS_PER_S
from services.delivery.outcome import Outcome
from services.delivery.web_post import post
from services.hub.topics import VERSION
from services.site.webhooks import WebhookSettings
from services.store.notices import Notice


@final
class Webhook:
    """A ``NoticeTarget`` that is posted to."""

    def __init__(self, settings: WebhookSettings) -> None:
        self._settings = settings
        self.name, self.label = settings.name, f"webhook {settings.name}"

    def test_content(self, site: str) -> dict[str, object]:
        """Return the content of a test message, which changes nothing."""
        if self._settings.format == "fhir":
            return {"resourceType": "Bundle", "type": "transaction"}
        return {"v": VERSION, "type": "test", "site": site}

    async def send(self, notice: Notice, utc_ns: int) -> Outcome:
        """Try once to deliver a notice."""
        try:
            address, key = self._settings.address(), self._settings.key()
        except OSError as error:
            return Outcome(f"{error.filename}: {error.strerror}")
        except ValueError as error:
            return Outcome(f"{self._settings.url_file}: {error}")
        body, timestamp = notice.body.encode(), str(utc_ns // NS_PER_S)
        headers = {
            "X-Wardwatch-Id": notice.key,
            "X-Wardwatch-Timestamp": timestamp,
            "X-Wardwatch-Signature": f"sha256={signature(key, timestamp, body)}",
        }
        if self._settings.format == "fhir":
            headers["Content-Type"] = "application/fhir+json"
        return await post(address, body, headers, self._settings.ca_file)


def signature(key: bytes, timestamp: str, body: bytes) -> str:
    """Return the HMAC-SHA256 of ``timestamp.body``, in hexadecimal."""
    return hmac.new(key, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
