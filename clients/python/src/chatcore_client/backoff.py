"""How long to wait before the next try. Full jitter: any time from 0 to a bound that doubles with
each failure, so that clients that were cut together come back spread. What the server tells wins: a
draining one names the spread, an error names the least wait."""
from __future__ import annotations

from typing import Callable

# The first bound: a lost packet should cost less than a second.
FIRST_S = 0.5
# The last: an hour of outage, and everybody is back within half a minute of its end.
LAST_S = 30.0


class Backoff:
    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._failures = 0

    def reset(self) -> None:
        self._failures = 0

    def next(self, at_least_ms: int = 0) -> float:
        """Seconds."""
        bound = min(LAST_S, FIRST_S * 2 ** min(self._failures, 16))
        self._failures += 1
        return at_least_ms / 1000 + self._random() * bound

    def spread(self, within_ms: int) -> float:
        """Seconds, for a server that drains: anywhere within the time that it names."""
        return self._random() * within_ms / 1000
