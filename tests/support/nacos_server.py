"""A Nacos server as its version 1 HTTP interface is: configurations, listening to them, logins. Strict: what a client says wrongly is answered with 400 and kept in `faults`.

What it says is what Nacos says (ConfigController, LongPollingService, MD5Util, UserController); that nacos-client itself works with it and that Nacos says the same is checked by tests/interop nacos."""
import hashlib
import http.server
import json
import re
import secrets
import socketserver
import threading
import time
import urllib.parse

WORD, NAME = "\x02", "\x01"


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass  # a client that goes away


class NacosServer:
    """users: {name: password}; without any nobody needs to log in. hold: seconds that a question hangs at least; Nacos's own 10 if None. port: of one that was stopped."""

    def __init__(self, users=None, token_ttl=18000, hold=None, port=0, texts=None):
        self.users, self.token_ttl, self.hold = users or {}, token_ttl, hold
        self.texts = texts if texts is not None else {}  # (tenant, group, data id): text
        self.tokens, self.faults, self.asked = {}, [], []  # tokens: {token: when it ends}; asked: (what, parameters)
        self.pushes, self.pushed = 0, 0.0  # how often names that changed were told, and when they were last
        self.answer = None  # a function of a handler: answers instead; what it returns is whether it did
        self.changed = threading.Condition()
        server = self

        class Handler(_Handler):
            nacos = server

        self.http = _Server(("127.0.0.1", port), Handler)
        self.port = self.http.server_address[1]
        self.is_stopped = False
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def publish(self, data_id, text, group="SENTINEL_GROUP", tenant=""):
        with self.changed:
            if text is None:
                self.texts.pop((tenant, group, data_id), None)
            else:
                self.texts[tenant, group, data_id] = text
            self.changed.notify_all()

    def expire_tokens(self):
        self.tokens.clear()

    def count(self, what):
        return sum(name == what for name, _ in list(self.asked))

    def stop(self):
        with self.changed:
            self.is_stopped = True
            self.changed.notify_all()
        self.http.shutdown()
        self.http.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *failed):
        self.stop()
        if not failed[0]:
            assert not self.faults, self.faults


