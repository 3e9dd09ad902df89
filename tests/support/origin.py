"""An HTTP/1.1 origin for the checks: answers with JSON that says what it got. Threads, one for each connection."""
import json
import time
import zlib

from acceptor import Acceptor


class Origin(Acceptor):
    """Paths: /size/N answers N bytes, /delay/MS waits; everything but /size answers the JSON. Counts bodies without keeping them."""

    def __init__(self):
        super().__init__(backlog=1024)

    def serve(self, sock):
        with sock, sock.makefile("rb", buffering=1 << 20) as f:
            try:
                while line := f.readline():
                    self.answer(sock, f, line.decode().split())
            except (OSError, ValueError):
                pass

    def answer(self, sock, f, request):
        headers = []
        while (line := f.readline().strip()):
            name, _, value = line.decode("latin-1").partition(":")
            headers.append((name.lower(), value.strip()))
        named = dict(headers)
        if named.get("expect", "").lower() == "100-continue":
            sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        length, crc = self.chunked(f) if "chunked" in named.get("transfer-encoding", "") else self.plain(f, int(named.get("content-length", 0)))
        if request[1].startswith("/size/"):
            body = b"x" * int(request[1].split("/")[2])
        else:
            if request[1].startswith("/delay/"):
                time.sleep(int(request[1].split("/")[2]) / 1000)
            body = json.dumps({"method": request[0], "path": request[1], "headers": headers, "length": length, "crc": crc}).encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        sock.sendall(head + (b"" if request[0] == "HEAD" else body))

    @staticmethod
    def plain(f, length):
        left, crc = length, 0
        while left:
            data = f.read(min(left, 1 << 16))
            if not data:
                raise ValueError("cut short")
            left, crc = left - len(data), zlib.crc32(data, crc)
        return length, crc

    @staticmethod
    def chunked(f):
        length = crc = 0
        while size := int(f.readline().split(b";")[0], 16):
            data = f.read(size)
            if len(data) != size or f.readline() != b"\r\n":
                raise ValueError("cut short")
            length, crc = length + size, zlib.crc32(data, crc)
        while f.readline().strip():
            pass
        return length, crc

    def stop(self):
        self.stop_accepting()
