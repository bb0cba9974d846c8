"""Closed and open loop over connections that ask. Knows no protocol and no process.

Closed: every connection sends its next request when the last one is answered. Open: requests have an intended time;
a free connection takes the next one, and latency counts from the intended time, so that a server that stalls is charged
for every request it delays. `sent` is kept too, to show what the usual, uncorrected latency would have said.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Ask = Callable[[], Awaitable[str | None]]
"""One request on one connection; what was wrong with the answer, or None."""

GRACE = 5.0
"""Seconds after the end of a schedule; what could not be sent until then is dropped, and counted."""
_clock = time.monotonic


@dataclass
class Noted:
    """Seconds, one entry per answered request, in the order of the answers; the times since the beginning."""

    intended: list[float] = field(default_factory=list)
    sent: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    dropped: int = 0

    def add(self, intended: float, sent: float, ended: float, fault: str | None) -> None:
        self.intended.append(intended)
        self.sent.append(sent)
        self.ended.append(ended)
        if fault is not None:
            self.faults.append(fault)


async def closed(asks: Sequence[Ask], begin: float, seconds: float) -> Noted:
    """`begin` is a time of the monotonic clock."""
    noted = Noted()
    await asyncio.gather(*(_again_and_again(ask, begin, begin + seconds, noted) for ask in asks))
    return noted


async def open_loop(asks: Sequence[Ask], begin: float, times: NDArray[np.float64]) -> Noted:
    """`times` are the intended ones, in seconds after `begin`, ascending."""
    noted, due = Noted(), iter(times.tolist())
    last = begin + (float(times[-1]) if len(times) else 0) + GRACE
    await asyncio.gather(*(_as_scheduled(ask, begin, due, last, noted) for ask in asks))
    return noted


async def _again_and_again(ask: Ask, begin: float, end: float, noted: Noted) -> None:
    await _until(begin)
    started, ended = _clock(), 0.0
    while ended < end:  # once at least
        fault = await ask()
        ended = _clock()
        noted.add(started - begin, started - begin, ended - begin, fault)
        started = ended


async def _as_scheduled(ask: Ask, begin: float, due: Iterator[float], last: float, noted: Noted) -> None:
    for intended in due:
        await _until(begin + intended)
        started = _clock()
        if started > last:
            noted.dropped += 1
            continue
        fault = await ask()
        noted.add(intended, started - begin, _clock() - begin, fault)


async def _until(moment: float) -> None:
    wait = moment - _clock()
    if wait > 0:
        await asyncio.sleep(wait)
