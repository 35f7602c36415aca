"""M0 as it is usually written: in chunked NumPy with its own samplers, and as agents of Mesa 3."""

from __future__ import annotations

import numpy as np

CHUNK = 16_384


def run_plain(rate, transition, multiplier, mu, sigma, margin_rate, discount, periods, seed=1):
    """(n,) discounted margin: ``default_rng``, ``poisson`` and ``lognormal`` on chunks that stay in the cache."""
    cumulative = np.cumsum(transition, axis=1)[:, :-1]
    multiplier, out = np.asarray(multiplier), np.zeros(len(rate))
    for low in range(0, len(rate), CHUNK):
        own = rate[low : low + CHUNK]
        n, random = len(own), np.random.default_rng([seed, low])
        segment = np.zeros(n, np.intp)
        for t in range(periods):
            segment = (random.random(n)[:, None] >= cumulative[segment]).sum(axis=1)
            orders = random.poisson(own * multiplier[segment])
            who = np.repeat(np.arange(n), orders)
            spend = np.bincount(who, random.lognormal(mu, sigma, len(who)), n)
            out[low : low + CHUNK] += discount**t * margin_rate * spend
    return out


def run_mesa(rate, transition, multiplier, mu, sigma, margin_rate, discount, periods, seed=1):
    """(n,) discounted margin: one Mesa agent a customer, one ``step`` a period."""
    from mesa import Agent, Model

    cumulative = [row.tolist() for row in np.cumsum(transition, axis=1)[:, :-1]]

    class Customer(Agent):
        def __init__(self, model, own):
            super().__init__(model)
            self.rate, self.segment, self.value = own, 0, 0.0

        def step(self):
            random = self.model.random
            u, segment = random.random(), 0
            for bound in cumulative[self.segment]:
                segment += u >= bound
            self.segment = segment
            mean = self.rate * multiplier[segment]
            # Orders by exponential gaps; Python's own generator is the quickest for single numbers.
            left = mean
            while mean > 0 and (left := left - random.expovariate(1.0)) > 0:
                self.value += self.model.factor * random.lognormvariate(mu, sigma)

    class Shop(Model):
        def __init__(self):
            super().__init__(seed=seed)
            self.factor = margin_rate
            for own in rate.tolist():
                Customer(self, own)

        def step(self):
            self.agents.do("step")
            self.factor *= discount

    shop = Shop()
    for _ in range(periods):
        shop.step()
    return np.array([agent.value for agent in shop.agents])
