"""The configuration of the MQTT broker: its address, its login and its TLS."""

import ssl
from pathlib import Path

from pydantic import Field, SecretStr, field_validator, model_validator

from services.site.section import Name, Section, checked_password, read_password


class Tls(Section):
    """How the broker is known, and we to it."""

    ca_file: Path | None = Field(
        None, description="Certificates to trust; those of the system without it."
    )
    certificate_file: Path | None = Field(None, description="Our certificate.")
    key_file: Path | None = Field(None, description="Its private key.")

    @model_validator(mode="after")
    def _key_and_certificate(self) -> "Tls":
        if (self.certificate_file is None) != (self.key_file is None):
            msg = "certificate_file and key_file go together"
            raise ValueError(msg)
        return self

    def build(self) -> ssl.SSLContext:
        """Return a context that trusts and shows what is configured.

        Raises:
            OSError: If a file cannot be read; ``ssl.SSLError`` if it is malformed.
        """
        context = ssl.create_default_context(
            cafile=None if self.ca_file is None else str(self.ca_file)
        )
        if self.certificate_file is not None and self.key_file is not None:
            context.load_cert_chain(self.certificate_file, self.key_file)
        return context


class BrokerSettings(Section):
    """The MQTT broker that events go to and wearables come from."""

    host: str = Field("127.0.0.1", min_length=1, description="Name or address.")
    port: int = Field(1883, ge=1, le=65535, description="8883 with TLS, as a rule.")
    user: str | None = Field(None, description="User name.")
    password: SecretStr | None = Field(
        None, description="Better in WARDWATCH_BROKER__PASSWORD or password_file."
    )
    password_file: Path | None = Field(None, description="File that holds it.")
    tls: Tls | None = Field(None, description="Encrypts; without it nothing is.")
    prefix: Name = Field("wardwatch", description="First part of every topic.")
    confirm: bool = Field(
        True,
        description="Count a message as delivered only with proof: a reason code of"
        " MQTT 5, or its echo. False trusts every acknowledgement; MQTT 3.1.1 gives"
        " one even for what an access list forbids.",
    )
    home_assistant: bool = Field(
        False, description="Announce every subject to Home Assistant."
    )

    @field_validator("password_file")
    @classmethod
    def _readable(cls, path: Path | None) -> Path | None:
        if path is not None:
            checked_password(path)
        return path

    @model_validator(mode="after")
    def _one_password(self) -> "BrokerSettings":
        if self.password is not None and self.password_file is not None:
            msg = "password and password_file are both given"
            raise ValueError(msg)
        return self

    def secret(self) -> str | None:
        """Return the password.

        Raises:
            OSError: If its file has become unreadable.
        """
        if self.password_file is not None:
            return read_password(self.password_file)
        return None if self.password is None else self.password.get_secret_value()
