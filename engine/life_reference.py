"""The slow twin of the dynamics: what one customer's period has beyond :func:`engine.period_reference.live_one`.

Straight from :class:`engine.dynamics.Dynamics`; an instance lives for one customer and one period.
"""

from __future__ import annotations

import numpy as np

from engine.attrition_phases import last_order, span
from engine.dynamics import Dynamics
from engine.formulas import gate, logistic, micro, orders, power2
from engine.life import Life
from engine.rng import unit
from engine.rules import exponents, tilt_limit
from engine.world import Arm, World

F = np.float32


class Twin:
    """Customer i in period t.  ``luck``: words of LIFE; ``leaving``: the period's word of LEAVING; ``offer``: words of OFFER."""

    def __init__(
        self,
        world: World,
        life: Life,
        i: int,
        t: int,
        luck: list[np.uint32],
        leaving: np.uint32,
        offer: list[np.uint32],
    ) -> None:
        assert world.dynamics is not None
        self.world, self.life, self.i, self.t = world, life, i, t
        self.luck, self.leaving, self.offer = luck, leaving, offer
        self.dynamics: Dynamics = world.dynamics
        self.tilt_contact = F(0)
        self.leaves = False

    # 1. contact

    def may_contact(self, arm: Arm) -> bool:
        """Consent."""
        return arm.more.channel < 0 or bool(int(self.life.consent[self.i]) >> arm.more.channel & 1)

    def hears(self, arm: Arm) -> bool:
        """Whether the contact arrives."""
        away = self.life.gone[self.i] and not arm.more.win_back
        reach = self.dynamics.channels[arm.more.channel].reach if arm.more.channel >= 0 else 1.0
        return not away and bool(unit(self.luck[2]) < F(reach))

    def exposure(self, g: int) -> np.float32:
        """Stock g now."""
        stock = self.dynamics.stocks[g]
        passed = min(self.t - int(self.life.touched[self.i, g]), self.world.horizon)
        return F(self.life.stock[self.i, g] * F(stock.decay ** max(passed - 1, 0)))

    def shift(self, arm: Arm) -> np.float32:
        """Change of the response's logit; the contact's traces."""
        life, i, d, m = self.life, self.i, self.dynamics, arm.more
        shift = F(d.trust_response) * life.trust[i]
        channel = d.channels[m.channel] if m.channel >= 0 else None
        leaves = F(channel.opt_out if channel else 0)
        for g in m.stocks:
            if g >= 0:
                now = self.exposure(g)
                shift = shift - F(d.stocks[g].weight) * now
                if channel and g == channel.stock:
                    leaves = leaves + F(channel.opt_out_per_contact) * now
                life.stock[i, g], life.touched[i, g] = F(d.stocks[g].decay) * now + F(1), self.t
        if channel and unit(self.luck[3]) < leaves:
            life.consent[i] &= ~np.uint32(1 << m.channel)
        if d.values:
            appeal = m.appeal or (0.0,) * len(d.values)
            fit = -F(np.array(appeal) @ d.value_means)
            for pull, weight in zip(appeal, life.values[i], strict=True):
                fit = fit + F(pull) * weight
            shift = shift + fit
        if d.habituation and d.habituation.weight and arm.depth:
            shift = shift + self.felt(arm, F(d.habituation.weight) * life.memory[i])
        return F(shift)

    def felt(self, arm: Arm, lost: np.float32) -> np.float32:
        """Logit at the felt depth less the logit at the full one."""
        depth, n = F(arm.depth), 65
        given = np.array(arm.more.curve or (0.0, 0.0))
        points = np.interp(np.linspace(0, 1, n), np.linspace(0, 1, len(given)), given) - given[-1]
        x = (F(1) - min(lost, depth) / depth) * F(n - 1)
        k = min(int(x), n - 2)
        return F(F(points[k]) + (x - F(k)) * (F(points[k + 1]) - F(points[k])))

    def respond(self, arm: Arm) -> None:
        """What a response starts."""
        life, i, m = self.life, self.i, arm.more
        life.trust[i] += F(m.trust)
        if m.tier_step > 0 and unit(self.offer[2]) < F(m.tier_probability):
            life.tier[i] = min(int(life.tier[i]) + m.tier_step, max(len(self.dynamics.tiers), 1) - 1)

    def refuse(self, arm: Arm) -> None:
        """A contact that arrived and got no response."""
        self.tilt_contact = F(arm.more.tilt_contact)

    # 2. move

    def hold(self, owned: int, active: Arm | None) -> np.float32:
        """Factor on attrition."""
        factor = F(self.dynamics.breadth ** max(owned.bit_count() - 1, 0))
        return F(factor * (F(1) - F(active.attrition_reduction))) if active else factor

    def tilted(self, natural: int, segment: int, fatigue: np.float32, active: Arm | None, word: np.uint32) -> int:
        """Move from a tilted row."""
        tilt, life, i = self.dynamics.tilt, self.life, self.i
        row = self.world.segments.transition[segment]
        if tilt is None:
            return natural
        direction, exponent = tilt.direction.astype(np.float32), exponents(tilt.direction)
        z = self.tilt_contact + F(tilt.trust) * life.trust[i] - F(tilt.fatigue) * fatigue
        z = z + F(tilt.momentum) * (direction[segment] - direction[life.before[i]])
        if active:
            z = z + F(active.more.tilt_response)
        if z == 0 or row[segment] == 1:
            return natural
        limit = tilt_limit(tilt.direction)
        z = min(max(z, -limit), limit)
        weights = [F(p) * power2(z * e) if p > 0 else F(0) for p, e in zip(row, exponent, strict=True)]
        total = F(0)
        for w in weights:
            total = total + w
        target, reached = unit(word) * total, F(0)
        last = max(k for k in range(len(row)) if row[k] > 0)
        for k in range(last):
            reached = reached + weights[k]
            if weights[k] > 0 and target < reached:
                return k
        return last

    def come_back(self, now: int) -> None:
        """Whoever is elsewhere is not gone any more."""
        if self.dynamics.attrition and now != self.dynamics.attrition.into:
            self.life.gone[self.i] = 0

    # 3. orders

    def rate(self, rate: np.float32, hold: np.float32, lapsed: bool) -> np.float32:
        """Order rate without an offer in force."""
        d, life, i = self.dynamics, self.life, self.i
        self.wallet = F(np.inf)
        if d.competition:
            self.own = self.log_odds()
            self.wallet = rate / logistic(life.share[i])
            rate = self.wallet * logistic(self.own)
        self.span = F(1)
        if d.attrition and d.attrition.model == "pareto_nbd" and not lapsed:
            self.span = span(unit(self.leaving), life.dropout[i] * hold)
            rate = rate * self.span
            self.wallet = self.wallet * self.span
        if d.pantry:
            used = min(rate, F(d.pantry.use) * life.pantry[i])
            rate = rate - used
            life.pantry[i] -= used
        return F(rate)

    def wallets(self, rate: np.float32, gone: np.float32, own: np.float32, extra: np.float32) -> tuple[int, int]:
        """What the customer is expected to spend wherever he buys, and what he would besides had he not left; micro-units."""
        share = logistic(self.life.share[self.i]) if self.dynamics.competition else F(1)
        value = self.order_value(own, extra)
        for r in range(len(self.dynamics.rivals)):
            value = value + self.life.spent[self.i, r] * (F(1) / logistic(self.life.category_share[self.i, r]) - F(1))
        return int(micro(float(rate / share * value) * 10**6)), int(micro(float(gone / share * value) * 10**6))

    def log_odds(self) -> np.float32:
        """Of the own share today."""
        c = self.dynamics.competition
        assert c is not None
        pull = F(c.pull[min(self.t, len(c.pull) - 1)])
        return F(self.life.share[self.i] + pull + F(c.trust) * self.life.trust[self.i])

    def lifted(self, rate: np.float32, arm: Arm) -> np.float32:
        """Order rate with an offer."""
        raised = rate * F(1 + arm.order_lift)
        if self.dynamics.competition:
            shift = arm.more.share_shift if arm.more.share_rival < 0 else 0.0
            ratio = logistic(self.own + F(shift)) / logistic(self.own)
            raised = min(raised * ratio, self.wallet)
        return F(raised)

    def counts(self, u: np.float32, rate: np.float32, active: Arm | None) -> tuple[int, int]:
        """Orders with the offer and without, before anybody drops out."""
        k = without = int(orders(u, rate))
        if active:
            raised = self.lifted(rate, active)
            k = int(orders(u, raised))
            k = max(k, without) if raised >= rate else min(k, without)
        return k, without

    def drop_out(self, k: int, without: int, hold: np.float32, lapsed: bool) -> tuple[int, int]:
        """Orders that still come; whether the customer leaves at the period's end."""
        a, life, i = self.dynamics.attrition, self.life, self.i
        if a is None or lapsed:
            return k, without
        p = life.dropout[i] * hold
        if a.model == "bg_nbd":
            last = last_order(unit(self.leaving), p, min(k, without)) if p > 0 else 0
            self.leaves = last > 0
            return (last, min(without, last)) if last else (k, without)
        if a.model == "pareto_nbd":
            self.leaves = bool(self.span < 1)
        else:
            renews = (self.t + 1 + int(life.renewal[i])) % a.renews_every == 0
            self.leaves = renews and bool(unit(self.leaving) < p)
        return k, without

    def order_value(self, own: np.float32, extra: np.float32) -> np.float32:
        """Mean value of an order."""
        d, life, i = self.dynamics, self.life, self.i
        multiple = F(d.tiers[life.tier[i]]) if len(d.tiers) else F(1)
        return F(own * multiple * life.grown[i] + extra)

    # 4. what an order is worth where categories have competitors

    def take_up(self, owned: np.uint32, new: np.uint32, arm: Arm, headroom: np.ndarray) -> None:
        """What was cross-sold for good is spent with us."""
        gates = self.world.complementarity.astype(np.float32)
        for r, rival in enumerate(self.dynamics.rivals):
            if int(new) >> rival.category & 1:
                part = gate(owned, rival.category, gates) * headroom[rival.category]
                self.life.spent[self.i, r] = part * F(1 - arm.more.cannibalises)

    def ratio(self, r: int, active: Arm | None) -> np.float32:
        """Today's share of a category over the share at the start."""
        rival, began = self.dynamics.rivals[r], self.life.category_share[self.i, r]
        shift = F(active.more.share_shift) if active and active.more.share_rival == r else F(0)
        pull = F(rival.pull[min(self.t, len(rival.pull) - 1)])
        return F(logistic(began + pull + F(rival.trust) * self.life.trust[self.i] + shift) / logistic(began))

    def at_todays_share(self, headroom: np.ndarray, active: Arm) -> np.ndarray:
        """(C,) headroom."""
        out = headroom.copy()
        for r, rival in enumerate(self.dynamics.rivals):
            out[rival.category] = out[rival.category] * self.ratio(r, active)
        return out

    def swung(self, value: np.float32, active: Arm | None) -> np.float32:
        """The value of an order at today's shares."""
        if not self.dynamics.rivals:
            return value
        swing = F(0)
        for r in range(len(self.dynamics.rivals)):
            swing = swing + self.life.spent[self.i, r] * (self.ratio(r, active) - F(1))
        return max(value + swing, F(0))

    # 7. what the period leaves

    def close(self, k: int, without: int, active: Arm | None, before: int, now: int) -> int:
        """The segment at the period's end."""
        d, life, i = self.dynamics, self.life, self.i
        if d.pantry and active and k > without:
            life.pantry[i] += F(d.pantry.share) * F(k - without)
        if d.habituation and d.habituation.weight:
            kept = F(d.habituation.memory)
            life.memory[i] = kept * life.memory[i]
            if active:
                life.memory[i] += (F(1) - kept) * F(active.depth)
        if d.growth and k:
            grown = life.grown[i] * F((1 + d.growth.per_order) ** min(k, 63))
            life.grown[i] = min(grown, F(d.growth.limit))
        life.before[i] = before
        if d.trust_decay < 1:
            life.trust[i] = F(d.trust_decay) * life.trust[i]
        if self.leaves:
            assert d.attrition is not None
            life.gone[i] = 1 + now
            return d.attrition.into
        return now
