from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from integration.isvc_server.apiserver import ApiServer, api_server


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[ApiServer]:
    async with api_server(tmp_path) as server:
        yield server
