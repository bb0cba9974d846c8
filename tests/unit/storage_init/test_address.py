from pathlib import Path

import pytest

from storage_init.address import local_path, parse, redact
from storage_init.errors import AddressInvalid


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        ("/mnt/x", ""),
        ("models/x", ""),
        ("file:///x", "file"),
        ("HTTPS://host/x", "https"),
        ("s3://bucket/x", "s3"),
        ("oci+native://image", "oci+native"),
        ("C:/x", ""),
    ],
)
def test_the_scheme_is_read_in_lower_case_and_is_empty_for_a_path(text: str, scheme: str) -> None:
    assert parse(text).scheme == scheme


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:secret@host/a?token=secret#secret", "https://***@host/a?***"),
        ("https://host/a@v1/b", "https://host/a@v1/b"),
        ("https://host/a#secret", "https://host/a#***"),
        ("s3://KEY:secret@bucket/x", "s3://***@bucket/x"),
        ("https://user:p@ss@host/x", "https://***@host/x"),
    ],
)
def test_what_is_shown_holds_no_credentials(text: str, shown: str) -> None:
    assert redact(text) == shown
    assert "secret" not in repr(parse(text))


@pytest.mark.parametrize("text", ["", "a\0b"])
def test_an_empty_address_and_a_nul_are_refused(text: str) -> None:
    with pytest.raises(AddressInvalid, match="write a path or a URL"):
        parse(text)


def test_a_file_url_is_absolute_and_percent_decoded() -> None:
    assert local_path(parse("file:///a%20b/c")) == Path("/a b/c")
    assert local_path(parse("file://localhost/a")) == Path("/a")
    assert local_path(parse("https://host/a")) is None


def test_a_file_url_with_a_host_says_how_to_write_it() -> None:
    with pytest.raises(AddressInvalid, match=r"'models' as a host.*three slashes"):
        local_path(parse("file://models/x"))


def test_two_addresses_that_differ_in_what_is_hidden_are_two() -> None:
    assert parse("https://h/x?a=1").identity != parse("https://h/x?a=2").identity
