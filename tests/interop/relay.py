"""A relay between a client and the DC: it adds a delay, writes down what passes and when, and cuts connections.

    client ── sent ──▶ relay ── delay ──▶ DC
    client ◀── delay ── relay ◀── sent ── DC
"""
import asyncio
import socket
import threading
import time
from contextlib import suppress


class Relay:
    """with Relay("127.0.0.1:4430", delay=0.05) as relay: clients connect to relay.addr."""

    def __init__(self, target, delay=0.0):
        host, port = target.rsplit(":", 1)
        self.target, self.delay = (host, int(port)), delay
        self.chunks = []  # (connection, from the client?, when sent, when delivered, bytes)
        self.opened = []  # when each connection was
        self.writers = set()
        self.loop = asyncio.new_event_loop()

    def __enter__(self):
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        listening = asyncio.start_server(self._meet, "127.0.0.1", 0)
        self.server = asyncio.run_coroutine_threadsafe(listening, self.loop).result(10)
        host, port = self.server.sockets[0].getsockname()
        self.addr = f"{host}:{port}"
        return self

    def __exit__(self, *_):
        self.cut()
        asyncio.run_coroutine_threadsafe(self._end(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        if not self.thread.is_alive():
            # Left open, it is closed when the interpreter ends, after its sockets are gone: a ValueError on stderr.
            self.loop.close()

    async def _end(self):
        """Takes no more, and drops what is still on its way."""
        self.server.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    def cut(self):
        """Ends every connection there is, at once and on both sides."""
        done = threading.Event()

        def all_of_them():
            for writer in self.writers:
                writer.transport.abort()
            done.set()

        self.loop.call_soon_threadsafe(all_of_them)
        done.wait(5)

    async def _meet(self, reader, writer):
        at = len(self.opened)
        self.opened.append(time.monotonic())
        try:
            there = await asyncio.open_connection(*await self._asked_for(reader, writer))
        except (OSError, ValueError, LookupError, asyncio.IncompleteReadError):
            return writer.close()
        mine = {writer, there[1]}
        self.writers |= mine
        for one in mine:
            one.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(asyncio.CancelledError):  # the end of all
            await asyncio.gather(self._carry(at, True, reader, there[1]), self._carry(at, False, there[0], writer))
        self.writers -= mine

    async def _asked_for(self, _reader, _writer):
        """Where a connection goes."""
        return self.target

    async def _carry(self, at, from_client, reader, writer):
        """From one side to the other; what was sent is delivered in order, each chunk after the delay."""
        queue = asyncio.Queue()

        async def deliver():
            while (item := await queue.get()) is not None:
                sent, data = item
                await asyncio.sleep(max(0, sent + self.delay - time.monotonic()))
                self.chunks.append((at, from_client, sent, time.monotonic(), data))
                writer.write(data)
            writer.close()

        delivering = asyncio.ensure_future(deliver())
        try:
            while data := await reader.read(65536):
                queue.put_nowait((time.monotonic(), data))
        except OSError:
            pass
        queue.put_nowait(None)
        await delivering

    def recording(self, **secrets):
        """What `nanogram decode` reads. Times are those of the client, since it was first connected."""
        connections = [{"name": f"connection {at}", "events": []} for at in range(len(self.opened))]
        for at, from_client, sent, delivered, data in self.chunks:
            when = (sent if from_client else delivered) - self.opened[0]
            direction = "c2s" if from_client else "s2c"
            connections[at]["events"].append({"t": when, "dir": direction, "hex": data.hex()})
        for connection in connections:
            connection["events"].sort(key=lambda event: event["t"])
        return {"connections": connections, **secrets}


class Proxy(Relay):
    """An HTTP proxy, for a client that knows only the addresses of Telegram: `dcs` has the ones that they stand for.

    Everything else that is not on this machine is refused.
    """

    def __init__(self, dcs):
        super().__init__("127.0.0.1:0")
        self.dcs = dcs

    async def _asked_for(self, reader, writer):
        method, place = (await reader.readuntil(b"\r\n\r\n")).decode().split()[:2]
        host, port = place.rsplit(":", 1)
        if host in self.dcs:
            host, port = self.dcs[host].rsplit(":", 1)
        if method != "CONNECT" or not host.startswith("127."):
            raise ValueError(place)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        return host, int(port)
