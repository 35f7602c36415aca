"""The scratch of one block of customers: one flat array per type, rows of BLOCK.

Rows start at constants and blocks have constant length, so that the compiler sees that no two rows overlap and turns
the loops into vector code.  A block's scratch stays in the nearest caches for all periods of a call.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

BLOCK = 2048
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
SPAN = 17 * BLOCK  # share of the period until the customer leaves
HOLD = 18 * BLOCK  # factor on attrition
DROPOUT = 19 * BLOCK
SHARE = 20 * BLOCK  # log odds of the own share of wallet at the start
OWN = 21 * BLOCK  # the share itself
WALLET = 22 * BLOCK  # order rate if the whole wallet were ours
PANTRY = 23 * BLOCK
MEMORY = 24 * BLOCK
GROWN = 25 * BLOCK
TRUST = 26 * BLOCK
TILT = 27 * BLOCK
SWING = 28 * BLOCK  # what an order is worth more than at the start's shares of categories
WORTH = 29 * BLOCK  # VALUE if all that is spent on competing categories were ours
REAL_ROWS = 30 * BLOCK

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
ACTIVE = 19 * BLOCK  # places of those with an active offer
N2 = 20 * BLOCK  # to NK: words or counts of the places of a list
N3 = 21 * BLOCK
NK = 22 * BLOCK
TAIL = 23 * BLOCK  # buyers with more than two orders
# rows of worlds with dynamics (engine.life); all 0 elsewhere
GONE = 24 * BLOCK
TIER = 25 * BLOCK
BEFORE = 26 * BLOCK
LEAVER = 27 * BLOCK  # places of those who leave at the end of the period
RENEWAL = 28 * BLOCK  # place in the contract
MARKED = 29 * BLOCK  # places of those with a MARK
LEAVE_WORDS = 30 * BLOCK  # four rows: of the periods that share a draw
WORD_ROWS = 34 * BLOCK

# rows by place in the list of those contacted, in arrays of their own

# float32
SHIFT = 0 * BLOCK  # added to the logit of a response; 0 without dynamics
FIT = 1 * BLOCK
SCORE = 2 * BLOCK  # logit of the response, then the tilt of those who keep silent
FEW_ROWS = 3 * BLOCK

# uint32
WHO = 0 * BLOCK  # place in the block
OFFERED = 1 * BLOCK  # arm
L0 = 2 * BLOCK  # four random words
L1 = 3 * BLOCK
L2 = 4 * BLOCK
L3 = 5 * BLOCK
DEAF = 6 * BLOCK  # not 0: the contact gets no response; 0 without dynamics
SAID = 7 * BLOCK  # 1 = responded
RESPONDER = 8 * BLOCK  # places in the list of those who did
THOSE_ROWS = 9 * BLOCK

# int64 rows, micro-units
CASH = 0 * BLOCK  # margin of the period; all 0 between periods
INCOME = 1 * BLOCK  # revenue net of discount of those who order
MONEY_ROWS = 2 * BLOCK


# float32 rows of each category with a competitor, in an array of their own (engine.category_phases)
ODDS = 0 * BLOCK  # log odds of the own share at the start
BEGAN = 1 * BLOCK  # that share
SPENT = 2 * BLOCK  # of an order, on the category, at that share
RATIO = 3 * BLOCK  # today's share over it
SHELF_ROWS = 4 * BLOCK


class Scratch(NamedTuple):
    """``real``, ``word``, ``money``: rows by customer; ``few``, ``those``: by place in the list of those contacted;
    ``reached``: the sums behind tilted moves; ``shelf``: SHELF_ROWS a category with a competitor, then one number a category.
    """

    real: NDArray[np.float32]
    word: NDArray[np.uint32]
    money: NDArray[np.int64]
    few: NDArray[np.float32]
    those: NDArray[np.uint32]
    reached: NDArray[np.float32]
    shelf: NDArray[np.float32]


def make_scratch(tilts: int, rivals: int = 0, categories: int = 0) -> Scratch:
    """All rows 0; ``tilts``: rows of ``reached``."""
    return Scratch(
        _rows(REAL_ROWS, np.float32),
        _rows(WORD_ROWS, np.uint32),
        _rows(MONEY_ROWS, np.int64),
        _rows(FEW_ROWS, np.float32),
        _rows(THOSE_ROWS, np.uint32),
        _rows(tilts * BLOCK, np.float32),
        _rows(rivals * SHELF_ROWS + (categories if rivals else 0), np.float32),
    )


def _rows(count: int, dtype: type) -> NDArray[Any]:
    """Zeros that begin at a cache line, so that no vector lies in two."""
    size = count * np.dtype(dtype).itemsize
    raw = np.zeros(size + LINE, np.uint8)
    start = -raw.ctypes.data % LINE
    return raw[start : start + size].view(dtype)
