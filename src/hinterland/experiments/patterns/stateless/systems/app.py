"""A shop of which several servers run behind a proxy. Where is the cart of a visitor who comes back?

    python app.py 8080 app-1 memory
    python app.py 8080 app-1 redis 6379
    python app.py 8080 app-1 token 'the secret that all servers share'
    curl -i -X POST 'http://127.0.0.1:8080/login?who=ada'                # Set-Cookie: session=...
    curl -i -X POST 'http://127.0.0.1:8080/cart?item=tea' -b session=...
    curl http://127.0.0.1:8080/cart -b session=...                       # {"who": "ada", "cart": ["tea"]}
    curl -i -X POST http://127.0.0.1:8080/logout -b session=...

- memory: the session is in this process. The cookie is a number that nobody else knows.
- redis: the same number, but the session is in Redis, where every server finds it.
- token: the cookie is the session, with a signature. Every server that knows the secret believes it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import sys
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

Session = dict[str, object]


class Memory:
    """Sessions of this process alone."""

    def __init__(self) -> None:
        self.kept: dict[str, Session] = {}

    def new(self, session: Session) -> str:
        return self.save(secrets.token_urlsafe(16), session)

    def find(self, cookie: str) -> Session | None:
        return self.kept.get(cookie)

    def save(self, cookie: str, session: Session) -> str:
        self.kept[cookie] = session
        return cookie

    def end(self, cookie: str) -> None:
        self.kept.pop(cookie, None)


class Redis(Memory):
    """Sessions that all servers share; they end by themselves after an hour."""

    def __init__(self, port: str) -> None:
        import redis

        self.redis = redis.Redis(port=int(port))

    def find(self, cookie: str) -> Session | None:
        found = self.redis.get(f"session:{cookie}")
        return json.loads(found) if found else None

    def save(self, cookie: str, session: Session) -> str:
        self.redis.set(f"session:{cookie}", json.dumps(session), ex=3600)
        return cookie

    def end(self, cookie: str) -> None:
        self.redis.delete(f"session:{cookie}")


class Token(Memory):
    """Sessions that the visitor carries. Nothing is kept here, so nothing can be taken back."""

    def __init__(self, secret: str) -> None:
        self.secret = secret.encode()

    def sign(self, text: bytes) -> str:
        return hmac.new(self.secret, text, hashlib.sha256).hexdigest()

    def find(self, cookie: str) -> Session | None:
        text, _, signature = cookie.rpartition(".")
        if not hmac.compare_digest(self.sign(text.encode()), signature):
            return None
        session: Session = json.loads(base64.urlsafe_b64decode(text))
        return session

    def save(self, cookie: str, session: Session) -> str:
        text = base64.urlsafe_b64encode(json.dumps(session).encode())
        return f"{text.decode()}.{self.sign(text)}"

    def end(self, cookie: str) -> None:
        pass  # The visitor's own copy is deleted. Who has another one goes on.


KINDS = {"memory": Memory, "redis": Redis, "token": Token}


class Shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 4096
    name = ""
    sessions = Memory()

    def answer(self, status: int, body: Session, cookie: str | None = None) -> None:
        data = json.dumps({**body, "served_by": self.name}).encode()
        self.send_response(status)
        if cookie is not None:
            self.send_header("Set-Cookie", f"session={cookie}; HttpOnly; Path=/")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        found = SimpleCookie(self.headers.get("Cookie", "")).get("session")
        cookie = found.value if found else ""
        parts = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/login":
            self.answer(200, {}, self.sessions.new({"who": asked["who"], "cart": []}))
            return
        session = self.sessions.find(cookie)
        if session is None:
            self.answer(401, {"says": "who are you?"})
        elif parts.path == "/logout":
            self.sessions.end(cookie)
            self.answer(200, {}, "")
        elif "item" in asked:
            session["cart"] = [*session["cart"], asked["item"]]  # type: ignore[misc]
            self.answer(200, session, self.sessions.save(cookie, session))
        else:
            self.answer(200, session)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128


if __name__ == "__main__":
    port, Shop.name, kind, *more = sys.argv[1:]
    Shop.sessions = KINDS[kind](*more)
    Server(("127.0.0.1", int(port)), Shop).serve_forever()
