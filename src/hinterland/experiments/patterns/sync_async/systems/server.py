"""A renderer that takes its time, asked in three ways: wait, poll with a ticket, be called back.

    python server.py 8080 6                                              # six workers
    curl -X POST 'http://127.0.0.1:8080/render?work_ms=60'               # 200 when it is done
    curl -i -X POST 'http://127.0.0.1:8080/jobs?work_ms=60'              # 202 at once, Location: /jobs/2
    curl http://127.0.0.1:8080/jobs/2                                    # {"job": 2, "state": "waiting", ...}
    curl -X POST 'http://127.0.0.1:8080/jobs?work_ms=60&callback=http://127.0.0.1:9000/hook'
    curl 'http://127.0.0.1:8080/report?when=idle'                        # {"jobs": {...}, "most_held": 1}

Whoever asks, the work is the same, and so is the number of workers: the others wait in a queue. A moment is
in nanoseconds of CLOCK_MONOTONIC, which all processes of one machine share. A callback is tried once: a real
sender would keep it and try again.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from urllib.parse import parse_qs, urlsplit

Answer = tuple[str, dict[str, object], str]
"""Status line, JSON body, further header lines."""


class Job:
    """One picture to be made."""

    def __init__(self, number: int, work_ms: float, callback: str) -> None:
        self.number, self.work_ms, self.callback = number, work_ms, callback
        self.done_ns = 0
        self.done = asyncio.Event()

    def said(self) -> dict[str, object]:
        state = "done" if self.done_ns else "waiting"
        return {"job": self.number, "state": state, "done_ns": self.done_ns}


class Renderer:
    """Jobs, their queue, and how many requests wait for their answer."""

    def __init__(self) -> None:
        self.jobs: dict[int, Job] = {}
        self.queue: asyncio.Queue[Job] = asyncio.Queue()
        self.held = self.most_held = 0
        self.calling: set[asyncio.Task[None]] = set()

    async def work(self) -> None:
        """Makes one picture after the other. The waiting stands for a program of its own that renders."""
        while True:
            job = await self.queue.get()
            await asyncio.sleep(job.work_ms / 1e3)
            job.done_ns = time.monotonic_ns()
            job.done.set()
            if job.callback:
                task = asyncio.create_task(call_back(job))
                self.calling.add(task)
                task.add_done_callback(self.calling.discard)

    def accept(self, asked: dict[str, str]) -> Job:
        """Puts a job into the queue."""
        job = Job(len(self.jobs) + 1, float(asked["work_ms"]), asked.get("callback", ""))
        self.jobs[job.number] = job
        self.queue.put_nowait(job)
        return job

    async def answer(self, path: str, asked: dict[str, str]) -> Answer:
        """Answers one request."""
        self.held += 1
        self.most_held = max(self.most_held, self.held)
        try:
            if path == "/render":
                # The answer is the result, however long that takes.
                job = self.accept(asked)
                await job.done.wait()
                return "200 OK", job.said(), ""
            if path == "/jobs":
                # The answer is a ticket, at once.
                job = self.accept(asked)
                return "202 Accepted", job.said(), f"Location: /jobs/{job.number}\r\n"
            if path.startswith("/jobs/"):
                return "200 OK", self.jobs[int(path[6:])].said(), ""
            if asked.get("when") == "idle":
                await asyncio.gather(*(job.done.wait() for job in self.jobs.values()))
            done = {str(number): job.done_ns for number, job in self.jobs.items()}
            return "200 OK", {"jobs": done, "most_held": self.most_held}, ""
        finally:
            self.held -= 1

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers the requests of one connection, one after the other. They have no bodies."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                where = urlsplit(head.split(" ", 2)[1])
                asked = {name: values[0] for name, values in parse_qs(where.query).items()}
                status, body, more = await self.answer(where.path, asked)
                data = json.dumps(body)
                fields = f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n{more}"
                writer.write(f"HTTP/1.1 {status}\r\n{fields}\r\n{data}".encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # The client has left.
        finally:
            writer.close()


async def call_back(job: Job) -> None:
    """Tells the client's own server."""
    where = urlsplit(job.callback)
    body = json.dumps(job.said())
    head = f"POST {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\nConnection: close\r\n"
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
    await reader.read()
    writer.close()


async def main(port: int, workers: int) -> None:
    renderer = Renderer()
    server = await asyncio.start_server(renderer.serve, "127.0.0.1", port, backlog=1024)
    await asyncio.gather(server.serve_forever(), *(renderer.work() for _ in range(workers)))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
