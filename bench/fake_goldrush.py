"""A GoldRush that costs little CPU, so that its readers dominate a measurement. It runs as a process of its own.

    python -m bench.fake_goldrush

It prints its port. It serves the listing and the status of pipelines in GoldRush's form, and `/bench/…`, by which
`bench.fleet` sets phases and gets the times of all reads. All times are monotonic seconds, the same in every process.
"""

import asyncio
import gzip
import json
import signal
from array import array
from email.utils import formatdate
from hashlib import sha256
from time import monotonic, process_time
from typing import Any
from urllib.parse import parse_qsl

BASE = "/platform/pipeline-api/"
START_TIME = "2026-05-01T09:30:00Z"
LONGEST_REQUEST = 64 * 1024
DEFAULT_PAGE_SIZE = 50

Json = dict[str, Any]

_HEAD = (
    "Content-Type: application/json; charset=utf-8\r\n"
    "Connection: keep-alive\r\n"
    "Server: cloudflare\r\n"
    "Vary: Accept-Encoding\r\n"
    "Cache-Control: private, no-store\r\n"
    "Strict-Transport-Security: max-age=15724800; includeSubDomains\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "X-Request-Id: 6f0b3f0e-2d2f-4d6c-9a55-1a86e1b7a7c4\r\n"
    "CF-Cache-Status: DYNAMIC\r\n"
    "CF-RAY: 8f2c6a1b9d3e4f50-FRA\r\n"
    "alt-svc: h3=\":443\"; ma=86400\r\n"
)  # fmt: skip
_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}


class Response:
    """One answer, encoded once for readers with and without gzip."""

    def __init__(self, status: int, body: Json) -> None:
        encoded = json.dumps(body, separators=(",", ":")).encode()
        packed = gzip.compress(encoded, mtime=0)
        first = f"HTTP/1.1 {status} {_REASONS[status]}\r\n{_HEAD}"
        self.plain = f"{first}Content-Length: {len(encoded)}\r\n\r\n".encode() + encoded
        self.gzip = f"{first}Content-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode() + packed


def success(data: Json) -> Response:
    return Response(200, {"data": data, "error": False, "error_message": None, "error_code": None})


def failure(status: int, message: str) -> Response:
    return Response(status, {"data": None, "error": True, "error_message": message, "error_code": str(status)})


UNAUTHORIZED = failure(401, "No valid API key was provided.")
NOT_FOUND = failure(404, "Pipeline not found.")


def hex27(seed: str) -> str:
    return sha256(seed.encode()).hexdigest()[:27]


def pipeline_id(number: int) -> str:
    return f"pipe_{hex27(f'fleet {number}')}"


def configuration(number: int, projects: int) -> Json:
    """The pipeline object with all documented fields. Pipelines of one project share a destination."""
    project = number % projects
    created = {"id": "user_fb22f43e38ac44edabc7f566c5d", "email": "dana@acme.example", "display_name": "Dana"}
    group = {"id": "group_d632592ddbde4a499452d25b", "name": "Acme Data", "slug": "acme-data", "is_paid": True}
    return {
        "id": pipeline_id(number),
        "name": f"fleet-{number:06}",
        "project": f"project-{project:05}",
        "description": f"Transfers of token {number}, filtered and written to the warehouse",
        "topic": "base.mainnet.ref.block.transfers",
        "destination_type": "postgres",
        "destination_config": {
            "type": "postgres",
            "url": f"postgresql://warehouse-{project}.example.com:5432/analytics",
            "user": "writer",
            "password": "******",
        },
        "transforms": {
            "transfers": "SELECT block_height, tx_hash, sender, receiver, amount FROM transfers WHERE x > 0"
        },
        "execution_mode": "unbounded",
        "execution_start_from": "44745000",
        "execution_stop_from": "",
        "abi_file": {},
        "abi_contract_addresses": [],
        "abi_unmatched": "",
        "status": "running",
        "created_by": {**created, "full_name": "Dana Dorsey"},
        "group": {**group, "is_over_limit": False, "is_free_trial_expired": False},
        "created_at": "2026-05-01T09:00:00Z",
        "updated_at": START_TIME,
    }


def status(number: int, phase: str) -> Json:
    return {
        "uid": f"covalent-postgres-pipe-{hex27(f'fleet {number}')}",
        "status": phase,
        "replicas": 1,
        "ready": 1 if phase == "RUNNING" else 0,
        "start_time": START_TIME,
    }


