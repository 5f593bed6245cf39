"""Identity providers: a real one in a process of its own, and one that lies on demand."""

import json
import socket
import subprocess
import sys
import threading
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import sleep
from typing import Any
from urllib.parse import parse_qs

import httpx2
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT = "recount"


@contextmanager
def a_provider() -> Iterator[str]:
    """A real provider in a process of its own; its issuer."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    issuer = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce"]
    with subprocess.Popen([*command, "true"], stderr=subprocess.PIPE) as process:
        try:
            _wait_for(issuer, process)
            yield issuer
        finally:
            process.terminate()
            process.communicate()


def _wait_for(issuer: str, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(200):
        assert process.poll() is None, process.communicate()[1].decode()
        try:
            httpx2.get(f"{issuer}/.well-known/openid-configuration").raise_for_status()
        except httpx2.TransportError:
            sleep(0.05)
        else:
            return
    raise AssertionError("the provider did not come up")


@cache
def a_key(kid: str, owner: str = "provider") -> RSAKey:
    """A key, made once: RSA keys take a while."""
    return RSAKey.generate_key(parameters={"kid": kid})


class Liar:
    """A provider whose every answer a test can change. It keeps to PKCE as a real one does."""

    def __init__(self, port: int) -> None:
        self.issuer = f"http://127.0.0.1:{port}"
        self.key = a_key("first")
        self.published = [self.key]
        self.metadata: dict[str, Any] = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "end_session_endpoint": f"{self.issuer}/end",
        }
        self.id_token: str | None = ""
        """What the next code is exchanged for."""
        self.challenge = ""
        self.asked: list[str] = []
        self.instead: dict[str, Any] = {}
        """What paths answer instead of what they should; bytes go out as they are."""

    def sign(self, claims: dict[str, Any], header: dict[str, Any] | None = None) -> str:
        """An ID token signed with the provider's key of the moment."""
        return jwt.encode({"alg": "RS256", "kid": self.key.kid, **(header or {})}, claims, self.key)

    def answer(self, path: str, form: dict[str, list[str]]) -> tuple[int, Any]:
        self.asked.append(path)
        if path in self.instead:
            return 200, self.instead[path]
        if path == "/.well-known/openid-configuration":
            return 200, self.metadata
        if path == "/jwks":
            return 200, KeySet(list(self.published)).as_dict(private=False)
        if path != "/token":
            return 404, {}
        digest = sha256(form.get("code_verifier", [""])[0].encode()).digest()
        if urlsafe_b64encode(digest).rstrip(b"=").decode() != self.challenge:
            return 400, {"error": "invalid_grant"}
        token = {"access_token": "opaque", "token_type": "Bearer", "expires_in": 60}
        return 200, token if self.id_token is None else {**token, "id_token": self.id_token}


@contextmanager
def a_liar() -> Iterator[Liar]:
    """A lying provider, listening."""
    liars: list[Liar] = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._answer(parse_qs(body.decode()))

        def _answer(self, form: dict[str, list[str]]) -> None:
            status, said = liars[0].answer(self.path, form)
            body = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        liars.append(Liar(server.server_port))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield liars[0]
        finally:
            server.shutdown()
            thread.join()