class _Wrong(Exception):
    pass


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "Nacos-Server", ""

    def log_message(self, *_):
        pass

    # --- what is asked ---

    def do_GET(self):
        self._serve("GET")

    def do_POST(self):
        self._serve("POST")

    def do_DELETE(self):
        self._serve("DELETE")

    def _serve(self, method):
        url = urllib.parse.urlsplit(self.path)
        try:
            query = self._form(url.query)
            form = {}
            if method == "POST":
                kind = self.headers.get("Content-Type", "")
                if not re.fullmatch(r"application/x-www-form-urlencoded; ?charset=utf-8", kind, re.I):
                    raise _Wrong(f"content type {kind!r}")
                form = self._form(self.rfile.read(int(self.headers["Content-Length"])).decode("ascii"))
            what = {"/nacos/v1/auth/users/login": "login", "/nacos/v1/auth/login": "login", "/nacos/v1/cs/configs/listener": "listen",
                    "/nacos/v1/cs/configs": {"GET": "get", "POST": "publish", "DELETE": "remove"}[method]}.get(url.path)
            if not what or (what in ("login", "listen")) != (method == "POST" and what != "publish"):
                raise _Wrong(f"{method} {self.path}")
            parameters = {**query, **form}
            self.nacos.asked.append((what, parameters))
            if self.nacos.answer and self.nacos.answer(self):
                return
            if what != "login" and self.nacos.users and self.nacos.tokens.get(parameters.get("accessToken"), 0) < time.time():
                return self._say(403, json.dumps({"timestamp": "now", "status": 403, "error": "Forbidden", "message": "token expired!", "path": url.path}))
            getattr(self, f"_{what}")(parameters)
        except _Wrong as wrong:
            self.nacos.faults.append(str(wrong))
            self._say(400, str(wrong))

    def _form(self, text):
        if not re.fullmatch(r"(?:[A-Za-z0-9*._+=&-]|%[0-9A-Fa-f]{2})*", text):
            raise _Wrong(f"not encoded: {text!r}")
        text = text.removesuffix("&")  # nacos-client's forms end so
        pairs = urllib.parse.parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), encoding="utf-8", errors="strict")
        if len(dict(pairs)) != len(pairs):
            raise _Wrong(f"twice the same: {text!r}")
        return dict(pairs)

    def _say(self, status, text, **fields):
        body = text.encode() if isinstance(text, str) else text
        self.send_response(status)
        for name, value in {"Content-Type": "text/plain;charset=UTF-8", **fields}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @staticmethod
    def _key(parameters):
        key = parameters.get("tenant", ""), parameters.get("group", ""), parameters.get("dataId", "")
        if not all(re.fullmatch(r"[A-Za-z0-9_.:-]+", name) for name in key[1:]):
            raise _Wrong(f"a name: {key}")
        return key

    # --- how it is answered ---

    def _login(self, parameters):
        name = parameters.get("username")
        if name not in self.nacos.users or self.nacos.users[name] != parameters.get("password"):
            return self._say(403, "unknown user!")
        token = secrets.token_hex(40) + ".+/="
        self.nacos.tokens[token] = time.time() + self.nacos.token_ttl
        self._say(200, json.dumps({"accessToken": token, "tokenTtl": self.nacos.token_ttl, "globalAdmin": True, "username": name}), Authorization=f"Bearer {token}",
                  Content_Type="application/json")

    def _get(self, parameters):
        text = self.nacos.texts.get(self._key(parameters))
        if text is None:
            return self._say(404, "config data not exist\n")
        self._say(200, text, Content_MD5=md5(text), Config_Type="json", Last_Modified="Thu, 01 Jan 2026 00:00:00 GMT", Pragma="no-cache",
                  Cache_Control="no-cache,no-store")

    def _publish(self, parameters):
        tenant, group, data_id = self._key(parameters)
        if not parameters.get("content", "").strip():
            raise _Wrong("no content")
        self.nacos.publish(data_id, parameters["content"], group, tenant)
        self._say(200, "true")

    def _remove(self, parameters):
        tenant, group, data_id = self._key(parameters)
        self.nacos.publish(data_id, None, group, tenant)
        self._say(200, "true")

    def _listen(self, parameters):
        listened = self._names(parameters.get("Listening-Configs", ""))
        timeout = self.headers.get("Long-Pulling-Timeout", "")
        if not timeout.isdigit():
            raise _Wrong(f"Long-Pulling-Timeout: {timeout!r}")
        hold = max(10, (int(timeout) - 500) / 1000) if self.nacos.hold is None else self.nacos.hold
        if self.headers.get("Long-Pulling-Timeout-No-Hangup", "").lower() == "true":
            hold = 0
        with self.nacos.changed:
            self.nacos.changed.wait_for(lambda: self.nacos.is_stopped or self._differing(listened), hold)
            names = self._differing(listened)
        if self.nacos.is_stopped and hold:
            self.close_connection = True
            return
        said = "".join(WORD.join((data_id, group) + ((tenant,) if tenant else ())) + NAME for tenant, group, data_id in names)
        if names:
            self.nacos.pushed = time.monotonic()
            self.nacos.pushes += 1
        self._say(200, urllib.parse.quote_plus(said) + "\n" if said else "", Pragma="no-cache")

    def _names(self, listening):
        """{key: md5} of what stood in the form; it is decoded once more, as Nacos does."""
        text = urllib.parse.unquote_plus(listening)
        if not text.endswith(NAME):
            raise _Wrong(f"Listening-Configs: {text!r}")
        names = {}
        for item in text[:-1].split(NAME):
            words = item.split(WORD)
            if len(words) not in (3, 4) or not re.fullmatch("[0-9a-f]{32}|", words[2]) or (len(words) == 4 and not words[3]):
                raise _Wrong(f"Listening-Configs: {item!r}")
            key = self._key({"dataId": words[0], "group": words[1], "tenant": words[3] if len(words) == 4 else ""})
            if key in names:
                raise _Wrong(f"twice {key}")
            names[key] = words[2]
        return names

    def _differing(self, listened):
        return [key for key, known in listened.items() if (md5(self.nacos.texts[key]) if key in self.nacos.texts else "") != known]
