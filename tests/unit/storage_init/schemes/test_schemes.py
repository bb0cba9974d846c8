from pathlib import Path

import pytest

from storage_init.address import parse
from storage_init.errors import AddressInvalid, SettingInvalid
from storage_init.meter import Meter
from storage_init.objects.depot import Depot
from storage_init.schemes import SCHEMES, find, module_of
from storage_init.settings import Settings


@pytest.mark.parametrize("scheme", ["pvc", "hdfs", "ftp"])
def test_an_unknown_scheme_is_named_with_the_known_ones_and_the_mend(scheme: str) -> None:
    with pytest.raises(AddressInvalid) as failure:
        find(parse(f"{scheme}://key:secret@bucket/x"), Settings())
    text = str(failure.value)
    assert f"the scheme {scheme}:// is not supported" in text
    assert "file://, s3://, gs://" in text
    assert "isvc.yaml" in text
    assert "secret" not in text


@pytest.mark.parametrize(
    ("address", "module"),
    [
        ("https://account.blob.core.windows.net/models/x", "azure"),
        ("https://account.blob.core.windows.net.example.com/models/x.git", "git"),
        ("https://host/owner/repository.git?ref=v1", "git"),
        ("https://host/model.onnx", "http"),
        ("https://[::1/x", "http"),
        ("oci+native://registry/model:v1", "oci"),
    ],
)
def test_an_address_finds_its_module_by_scheme_host_or_suffix(address: str, module: str) -> None:
    assert module_of(parse(address)) == module


@pytest.mark.parametrize(
    ("address", "environment"),
    [
        ("gs://models/x", {"GOOGLE_SERVICE_ACCOUNT_KEY": "{hush"}),
        ("gs://models/x", {"GOOGLE_SERVICE_ACCOUNT_KEY": '{"type": "service_account", "private_key": "hush"}'}),
        ("https://a.blob.core.windows.net/c/x", {"AZURE_STORAGE_ACCESS_KEY": "hush!"}),
        ("https://a.blob.core.windows.net/c/x", {"AZURE_STORAGE_ENDPOINT": "of azure"}),
        ("s3://models/x", {"AWS_ENDPOINT_URL": "of the bucket"}),
        ("s3://models/x", {"AWS_CA_BUNDLE": __file__}),
    ],
)
async def test_what_the_environment_says_wrongly_is_one_line_without_a_key(
    address: str, environment: dict[str, str], tmp_path: Path
) -> None:
    scheme = find(parse(address), Settings(environment={"HOME": "/nonexistent", **environment}))
    with pytest.raises(SettingInvalid) as failure:
        await scheme.fetch(parse(address), tmp_path, "", Meter("x", print), Depot(tmp_path / "depot"))
    assert "hush" not in str(failure.value)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_row_names_a_module_that_opens(scheme: str) -> None:
    assert find(parse(f"{scheme}://x" if scheme else "x"), Settings()).fetch
