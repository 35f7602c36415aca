"""What a model of the future remembers of contacts: those that the contact policy, or fatigue, still looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine import Fatigue

Floats = NDArray[np.float64]
MOST = 80
"""Memories; older contacts are forgotten where there would be more."""
FOR_FATIGUE = 2
"""Decisions that are remembered for fatigue alone."""


@dataclass(frozen=True)
class Memories:
    """M sets of earlier decisions at which there was a contact.

    Attributes:
        masks: (M,) int64, bit j = a contact j + 1 decisions ago.
        epochs: all decisions of the run.
        seen: (E,) int64, the bits that count at each decision.
        most: contacts that the policy allows among them; None without a policy.
        decay, decisions: see :class:`engine.Fatigue`.
    """

    masks: NDArray[np.int64]
    epochs: tuple[int, ...]
    seen: NDArray[np.int64]
    most: int | None
    decay: float

    @classmethod
    def of(cls, epochs: tuple[int, ...], most: int | None, window: int | None, fatigue: Fatigue) -> Memories:
        """For a policy of at most ``most`` contacts within ``window`` periods, or none."""
        policy = most is not None and window is not None
        reach = window - 1 if policy and window is not None else max(epochs[-1], 1) if fatigue.weight > 0 else 0
        depth = [sum(1 for e in epochs[:i] if epochs[i] - e <= reach) for i in range(len(epochs))]
        bits = max(depth) if policy else min(max(depth), FOR_FATIGUE)
        limit = most if policy and most is not None else bits
        while True:
            masks = [m for m in range(1 << bits) if m.bit_count() <= limit] if bits <= 16 else []
            if masks and len(masks) <= MOST:
                break
            bits -= 1
        seen = [(1 << min(d, bits)) - 1 for d in depth]
        return cls(np.array(masks), epochs, np.array(seen), most if policy else None, fatigue.decay)

    @property
    def count(self) -> int:
        """M."""
        return len(self.masks)

    def _age(self, epoch: int) -> list[int]:
        """Periods since each remembered decision, the last first."""
        index = self.epochs.index(epoch)
        return [epoch - self.epochs[index - 1 - j] for j in range(int(self.seen[index]).bit_count())]

    def fatigue(self, epoch: int) -> Floats:
        """(M,) stock that the remembered contacts have left at this decision."""
        stock = np.zeros(self.count)
        for j, age in enumerate(self._age(epoch)):
            stock += (self.masks >> j & 1) * self.decay ** (age - 1)
        return stock

    def of_contacts(self, contacts: NDArray[np.uint64], epoch: int) -> NDArray[np.int64]:
        """(n,) memory of each customer; ``contacts``: bit k = k periods before the last one run, k + 1 before this epoch."""
        mask = np.zeros(len(contacts), np.int64)
        for j, age in enumerate(self._age(epoch)):
            if age <= 64:
                mask |= (contacts >> np.uint64(age - 1) & np.uint64(1)).astype(np.int64) << j
        place = np.searchsorted(self.masks, mask)
        known = self.masks[np.minimum(place, self.count - 1)] == mask
        return np.where(known, place, self.count - 1)

    def follow(self, epochs: Sequence[int]) -> NDArray[np.int64]:
        """(T, 2, M) memory at the next of these decisions after no arm and after an arm; -1 where the policy forbids it."""
        out = np.zeros((len(epochs), 2, self.count), np.int64)
        for t, epoch in enumerate(epochs):
            index = self.epochs.index(epoch)
            here = self.masks & self.seen[index]
            after = self.seen[index + 1] if index + 1 < len(self.epochs) else 0
            count = np.bitwise_count(here)
            for arm in (0, 1):
                out[t, arm] = np.searchsorted(self.masks, (here << 1 | arm) & after)
            if self.most is not None:
                out[t, 1][count >= self.most] = -1
        return np.minimum(out, self.count - 1)
