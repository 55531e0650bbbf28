"""Where alarms go beside MQTT, in a site's configuration."""

from pathlib import Path
from typing import final

from pydantic import Field, SecretStr, field_validator, model_validator

from models.prompts.prompt_set import Priority
from services.site.section import Name, Section, read_password


@final
class NotifySettings(Section):
    """A phone, a chat or a mailbox that gets alarms, by an address of apprise."""

    name: Name = Field(description="Its name in logs and troubles.")
    url: SecretStr | None = Field(
        None,
        description="Its address, such as ntfy://ward-3 or mailto://…; see the list at"
        " github.com/caronc/apprise.",
    )
    url_file: Path | None = Field(
        None, description="File that holds the address; read at each message."
    )
    priorities: tuple[Priority, ...] = Field(
        ("high",), min_length=1, description="Priorities of the alarms that it gets."
    )
    from_step: int = Field(
        0,
        ge=0,
        le=16,
        description="0 gets an alarm at once, 1 from the first step of its escalation"
        " on.",
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
        if self.url is not None:
            return self.url.get_secret_value()
        assert self.url_file is not None  # one of them is given
        return read_password(self.url_file).strip()
