"""storage-init as a process, against a Git server on this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from wsgiref.simple_server import WSGIServer, make_server

import pytest
from dulwich import porcelain
from dulwich.server import DictBackend
from dulwich.web import WSGIRequestHandlerLogger, make_wsgi_chain

from .conftest import PATIENCE, Start, finish, tree


class _Quiet(WSGIRequestHandlerLogger):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "repository"
    repository = porcelain.init(folder)
    for number in ("1", "2"):
        (folder / "model.onnx").write_text(number)
        (folder / "config").mkdir(exist_ok=True)
        (folder / "config" / "x.properties").write_text(number)
        porcelain.add(repository, [folder / "model.onnx", folder / "config" / "x.properties"])
        porcelain.commit(repository, message=number.encode(), author=b"a <a@b>", committer=b"a <a@b>")
        if number == "1":
            porcelain.tag_create(repository, b"v1")
    web = make_server("127.0.0.1", 0, make_wsgi_chain(DictBackend({b"/m.git": repository})), WSGIServer, _Quiet)
    serving = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    yield f"http://127.0.0.1:{web.server_port}"
    web.shutdown()
    serving.join(PATIENCE)
    web.server_close()
    repository.close()


@pytest.mark.parametrize(("ref", "number"), [("", "2"), ("?ref=v1", "1")])
def test_a_repositorys_files_are_fetched_without_its_history_and_not_again(
    server: str, start: Start, tmp_path: Path, ref: str, number: str
) -> None:
    for said in ("complete", "complete and unchanged"):
        code, errors = finish(start(f"{server}/m.git{ref}", tmp_path / "mnt" / "models"))
        assert (code, errors[-1].endswith(said)) == (0, True), errors
        expected = {"model.onnx": number.encode(), "config/x.properties": number.encode()}
        assert tree(tmp_path / "mnt" / "models") == expected


@pytest.mark.parametrize("path", ["m.git?ref=no-such-branch", "no-such.git"])
def test_what_is_not_there_is_said_with_its_address(server: str, start: Start, tmp_path: Path, path: str) -> None:
    code, errors = finish(start(f"{server}/{path}", tmp_path / "mnt" / "models", "--retries", "0"))
    assert code == 1, errors
    assert f"{server}/{path.partition('?')[0]}" in errors[-1]
    assert list((tmp_path / "mnt").iterdir()) == []
