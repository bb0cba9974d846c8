import asyncio
from pathlib import Path

from storage_init.lock import exclusive


async def test_two_holders_take_turns(tmp_path: Path) -> None:
    inside: list[str] = []
    said: list[str] = []

    async def hold(name: str) -> None:
        async with exclusive(tmp_path / ".lock", said.append):
            inside.append(f"{name} in")
            await asyncio.sleep(0)
            inside.append(f"{name} out")

    async with asyncio.timeout(10):
        await asyncio.gather(*(hold(name) for name in "abc"))
    assert [entry.split()[1] for entry in inside] == ["in", "out"] * 3
    assert any("waiting for another storage initializer" in line for line in said)
    assert not (tmp_path / ".lock").exists()


async def test_a_file_that_a_killed_holder_left_blocks_nobody(tmp_path: Path) -> None:
    (tmp_path / ".lock").touch()
    async with asyncio.timeout(5), exclusive(tmp_path / ".lock", lambda line: None):
        pass
    assert not (tmp_path / ".lock").exists()
