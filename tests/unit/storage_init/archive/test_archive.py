"""What archives may and may not do. Each hostile one is refused with a sentence, and writes nothing outside."""

import bz2
import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from storage_init.archive import recognise, sole_archive, unpack
from storage_init.errors import ArchiveCorrupted, ArchiveRefused
from storage_init.meter import Meter
from storage_init.settings import Limits

LIMITS = Limits(total_bytes=1_000_000, entries=50, ratio=100, ratio_from=100_000)


def run(archive: Path, limits: Limits = LIMITS) -> Path:
    into = archive.parent / "unpacked"
    unpack(archive, into, limits, Meter("x", lambda line: None))
    return into


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, target, mode
    return info


def tar(path: Path, *members: tuple[tarfile.TarInfo, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as out:
        for info, data in members:
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
    return path


def zipped(path: Path, *members: tuple[str, bytes, int]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data, mode in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            out.writestr(info, data, zipfile.ZIP_DEFLATED)
    return path


GOOD = ((member("m/", tarfile.DIRTYPE), b""), (member("m/run", mode=0o700), b"#!"), (member("./m/empty"), b""))


@pytest.mark.parametrize(
    ("name", "mode"),
    [("a.tar", "w"), ("a.tar.gz", "w:gz"), ("a.tgz", "w:gz"), ("a.tar.bz2", "w:bz2"), ("a.TAR.XZ", "w:xz")],
)
def test_a_tar_is_unpacked_whatever_its_compression(tmp_path: Path, name: str, mode: str) -> None:
    into = run(tar(tmp_path / name, *GOOD, mode=mode))
    assert tree(into) == {"m/run": b"#!", "m/empty": b""}
    assert stat.S_IMODE((into / "m/run").stat().st_mode) == 0o755
    assert stat.S_IMODE((into / "m/empty").stat().st_mode) == 0o644


def test_a_zip_is_unpacked(tmp_path: Path) -> None:
    into = run(zipped(tmp_path / "a.zip", ("m/", b"", 0), ("m/x", b"1", stat.S_IFREG | 0o755), ("y", b"", 0)))
    assert tree(into) == {"m/x": b"1", "y": b""}
    assert (into / "m/x").stat().st_mode & 0o100


def test_links_inside_are_kept_even_before_what_they_lead_to(tmp_path: Path) -> None:
    into = run(
        tar(
            tmp_path / "a.tar",
            (member("m/latest", tarfile.SYMTYPE, "../1/x"), b""),
            (member("one", tarfile.SYMTYPE, "1"), b""),
            (member("1/x"), b"1"),
        )
    )
    assert (into / "m/latest").is_symlink()
    assert (into / "m/latest").read_bytes() == b"1"
    assert (into / "one/x").read_bytes() == b"1"


def test_links_inside_a_zip_are_kept(tmp_path: Path) -> None:
    into = run(zipped(tmp_path / "a.zip", ("x", b"1", 0), ("y", b"x", stat.S_IFLNK | 0o777)))
    assert (into / "y").read_bytes() == b"1"


X = member("x"), b"1"
HOSTILE_TARS: dict[str, tuple[tuple[tarfile.TarInfo, bytes], ...]] = {
    "a name that goes up": ((member("../x"), b"1"),),
    "a name that goes up from inside": ((member("a/../../x"), b"1"),),
    "an absolute name": ((member("/tmp/x"), b"1"),),
    "a backslash": ((member("..\\x"), b"1"),),
    "an absolute link": ((member("l", tarfile.SYMTYPE, "/etc/passwd"), b""),),
    "a link that goes up": ((member("l", tarfile.SYMTYPE, "../x"), b""),),
    "a link that goes up through another": (
        (member("d", tarfile.SYMTYPE, "."), b""),
        (member("l", tarfile.SYMTYPE, "d/../x"), b""),
        X,
    ),
    "a link to nothing": ((member("l", tarfile.SYMTYPE, "gone"), b""),),
    "links in a circle": ((member("a", tarfile.SYMTYPE, "b"), b""), (member("b", tarfile.SYMTYPE, "a"), b"")),
    "a write through a link": ((member("a", tarfile.SYMTYPE, "b"), b""), (member("a/x"), b"1")),
    "a write over a link": ((member("a", tarfile.SYMTYPE, "x"), b""), (member("a"), b"1"), X),
    "a link below a link": (
        (member("b/y"), b"1"),
        (member("a", tarfile.SYMTYPE, "b"), b""),
        (member("a/l", tarfile.SYMTYPE, "y"), b""),
    ),
    "a hard link": (X, (member("l", tarfile.LNKTYPE, "x"), b"")),
    "a hard link out": ((member("l", tarfile.LNKTYPE, "/etc/passwd"), b""),),
    "a device": ((member("d", tarfile.CHRTYPE), b""),),
    "a block device": ((member("d", tarfile.BLKTYPE), b""),),
    "a pipe": ((member("d", tarfile.FIFOTYPE), b""),),
    "a name twice": (X, (member("x"), b"2")),
    "a name twice, written differently": (X, (member("./x"), b"2")),
    "a folder over a file": (X, (member("x/", tarfile.DIRTYPE), b"")),
    "a file below a file": (X, (member("x/y"), b"2")),
    "a control character": ((member("a\nb"), b"1"),),
    "the record's name": ((member(".storage-init.json"), b"{}"),),
    "a name too deep to be a model's": ((member("a/" * 1000 + "x"), b"1"),),
    "too many entries": tuple((member(f"{index}"), b"") for index in range(51)),
    "too many bytes": ((member("x"), bytes(1_000_001)),),
}


@pytest.mark.parametrize("name", HOSTILE_TARS)
def test_a_hostile_tar_is_refused(tmp_path: Path, name: str) -> None:
    place = tmp_path / "place"
    place.mkdir()
    with pytest.raises(ArchiveRefused, match=r"The archive 'a\.tar'"):
        run(tar(place / "a.tar", *HOSTILE_TARS[name]))
    assert [path.name for path in tmp_path.iterdir()] == ["place"]
    assert {path.name for path in place.iterdir()} <= {"a.tar", "unpacked"}


@pytest.mark.parametrize(
    "members",
    [
        [("../x", b"1", 0)],
        [("/x", b"1", 0)],
        [("..\\x", b"1", 0)],
        [("l", b"/etc/passwd", stat.S_IFLNK)],
        [("l", b"../x", stat.S_IFLNK)],
        [("a", b"b", stat.S_IFLNK), ("a/x", b"1", 0)],
        [("d", b"", stat.S_IFCHR)],
        [("d", b"", stat.S_IFIFO)],
        [("x", bytes(1_000_001), 0)],
        [(f"{index}", b"", 0) for index in range(51)],
    ],
)
def test_a_hostile_zip_is_refused(tmp_path: Path, members: list[tuple[str, bytes, int]]) -> None:
    with pytest.raises(ArchiveRefused, match=r"The archive 'a\.zip'"):
        run(zipped(tmp_path / "a.zip", *members))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_with_a_name_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveRefused, match="'x' twice"):
        run(zipped(tmp_path / "a.zip", ("x", b"1", 0), ("x", b"2", 0)))


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("x", b"1", 0))
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x03\x04") + 6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(ArchiveRefused, match="encrypted"):
        run(path)


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_a_bomb_is_refused_by_its_ratio_before_its_size(tmp_path: Path, mode: str) -> None:
    path = tar(tmp_path / "a.tar.gz", (member("x"), bytes(900_000)), mode=mode)
    with pytest.raises(ArchiveRefused, match="100 times its size"):
        run(path)


def test_a_header_that_lies_about_its_size_does_not_get_more(tmp_path: Path) -> None:
    """GNU sparse: 512 bytes in the archive, 8 GiB in the header."""
    info = member("x")
    info.pax_headers = {"GNU.sparse.size": str(8 << 30), "GNU.sparse.map": "0,1"}
    with pytest.raises(ArchiveRefused, match="unpacks to more than"):
        run(tar(tmp_path / "a.tar", (info, b"1")))


def test_a_long_name_cannot_ask_for_all_the_memory(tmp_path: Path) -> None:
    header = member("././@LongLink", tarfile.GNUTYPE_LONGNAME)
    header.size = 1 << 40
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(header.tobuf(tarfile.GNU_FORMAT) + bytes(10_000)))
    with pytest.raises(ArchiveRefused, match="header"):
        run(path)


