"""Health, for whoever watches over this process: `live` says that it runs, `ready` that it can answer."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from roster.services.health import REASONS, Readiness

_METHODS = ["GET", "HEAD"]


def router(readiness: Callable[[], Awaitable[Readiness]]) -> APIRouter:
    made = APIRouter(prefix="/health")

    @made.api_route("/live", methods=_METHODS)
    async def live() -> Response:
        return _answer({"status": "LIVE"}, 200)

    @made.api_route("/ready", methods=_METHODS)
    async def ready() -> Response:
        found = await readiness()
        if found is Readiness.READY:
            return _answer({"status": found}, 200)
        return _answer({"status": found, "reason": REASONS[found]}, 503)

    return made


def _answer(content: dict[str, str], status: int) -> Response:
    return JSONResponse(content, status, headers={"Cache-Control": "no-store"})
