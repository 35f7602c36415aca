"""The scratch of one block of customers: one flat array per type, rows of BLOCK.

Rows start at constants and blocks have constant length, so that the compiler sees that no two rows overlap and turns
the loops into vector code.  A block's scratch stays in the nearest caches for all periods of a call.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 1024
LANES = 16  # the longest vector
LINE = 64  # bytes

# float32 rows, one number per customer
RATE = 0 * BLOCK
VALUE = 1 * BLOCK  # mean order value: the trait plus what cross-selling added
PRICE = 2 * BLOCK  # VALUE plus, in a trial, the category's part
PART = 3 * BLOCK  # the category's part alone
EXTRA = 4 * BLOCK
RESPONSIVENESS = 5 * BLOCK
FATIGUE = 6 * BLOCK
LAM = 7 * BLOCK  # order rate of the period without offers
FREQUENCY = 8 * BLOCK
SPEND = 9 * BLOCK
NOISE_SUM = 10 * BLOCK  # per buyer
TAIL_SUM = 11 * BLOCK  # the same of those with more orders to add
X0 = 12 * BLOCK  # to X4: whatever a phase works with
X1 = 13 * BLOCK
X2 = 14 * BLOCK
X3 = 15 * BLOCK
X4 = 16 * BLOCK
# rows of worlds with dynamics (engine.life)
SHIFT = 17 * BLOCK  # added to the logit of a response
SPAN = 18 * BLOCK  # share of the period until the customer leaves
HOLD = 19 * BLOCK  # factor on attrition
DROPOUT = 20 * BLOCK
SHARE = 21 * BLOCK  # log odds of the own share of wallet at the start
OWN = 22 * BLOCK  # the share itself
WALLET = 23 * BLOCK  # order rate if the whole wallet were ours
PANTRY = 24 * BLOCK
MEMORY = 25 * BLOCK
GROWN = 26 * BLOCK
TRUST = 27 * BLOCK
TILT = 28 * BLOCK
REAL_ROWS = 29 * BLOCK

# uint32 rows
SEG = 0 * BLOCK
START = 1 * BLOCK  # start segment x S
KEY_LOW = 2 * BLOCK
KEY_HIGH = 3 * BLOCK
W0 = 4 * BLOCK  # four random words: of OFFER until responses are known, then of PERIOD
W1 = 5 * BLOCK
W2 = 6 * BLOCK
W3 = 7 * BLOCK
MARK = 8 * BLOCK  # 1 = to be listed
K = 9 * BLOCK  # orders
BUYER = 10 * BLOCK  # places of those who order
RECENCY = 11 * BLOCK
TENURE = 12 * BLOCK
K0 = 13 * BLOCK  # orders without the offer, of customers with an active offer
OLD = 14 * BLOCK  # segment before the move
JUMP = 15 * BLOCK  # 1 + segment into which a response moves, 0 = none
OWNED = 16 * BLOCK
ARM = 17 * BLOCK
LEFT = 18 * BLOCK
CONTACTED = 19 * BLOCK  # places of those contacted
ACTIVE = 20 * BLOCK  # places of those with an active offer
N2 = 21 * BLOCK  # to NK: words or counts of the places of a list
N3 = 22 * BLOCK
NK = 23 * BLOCK
TAIL = 24 * BLOCK  # buyers with more than two orders
# rows of worlds with dynamics (engine.life); all 0 elsewhere
DEAF = 25 * BLOCK  # not 0: today's contact gets no response
SAID = 26 * BLOCK  # 1 = responded to today's contact
GONE = 27 * BLOCK
TIER = 28 * BLOCK
BEFORE = 29 * BLOCK
LEAVER = 30 * BLOCK  # places of those who leave at the end of the period
RENEWAL = 31 * BLOCK  # place in the contract
MARKED = 32 * BLOCK  # places of those with a MARK
LEAVE_WORDS = 33 * BLOCK  # to 36: of the periods that share a draw
WORD_ROWS = 37 * BLOCK

# int64 rows, micro-units
CASH = 0 * BLOCK  # margin of the period; all 0 between periods
INCOME = 1 * BLOCK  # revenue net of discount of those who order
MONEY_ROWS = 2 * BLOCK


def make_scratch(tilts: int) -> tuple[NDArray[np.float32], NDArray[np.uint32], NDArray[np.int64], NDArray[np.float32]]:
    """The rows of each type, all 0, and as many rows apart from them for the sums behind tilted moves."""
    return (
        _rows(REAL_ROWS, np.float32),
        _rows(WORD_ROWS, np.uint32),
        _rows(MONEY_ROWS, np.int64),
        _rows(tilts * BLOCK, np.float32),
    )


def _rows(count: int, dtype: type) -> NDArray[Any]:
    """Zeros that begin at a cache line, so that no vector lies in two."""
    size = count * np.dtype(dtype).itemsize
    raw = np.zeros(size + LINE, np.uint8)
    start = -raw.ctypes.data % LINE
    return raw[start : start + size].view(dtype)
