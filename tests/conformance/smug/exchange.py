"""One corpus case: raw bytes to a proxy, what came back, and what the backend behind it understood."""
import re
import select
import socket
import threading
import time

QUIET, ERROR_QUIET, LONGEST = 0.7, 1.4, 6.0  # seconds of silence after which a case is over: proxies may delay the close after an error


class Backend:
    """Keeps what every connection sent; answers each request that it can frame, strictly."""

    def __init__(self, port):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen(128)
        self.conns, self.lock, self.last = [], threading.Lock(), 0.0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            conn = {"sock": sock, "got": False, "requests": [], "left": 0}
            with self.lock:
                self.conns.append(conn)
            threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

    def serve(self, conn):
        buf, sock = bytearray(), conn["sock"]
        try:
            while data := sock.recv(65536):
                self.last = time.monotonic()
                conn["got"] = True
                buf += data
                while buf:
                    length, line, ok = frame(buf)
                    if not length:
                        break
                    conn["requests"].append(line)
                    del buf[:length]
                    if not ok:
                        sock.sendall(b"HTTP/1.1 400 Backend\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
                        sock.close()
                        return
                    method = line.split(" ")[0]
                    if method == "CONNECT":
                        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                        continue
                    body = b"req %d\n" % len(conn["requests"])
                    sock.sendall(b"HTTP/1.1 200 OK\r\nX-Backend: 1\r\nContent-Length: %d\r\n\r\n" % len(body) + (b"" if method == "HEAD" else body))
                conn["left"] = len(buf)
        except OSError:
            pass

    def reset(self):
        """Forgets and closes what there was."""
        with self.lock:
            conns, self.conns = self.conns, []
        for conn in conns:
            try:
                conn["sock"].shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            conn["sock"].close()

    def seen(self):
        with self.lock:
            return [c for c in self.conns if c["got"]]

    def stop(self):
        self.listener.close()
        self.reset()


def frame(buf):
    """(length of the first request in buf or 0, its request line, whether its framing is right)"""
    end = buf.find(b"\r\n\r\n")
    if end < 0:
        return 0, "", True
    head = bytes(buf[:end]).split(b"\r\n")
    line, length, chunked = head[0].decode("latin-1"), 0, False
    for header in head[1:]:
        name, _, value = header.partition(b":")
        name, value = name.strip().lower(), value.strip().lower()
        if name == b"content-length" and value.isdigit():
            length = int(value)
        chunked = chunked or (name == b"transfer-encoding" and b"chunked" in value)
    at = end + 4
    if not chunked:
        return (at + length, line, True) if len(buf) >= at + length else (0, "", True)
    while (eol := buf.find(b"\r\n", at)) >= 0:
        try:
            size = int(bytes(buf[at:eol]).split(b";")[0], 16)
        except ValueError:
            return len(buf), line, False
        at = eol + 2
        if size == 0:
            if buf[at:at + 2] == b"\r\n":
                return at + 2, line, True
            trailers = buf.find(b"\r\n\r\n", at)
            return (trailers + 4, line, True) if trailers >= 0 else (0, "", True)
        at += size + 2
        if len(buf) < at:
            break
    return 0, "", True


def statuses(data):
    """Frames the answers as a client would."""
    out, at = [], 0
    while at < len(data):
        m = re.match(rb"HTTP/1\.[01] (\d{3})", data[at:at + 12])
        if not m:
            return [*out, "raw"]
        code = int(m[1])
        out.append(code)
        end = data.find(b"\r\n\r\n", at)
        if end < 0:
            break
        head, at = data[at:end].lower(), end + 4
        if code < 200 or code in (204, 304):
            continue
        length = re.search(rb"content-length:\s*(\d+)", head)
        if b"transfer-encoding: chunked" in head:
            last = data.find(b"0\r\n\r\n", at)
            at = last + 5 if last >= 0 else len(data)
        elif length:
            at += 0 if data[at:at + 7] == b"HTTP/1." else int(length[1])  # nothing follows the head: the answer to a HEAD
        else:
            at = len(data)
    return out


class Client:
    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.got, self.closed = bytearray(), ""

    def read(self, seconds):
        while not self.closed and select.select([self.sock], [], [], seconds)[0]:
            try:
                data = self.sock.recv(65536)
            except OSError:
                self.closed = "reset"
                return
            if not data:
                self.closed = "fin"
                return
            self.got += data
            seconds = 0

    def send(self, data, cuts, delay):
        for i, (a, b) in enumerate(zip([0, *cuts], [*cuts, len(data)])):
            if i:
                self.read(delay)
            try:
                self.sock.sendall(data[a:b])
            except OSError:
                return


def observe(case, data, port, backend):
    """What can be seen of one case, as plain data."""
    backend.reset()
    time.sleep(0.05)
    client = Client(port)
    begin = last = time.monotonic()
    cuts = case.get("parts") or []
    client.send(data, list(range(1, len(data))) if cuts == "each" else cuts, case.get("delay", 0.1))
    length = 0
    while not client.closed and time.monotonic() - begin < LONGEST:
        client.read(0.05)
        if len(client.got) != length:
            length, last = len(client.got), time.monotonic()
        quiet = ERROR_QUIET if re.match(rb"HTTP/1\.. [45]", client.got) else QUIET
        if time.monotonic() - max(last, backend.last) > quiet:
            break
    time.sleep(0.03)
    client.sock.close()
    seen = backend.seen()
    status = statuses(bytes(client.got))
    requests = [line for c in seen for line in c["requests"]]
    out = {"status": status[:8], "close": client.closed or "open", "requests": len(requests), "left": sum(c["left"] for c in seen),
           "smuggled": any(line.startswith("GET /smuggled") for line in requests)}
    taken = any(isinstance(s, int) and 200 <= s < 400 for s in status)
    out["verdict"] = ("forwarded" if taken else "partial") if seen else "refused" if status or client.closed else "silent"
    return out
