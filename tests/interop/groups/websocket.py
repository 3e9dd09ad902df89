"""A WebSocket server and client (the websockets package) with outrigger between them."""
import asyncio
import os

import places
from gateway import Gateway, cluster, http_manager
from ports import free_ports

try:
    import websockets
except ImportError:
    websockets = None


def _run(client, count=1):
    if not websockets:
        raise places.Missing("python3-websockets is not installed: tools/install_deps --test")

    async def serve(ws, *_):
        async for message in ws:
            if message == "close please":
                await ws.close(4001, "as you wish")
                return
            else:
                await ws.send(message)

    async def both(g, port):
        async with websockets.serve(serve, "127.0.0.1", port, max_size=1 << 24):
            async def one():
                async with websockets.connect(f"ws://127.0.0.1:{g.port}/chat", max_size=1 << 24) as ws:
                    await client(ws)
            await asyncio.wait_for(asyncio.gather(*(one() for _ in range(count))), 60)
    port, = free_ports(1)
    with Gateway("interop-websocket", http_manager(upgrade_configs=[{"upgrade_type": "websocket"}]), [cluster("up", port)]) as g:
        asyncio.run(both(g, port))


def text_and_binary():
    async def client(ws):
        for message in ("hello", "ümläut 中文", b"", os.urandom(1000), os.urandom(1 << 20), "x" * 70_000):
            await ws.send(message)
            assert await ws.recv() == message
    _run(client)


def ping_and_pong():
    async def client(ws):
        for _ in range(5):
            await asyncio.wait_for(await ws.ping(), 5)
    _run(client)


def the_server_closes():
    async def client(ws):
        await ws.send("close please")
        try:
            await ws.recv()
            assert False, "still open"
        except websockets.ConnectionClosed:
            assert (ws.close_code, ws.close_reason) == (4001, "as you wish"), (ws.close_code, ws.close_reason)
    _run(client)


def a_hundred_at_once():
    async def client(ws):
        for i in range(50):
            await ws.send(f"{id(ws)} {i}")
            assert await ws.recv() == f"{id(ws)} {i}"
    _run(client, 100)


def refused_without_upgrade_configs():
    if not websockets:
        raise places.Missing("python3-websockets is not installed: tools/install_deps --test")

    async def attempt(g):
        try:
            async with websockets.connect(f"ws://127.0.0.1:{g.port}/"):
                return None
        except websockets.InvalidStatusCode as e:
            return e.status_code
    port, = free_ports(1)
    with Gateway("interop-websocket-off", http_manager(), [cluster("up", port)]) as g:
        assert asyncio.run(attempt(g)) == 403
