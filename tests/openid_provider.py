"""A small real OpenID Connect provider on a thread: everybody who comes logs in.

A browser sees a page first, ``/ask``, and goes on by a click, as with a real provider.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

from pipelines.clock import NS_PER_S, SystemClock

CLIENT, SECRET = "console", "sEcReT9"


@cache
def rsa_key(name: str) -> RSAKey:
    """A key of the provider, or of somebody else; making one takes a while."""
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig"})


@dataclass
class OpenIdProvider:
    """What the provider says; tests change it.

    ``claims`` are added to each ID token, or replace its own. ``signs_with`` signs;
    only ``published`` stands among the provider's keys.
    """

    port: int = 0
    host: str = "127.0.0.1"
    claims: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    discovery: dict[str, Any] = field(default_factory=dict)
    published: RSAKey = field(default_factory=lambda: rsa_key("ours"))
    signs_with: RSAKey = field(default_factory=lambda: rsa_key("ours"))
    asked: list[str] = field(default_factory=list)
    waiting: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def root(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def issuer(self) -> str:
        return f"{self.root}/ward"

    def settings(self, folder: Path, **more: Any) -> dict[str, Any]:
        """The section oidc of a console that knows this provider."""
        file = folder / "secret"
        file.write_text(f"{SECRET}\n")
        return {
            "issuer": self.issuer,
            "client_id": CLIENT,
            "client_secret_file": str(file),
            "console_url": "http://127.0.0.1:9480",
            "roles": {"nurses": "carer", "it": "administrator"},
            **more,
        }

    def get(self, path: str, query: Mapping[str, str], login: str) -> Any:
        """The answer to a GET: facts, an address to go to, or None."""
        if path == "/ward/.well-known/openid-configuration":
            return self._description()
        if path == "/jwks":
            return {"keys": [self.published.as_dict(private=False)]}
        if path == "/authorize":
            code = f"code-{len(self.waiting)}"
            self.waiting[code] = dict(query)
            back = urlencode({"code": code, "state": query["state"]})
            return f"{query['redirect_uri']}?{back}"
        if path == "/userinfo" and login == "Bearer access":
            return self.userinfo
        return None

    def token(self, form: Mapping[str, str], login: str) -> dict[str, Any]:
        """The answer to a code."""
        asked = self.waiting.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        expected = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if (
            asked is None
            or login != f"Basic {expected}"
            or asked["code_challenge_method"] != "S256"
            or asked["code_challenge"] != challenge
            or asked["redirect_uri"] != form.get("redirect_uri")
        ):
            return {"error": "invalid_grant"}
        now_s = SystemClock().now_ns() // NS_PER_S
        claims = {
            "iss": self.issuer,
            "sub": "4711",
            "aud": CLIENT,
            "iat": now_s,
            "exp": now_s + 300,
            "nonce": asked["nonce"],
            "preferred_username": "Nora",
            "groups": ["nurses"],
            **self.claims,
        }
        given = {name: value for name, value in claims.items() if value is not None}
        head = {"alg": "RS256", "kid": self.signs_with.kid}
        return {
            "access_token": "access",
            "token_type": "Bearer",
            "id_token": jwt.encode(head, given, self.signs_with),
        }

    def _description(self) -> dict[str, Any]:
        root = self.root
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{root}/authorize",
            "token_endpoint": f"{root}/token",
            "userinfo_endpoint": f"{root}/userinfo",
            "jwks_uri": f"{root}/jwks",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            **self.discovery,
        }


@contextmanager
def openid_provider() -> Iterator[OpenIdProvider]:
    """Run a provider until the block ends."""
    state = OpenIdProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            state.asked.append(parts.path)
            query = {name: each[-1] for name, each in parse_qs(parts.query).items()}
            answer = state.get(parts.path, query, self.headers["Authorization"] or "")
            if parts.path == "/ask":
                page = f"<a href='/authorize?{parts.query}'>It is me</a>"
                self._send(200, page.encode(), "text/html")
            elif isinstance(answer, str):
                self.send_response(302)
                self.send_header("Location", answer)
                self.end_headers()
            else:
                status = 404 if answer is None else 200
                self._send(status, json.dumps(answer).encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: each[-1] for name, each in parse_qs(body).items()}
            answer = state.token(form, self.headers["Authorization"] or "")
            status = 400 if "error" in answer else 200
            self._send(status, json.dumps(answer).encode())

        def _send(
            self, status: int, body: bytes, kind: str = "application/json"
        ) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
