"""Why a login by a provider is refused."""


class LoginRefused(Exception):
    """A login is refused.

    Attributes:
        reason: What the audit and the log say, one line without a secret.
        key: What the page says, a text of the catalogue.
        name: Name of the user, as far as it is known.
    """

    def __init__(
        self, reason: str, key: str = "login.openid_failed", name: str = ""
    ) -> None:
        self.reason, self.key, self.name = reason, key, name
        super().__init__(reason)


class ProviderDown(LoginRefused):
    """The provider cannot be reached, or does not describe itself."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, "login.openid_down")
