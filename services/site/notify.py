"""Phones, chats and mailboxes that get alarms, in a site's configuration."""

from pathlib import Path
from typing import final

from pydantic import Field, SecretStr, field_validator, model_validator

from services.site.target import AlarmTarget, one_secret


@final
class NotifySettings(AlarmTarget):
    """A phone, a chat or a mailbox that gets alarms, by an address of apprise."""

    url: SecretStr | None = Field(
        None,
        description="Its address, such as ntfy://ward-3 or mailto://…; see the list at"
        " github.com/caronc/apprise.",
    )
    url_file: Path | None = Field(
        None, description="File that holds the address; read at each message."
    )

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: SecretStr | None) -> SecretStr | None:
        from apprise import Apprise  # slow, and needed by few

        if url is not None and not Apprise().add(url.get_secret_value()):
            msg = "not an address that apprise knows"
            raise ValueError(msg)
        return url

    @model_validator(mode="after")
    def _has_one_address(self) -> "NotifySettings":
        if (self.url is None) == (self.url_file is None):
            msg = "needs either url or url_file"
            raise ValueError(msg)
        return self

    def address(self) -> str:
        """Return the address.

        Raises:
            OSError: If the file cannot be read, or is not one line of text.
        """
        return one_secret(self.url, self.url_file)
