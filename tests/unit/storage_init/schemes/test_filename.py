import httpx
import pytest

from storage_init.schemes.filename import choose_name


def answer(url: str, **headers: str) -> httpx.Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(200, headers=names, request=httpx.Request("GET", url))


@pytest.mark.parametrize(
    ("url", "headers", "name"),
    [
        ("https://h/a/model.onnx", {}, "model.onnx"),
        ("https://h/a/model.onnx?x=1#f", {}, "model.onnx"),
        ("https://h/a%20b.onnx", {}, "a b.onnx"),
        ("https://h/get?id=5", {"content_disposition": 'attachment; filename="m.tar.gz"'}, "m.tar.gz"),
        ("https://h/get", {"content_disposition": "attachment; filename*=UTF-8''m%C3%A4.zip"}, "mä.zip"),
        ("https://h/get?file=models/m.zip&v=1.5", {}, "m.zip"),
        ("https://h/get?id=5", {}, "get"),
        ("https://h/get", {"content_type": "application/zip"}, "get.zip"),
        ("https://h/m.mar", {"content_type": "application/zip"}, "m.mar"),
        ("https://h/", {"content_type": "application/gzip; x=y"}, "model.tar.gz"),
        ("https://h/", {}, "model"),
    ],
)
def test_the_name_comes_from_the_server_then_the_path_then_the_query(
    url: str, headers: dict[str, str], name: str
) -> None:
    assert choose_name(answer(url, **headers)) == name


@pytest.mark.parametrize(
    "hostile",
    ["../../x.onnx", "/etc/x.onnx", "..\\..\\x.onnx", "..", ".", "", ".storage-init.json", "a" * 300, "\x01"],
)
def test_a_hostile_name_stays_a_plain_name(hostile: str) -> None:
    response = answer("https://h/safe", content_disposition=f'attachment; filename="{hostile}"')
    assert choose_name(response) in ("x.onnx", "safe")


def test_an_encoded_slash_makes_no_path() -> None:
    assert choose_name(answer("https://h/a/..%2f..%2fx.onnx")) == "x.onnx"


def test_after_a_redirect_the_address_that_was_asked_names_the_file() -> None:
    final = answer("https://cdn/0a1b2c")
    final.history = [answer("https://h/model.zip")]
    assert choose_name(final) == "model.zip"
