"""Settings of the MQTT broker: address, login and TLS."""

import ssl
from pathlib import Path

from pydantic import Field, SecretStr, field_validator, model_validator

from services.site.section import Name, Section, checked_password, read_password


class Tls(Section):
    """Certificates of the connection to the broker."""

    ca_file: Path | None = Field(
        None, description="CA certificates to trust; the system's if none."
    )
    certificate_file: Path | None = Field(
        None, description="Certificate of the service, for brokers that ask for one."
    )
    key_file: Path | None = Field(None, description="Private key of certificate_file.")

    @model_validator(mode="after")
    def _key_and_certificate(self) -> "Tls":
        if (self.certificate_file is None) != (self.key_file is None):
            msg = "certificate_file and key_file go together"
            raise ValueError(msg)
        return self

    def build(self) -> ssl.SSLContext:
        """Return the TLS context of these certificates.

        Raises:
            OSError: If a file cannot be read; as ``ssl.SSLError`` if it is malformed.
        """
        context = ssl.create_default_context(
            cafile=None if self.ca_file is None else str(self.ca_file)
        )
        if self.certificate_file is not None and self.key_file is not None:
            context.load_cert_chain(self.certificate_file, self.key_file)
        return context


class BrokerSettings(Section):
    """The MQTT broker that events go to and wearables come from."""

    host: str = Field(
        "127.0.0.1", min_length=1, description="Name or address of the broker."
    )
    port: int = Field(
        1883, ge=1, le=65535, description="Port, 1 to 65535; usually 8883 with TLS."
    )
    user: str | None = Field(None, description="User name.")
    password: SecretStr | None = Field(
        None,
        description="Password; better in WARDWATCH_BROKER__PASSWORD or password_file.",
    )
    password_file: Path | None = Field(
        None, description="File that holds the password."
    )
    tls: Tls | None = Field(
        None, description="Encryption; without this section nothing is encrypted."
    )
    prefix: Name = Field("wardwatch", description="First part of every topic.")
    confirm: bool = Field(
        True,
        description="Count a message as delivered only with proof: a reason code of"
        " MQTT 5, or the message's echo. False trusts every acknowledgement, which MQTT"
        " 3.1.1 sends even for messages that an access list forbids.",
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
            msg = "password and password_file are both given; remove one"
            raise ValueError(msg)
        return self

    def secret(self) -> str | None:
        """Return the password.

        Raises:
            OSError: If the password file cannot be read any more.
        """
        if self.password_file is not None:
            return read_password(self.password_file)
        return None if self.password is None else self.password.get_secret_value()
