"""The wallet: our share of it, the competitor's, and what customers who left spend elsewhere."""

from __future__ import annotations

import numpy as np

from engine import scratch as at
from engine._jit import formula, phase, wide_vectors
from engine.customers import Money, Real, Word
from engine.formulas import logistic, micro, short
from engine.ledger import LOST, WALLET
from engine.rules import Rules
from engine.tables import MICRO


@formula
def share_of(log_odds: np.float32) -> np.float32:
    """Logit share against one competitor."""
    return logistic(log_odds)


@phase
def share_wallet(real: Real, period: int, rules: Rules) -> None:
    """LAM x today's share over the share at the start; WALLET = the rate if all orders were ours."""
    wide_vectors()
    advantage = rules.advantage[min(period, rules.advantage.shape[0] - 1)]
    for j in range(at.BLOCK):
        own = real[at.SHARE + j]
        today = own + advantage + rules.share_trust * real[at.TRUST + j]
        real[at.WALLET + j] = real[at.LAM + j] / real[at.OWN + j]
        real[at.LAM + j] = real[at.WALLET + j] * share_of(today)


@phase
def keep_wallet(real: Real) -> None:
    """All orders are ours."""
    for j in range(at.BLOCK):
        real[at.WALLET + j] = real[at.LAM + j]


@phase
def count_wallets(real: Real, word: Word, worth: int, period: int, rules: Rules, lines: Money) -> None:
    """What customers are expected to spend wherever they buy, and what those who left would besides; ``worth``: row of values."""
    wide_vectors()
    wallets, lost = np.int64(0), np.int64(0)
    gone = rules.lost[min(period, rules.lost.shape[0] - 1)]
    for j in range(at.BLOCK):
        rate = real[at.RATE + j] * gone[short(np.uint32(word[at.START + j] + word[at.SEG + j]))]
        wallets += micro(np.float64(real[at.WALLET + j] * real[worth + j]) * MICRO)
        lost += micro(np.float64(rate / real[at.OWN + j] * real[worth + j]) * MICRO)
    lines[WALLET] += wallets
    lines[LOST] += lost
