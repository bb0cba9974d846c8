from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from storage_init.address import parse
from storage_init.errors import AddressInvalid, FetchFailed, FetchInterrupted, SourceNotFound, SourceRefused
from storage_init.meter import Meter
from storage_init.objects.depot import Depot
from storage_init.schemes.http import Http
from storage_init.schemes.scheme import Fetched, Outcome, Unchanged, refuse_lack_of_room
from storage_init.settings import Settings

URL = "https://user:secret@host/models/m.onnx?token=secret"
Handler = Callable[[httpx.Request], httpx.Response]


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Script:
    """A server that gives one answer after another, the last one for ever."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status, headers=answer.headers, stream=httpx.ByteStream(answer.body))


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def fetch(handler: Handler, into: Path, known: str = "", url: str = URL, retries: int = 2) -> Outcome:
    scheme = Http(Settings(backoff=(0.0,) * retries), httpx.MockTransport(handler))
    return await scheme.fetch(parse(url), into, known, Meter("x", lambda line: None), Depot(into.with_name("depot")))


async def test_the_body_goes_to_a_file_of_the_addresss_name(tmp_path: Path) -> None:
    server = Script(Answer(200, body=b"1" * 1000, headers={"etag": '"v1"'}))
    assert await fetch(server, tmp_path) == Fetched('if-none-match "v1"')
    assert (tmp_path / "m.onnx").read_bytes() == b"1" * 1000
    assert server.requests[0].headers["accept-encoding"] == "identity"
    assert server.requests[0].headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    ("headers", "known"),
    [
        ({"etag": 'W/"1"', "last-modified": "x"}, 'if-none-match W/"1"'),
        ({"last-modified": "Mon, 1 Jan"}, "if-modified-since Mon, 1 Jan"),
    ],
)
async def test_a_version_that_is_still_there_is_not_fetched_again(
    tmp_path: Path, headers: dict[str, str], known: str
) -> None:
    server = Script(Answer(200, body=b"1", headers=headers), Answer(304))
    assert await fetch(server, tmp_path) == Fetched(known)
    assert await fetch(server, tmp_path, known) == Unchanged()
    name, _, value = known.partition(" ")
    assert server.requests[1].headers[name] == value


@pytest.mark.parametrize(
    "trouble",
    [
        Answer(503),
        Answer(500),
        Answer(429, headers={"retry-after": "0"}),
        Answer(503, headers={"retry-after": "Mon, 1 Jan"}),
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("slow"),
        httpx.ReadTimeout("silent"),
        httpx.RemoteProtocolError("broke"),
        Answer(200, headers={"content-length": "5"}, body=b"123"),
    ],
)
async def test_what_may_pass_is_tried_again_and_what_stays_is_said(tmp_path: Path, trouble: Answer | Exception) -> None:
    server = Script(trouble, Answer(200, body=b"whole"))
    assert isinstance(await fetch(server, tmp_path), Fetched)
    assert (tmp_path / "m.onnx").read_bytes() == b"whole"
    stubborn = Script(trouble)
    with pytest.raises(FetchInterrupted) as failure:
        await fetch(stubborn, tmp_path)
    assert len(stubborn.requests) == 3
    assert "'https://***@host/models/m.onnx?***'" in str(failure.value)
    assert "secret" not in str(failure.value)


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (Answer(404), SourceNotFound, "answered 404"),
        (Answer(401), FetchFailed, "asks for credentials"),
        (Answer(403), FetchFailed, "expired"),
        (Answer(418), FetchFailed, "418"),
        (Answer(204), FetchFailed, "204"),
        (Answer(200, body=b"<html>", headers={"content-type": "text/html"}), SourceRefused, "a login page"),
        (
            Answer(200, headers={"content-encoding": "br"}, body=b"1"),
            SourceRefused,
            "Content-Encoding br",
        ),
        (
            Answer(200, headers={"content-length": str(1 << 60)}, body=b"1"),
            FetchFailed,
            "make room",
        ),
        (Answer(302, headers={"location": URL}), FetchFailed, "redirects more than 10 times"),
        (Answer(302, headers={"location": "http://other/x?secret"}), FetchFailed, "without encryption"),
    ],
)
async def test_what_stays_wrong_is_not_tried_again(
    tmp_path: Path, answer: Answer, error: type[Exception], text: str
) -> None:
    server = Script(answer)
    with pytest.raises(error, match=text) as failure:
        await fetch(server, tmp_path)
    assert not isinstance(failure.value, FetchInterrupted)
    assert "secret" not in str(failure.value)
    assert names(tmp_path) == []


async def test_a_redirect_is_followed_and_its_host_gets_no_password(tmp_path: Path) -> None:
    server = Script(Answer(302, headers={"location": "https://cdn/0a1b"}), Answer(200, body=b"1"))
    await fetch(server, tmp_path)
    assert (tmp_path / "m.onnx").exists()
    assert "authorization" not in server.requests[1].headers


@pytest.mark.parametrize("url", ["http://", "https://[::1/x", "http://host:port/x"])
async def test_an_address_that_cannot_be_asked_is_said_to_be_so(tmp_path: Path, url: str) -> None:
    with pytest.raises(AddressInvalid, match="not an address that can be asked"):
        await fetch(Script(httpx.UnsupportedProtocol("no host")), tmp_path, url=url)


async def test_a_drip_is_given_up(tmp_path: Path) -> None:
    class Drip(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                yield b"1"

    scheme = Http(
        Settings(backoff=(), stall_timeout=1e-9, stall_bytes=10),
        httpx.MockTransport(lambda request: httpx.Response(200, stream=Drip())),
    )
    with pytest.raises(FetchInterrupted, match="has stalled: less than 10 B"):
        await scheme.fetch(parse(URL), tmp_path, "", Meter("x", lambda line: None), Depot(tmp_path.with_name("depot")))


def test_a_lack_of_room_names_the_place_that_lacks_it(tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match=r"needs .* and the filesystem of the cache /c has .* left; make room there"):
        refuse_lack_of_room(parse(URL), tmp_path, 1 << 60, "cache /c")
