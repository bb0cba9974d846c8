"""`/mock/faults`: reading and changing the injected faults while the server runs."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from modelapi.errors import InvalidInput
from predictor_mock import faults as fault_settings
from predictor_mock.faults import Faults

PATH = "/mock/faults"


def routes(faults: Faults) -> list[Route]:
    """GET answers the settings in force and how often they struck; PUT replaces them (what it leaves out is off)."""

    async def show(_: Request) -> JSONResponse:
        return JSONResponse(faults.report())

    async def change(request: Request) -> JSONResponse:
        try:
            faults.change(fault_settings.from_json(json.loads(await request.body())))
        except (json.JSONDecodeError, UnicodeDecodeError) as exc:
            return JSONResponse({"error": f"expected a JSON object: {exc}"}, status_code=400)
        except InvalidInput as exc:
            return JSONResponse({"error": str(exc)}, status_code=400)
        return JSONResponse(faults.report())

    return [Route(PATH, show, methods=["GET"]), Route(PATH, change, methods=["PUT"])]