class GoldRush:
    """The pipelines, and the log of their reads."""

    def __init__(self) -> None:
        self.date = b""
        self.projects = 1
        self.statuses: list[Response] = []
        self.numbers: dict[bytes, int] = {}
        """By the path of the status."""
        self.pages: dict[tuple[int, int], Response] = {}
        self.begun = monotonic()
        self.read_at = array("d")
        self.read_numbers = array("L")
        self.listings = 0
        self.changed: dict[int, float] = {}
        """The pipelines whose phase changed and that nobody has read since: the time of the change."""
        self.noticed: dict[int, tuple[float, float]] = {}
        """The times of the last change and of the first read after it."""

    def read(self, number: int) -> Response:
        now = monotonic()
        self.read_at.append(now)
        self.read_numbers.append(number)
        if self.changed and number in self.changed:
            self.noticed[number] = (self.changed.pop(number), now)
        return self.statuses[number]

    def page(self, page_number: int, page_size: int) -> Response:
        self.listings += 1
        key = (page_number, page_size)
        if key not in self.pages:
            start, count = (page_number - 1) * page_size, len(self.statuses)
            items = [configuration(number, self.projects) for number in range(start, min(start + page_size, count))]
            pagination = {"has_more": start + page_size < count, "page_number": page_number}
            pagination |= {"page_size": page_size, "total_count": count}
            self.pages[key] = success({"items": items, "pagination": pagination})
        return self.pages[key]

    # --- what `bench.fleet` asks for ---------------------------------------------------------------------------------

    def resize(self, count: int, projects: int) -> Json:
        """Starts over with `count` running pipelines."""
        running = [success(status(number, "RUNNING")) for number in range(count)]
        self.projects, self.statuses = projects, running
        self.numbers = {f"{BASE}{pipeline_id(number)}/status/".encode(): number for number in range(count)}
        self.pages = {}
        return self.begin()

    def begin(self) -> Json:
        """Empties the log of reads."""
        self.read_at, self.read_numbers, self.listings = array("d"), array("L"), 0
        self.noticed = {}
        self.begun = monotonic()
        return {"at": self.begun}

    def set_phase(self, numbers: list[int], phase: str) -> Json:
        for number in numbers:
            self.statuses[number] = success(status(number, phase))
            self.changed[number] = monotonic()
        return {"at": monotonic()}

    def report(self) -> Json:
        """The reads since `begin`. `largest_gap`: the longest time without a read of one of the pipelines."""
        ended = monotonic()
        last = dict.fromkeys(range(len(self.statuses)), self.begun)
        largest = 0.0
        for at, number in zip(self.read_at, self.read_numbers, strict=True):
            largest = max(largest, at - last[number])
            last[number] = at
        largest = max(largest, *(ended - at for at in last.values())) if last else 0.0
        return {
            "seconds": ended - self.begun,
            "reads": len(self.read_at),
            "listings": self.listings,
            "pipelines_read": len(set(self.read_numbers)),
            "largest_gap": largest,
            "noticed": {str(number): times for number, times in self.noticed.items()},
            "cpu_seconds": process_time(),
        }


class Connection(asyncio.Protocol):
    """One reader. It may send its next request before the answer to the last one."""

    def __init__(self, goldrush: GoldRush) -> None:
        self._goldrush = goldrush
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        *requests, self._received = (self._received + data).split(b"\r\n\r\n")
        for request in requests:
            self._transport.write(self._answer(request))
        if len(self._received) > LONGEST_REQUEST:
            self._transport.abort()

    def _answer(self, request: bytes) -> bytes:
        goldrush = self._goldrush
        path = request[4 : request.index(b" ", 4)]
        number = goldrush.numbers.get(path)
        if b"uthorization: Bearer " not in request and not path.startswith(b"/bench/"):
            response = UNAUTHORIZED
        elif number is not None:
            response = goldrush.read(number)
        else:
            response = self._seldom(path.decode())
        packed = response.gzip if b"gzip" in request else response.plain
        return packed.replace(b"\r\n", goldrush.date, 1)

    def _seldom(self, target: str) -> Response:
        path, _, query = target.partition("?")
        given = dict(parse_qsl(query))
        match path:
            case "/platform/pipeline-api/":
                return self._goldrush.page(
                    int(given.get("page_number", 1)), int(given.get("page_size", DEFAULT_PAGE_SIZE))
                )
            case "/bench/resize":
                return Response(200, self._goldrush.resize(int(given["count"]), int(given["projects"])))
            case "/bench/begin":
                return Response(200, self._goldrush.begin())
            case "/bench/phase":
                return Response(200, self._goldrush.set_phase([*map(int, given["numbers"].split(","))], given["phase"]))
            case "/bench/report":
                return Response(200, self._goldrush.report())
        return NOT_FOUND


async def serve() -> None:
    goldrush = GoldRush()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(goldrush), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    while not stopped.is_set():
        goldrush.date = f"\r\nDate: {formatdate(usegmt=True)}\r\n".encode()
        try:
            async with asyncio.timeout(1.0):
                await stopped.wait()
        except TimeoutError:
            continue
    server.close()


if __name__ == "__main__":
    asyncio.run(serve())