def test_a_zip_of_names_alone_cannot_ask_for_all_the_memory(tmp_path: Path) -> None:
    """The directory is refused for its length, before it is read."""
    path = zipped(tmp_path / "a.zip", *((f"{index:0200}", b"", 0) for index in range(5000)))
    with pytest.raises(ArchiveRefused, match="has a header of"):
        run(path)


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def damage_second_header(data: bytes) -> bytes:
    return data[:1024] + b"?" * 512 + data[1536:]


def damage_checksum(data: bytes) -> bytes:
    packed = bytearray(gzip.compress(data))
    packed[-6] ^= 0xFF
    return bytes(packed)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:1800],
        damage_second_header,
        damage_checksum,
        lambda data: data[:2048],
        lambda data: cut(gzip.compress(data)),
        lambda data: cut(bz2.compress(data)),
        lambda data: b"not a tar" * 100,
        lambda data: b"",
    ],
)
def test_a_damaged_tar_is_an_error_and_never_half_a_model(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tar(tmp_path / "a.tar", (member("x"), b"1" * 512), (member("y"), b"2" * 512))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ArchiveCorrupted, match=r"'a\.tar' cannot be read to its end.*fetch or pack it again"):
        run(path)


@pytest.mark.parametrize("where", [0, 40])
def test_a_damaged_zip_is_an_error(tmp_path: Path, where: int) -> None:
    path = zipped(tmp_path / "a.zip", ("x", bytes(range(256)), 0))
    data = bytearray(path.read_bytes())
    data[where] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(ArchiveCorrupted):
        run(path)


@pytest.mark.parametrize("name", ["mnist.mar", "model.onnx", "x.gz", "x.whl", ".zip", "tar"])
def test_what_is_no_archive_by_name_stays_as_it_is(name: str) -> None:
    assert recognise(name) is None


def test_only_a_file_that_is_alone_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.zip").touch()
    assert sole_archive(tmp_path) == tmp_path / "sub" / "a.zip"
    (tmp_path / "b.zip").touch()
    assert sole_archive(tmp_path) is None
