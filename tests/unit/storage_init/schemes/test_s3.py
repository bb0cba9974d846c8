from pathlib import Path

import pytest

from storage_init.address import parse
from storage_init.errors import AddressInvalid, SettingInvalid
from storage_init.schemes import s3
from storage_init.schemes.bucket import split
from storage_init.settings import Settings


@pytest.mark.parametrize(
    ("environment", "endpoint"),
    [
        ({}, ""),
        ({"AWS_ENDPOINT_URL": "http://minio:9000/"}, "http://minio:9000"),
        ({"AWS_ENDPOINT_URL_S3": "http://a", "AWS_ENDPOINT_URL": "http://b"}, "http://a"),
        ({"S3_ENDPOINT": "minio:9000"}, "https://minio:9000"),
        ({"S3_ENDPOINT": "minio:9000", "S3_USE_HTTPS": "0"}, "http://minio:9000"),
        ({"S3_ENDPOINT": "http://minio:9000", "S3_USE_HTTPS": "1"}, "http://minio:9000"),
        ({"S3_USE_ACCELERATE": "true"}, "https://s3-accelerate.amazonaws.com"),
    ],
)
def test_the_endpoint_is_where_kserves_variables_lead(environment: dict[str, str], endpoint: str) -> None:
    assert s3.endpoint_url(environment) == endpoint


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("s3://bucket", ("bucket", "", False)),
        ("s3://bucket/", ("bucket", "", False)),
        ("s3://bucket/a/b", ("bucket", "a/b", False)),
        ("s3://bucket/a/b/", ("bucket", "a/b", True)),
    ],
)
def test_an_address_has_a_bucket_and_a_prefix(address: str, parts: tuple[str, str, bool]) -> None:
    assert split(parse(address)) == parts


def test_an_address_without_a_bucket_is_said() -> None:
    with pytest.raises(AddressInvalid, match="names no bucket"):
        split(parse("s3:///x"))


@pytest.mark.parametrize(
    ("environment", "given"),
    [
        ({}, {"skip_signature": True}),
        ({"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}, {"access_key_id": "a", "secret_access_key": "b"}),
        ({"awsAnonymousCredential": "true", "AWS_ACCESS_KEY_ID": "a"}, {"skip_signature": True}),
        ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/token"}, {}),
    ],
)
def test_credentials_are_found_where_aws_keeps_them(
    environment: dict[str, str], given: dict[str, object], tmp_path: Path
) -> None:
    assert s3._credentials({"HOME": str(tmp_path), **environment}) == given


def test_a_profile_is_read(tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    file.write_text("[other]\naws_access_key_id = a\naws_secret_access_key = b%c\naws_session_token = t\n")
    environment = {"AWS_SHARED_CREDENTIALS_FILE": str(file), "AWS_PROFILE": "other"}
    assert s3._credentials(environment) == {"access_key_id": "a", "secret_access_key": "b%c", "session_token": "t"}
    file.write_text("no section")
    with pytest.raises(AddressInvalid, match="cannot be read as AWS credentials") as failure:
        s3._credentials(environment)
    assert "no section" not in str(failure.value)


def test_the_settings_show_no_credentials() -> None:
    assert "hush" not in repr(Settings(environment={"AWS_SECRET_ACCESS_KEY": "hush"}))


def test_kserves_variables_say_how_patiently_and_how_much_at_once() -> None:
    names = ("S3_MAX_FILE_CONCURRENCY", "S3_CONNECT_TIMEOUT", "S3_READ_TIMEOUT", "S3_MAX_ATTEMPTS")
    environment = dict(zip(names, ("4", "15", "31", "3"), strict=True))
    settings = s3.connect(parse("s3://bucket/a"), Settings(environment=environment)).settings
    assert (settings.files_at_once, settings.connect_timeout, settings.read_timeout) == (4, 15.0, 31.0)
    assert settings.backoff == (0.5, 1.0)


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5"])
def test_a_number_that_is_none_is_said_with_its_name(value: str) -> None:
    with pytest.raises(SettingInvalid, match=f"S3_MAX_ATTEMPTS is '{value}'"):
        s3.connect(parse("s3://bucket/a"), Settings(environment={"S3_MAX_ATTEMPTS": value}))
