"""Records of what a run says of its customers: how few carry how much, what loses money, and what a planner saw of them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Concentration:
    """How few customers of the base hold how much within the run: Gini coefficient, share of the largest tenth, and the Lorenz
    curve, ``lorenz[k]`` the share held by the smallest k / (len - 1) of customers.

    Of margins and values, those below 0 count as 0, so that shares stay shares (:class:`Losing` says what is lost).
    """

    gini: float
    top_tenth: float
    lorenz: tuple[float, ...]


@dataclass(frozen=True)
class Losing:
    """What loses money within the horizon.

    ``customers`` whose discounted margin, without shared overheads, is below 0 (``customers_share`` of the base), and
    ``customers_loss`` in all; ``orders`` of customers who bring less than nothing in a period after all costs of their own
    (``orders_share`` of all orders), and ``orders_loss`` (undiscounted); ``segments``: those whose margin is below 0,
    undiscounted; ``share_by_segment``: share of losing customers among those who started in a segment, where there are any.
    """

    customers: int
    customers_loss: float
    orders: int
    orders_loss: float
    segments: dict[str, float]
    customers_share: float | None = None
    orders_share: float | None = None
    share_by_segment: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Return:
    """What one offer, channel or category (``kind``) brought against doing nothing, after all costs: discounted value of the
    customers who got it, on the same luck, less its set-up; ``noise``: standard error of that sum.

    Who got several things counts for each in proportion to contacts; so the returns of offers add up to what
    contacts brought (a bundle counts for each category).
    """

    kind: str
    name: str
    contacts: int
    value: float
    noise: float

    @property
    def loses(self) -> bool:
        """Below 0, beyond the luck of this run."""
        return self.value + 2 * self.noise < 0


@dataclass(frozen=True)
class Upgrades:
    """Customers of the base who start in a low segment and end in a ``high`` one (:mod:`scenarios.upgrades`).

    ``started_low``: how many could rise; ``risen``: how many did; ``extra``: how many more than by doing nothing, on the same
    luck, with its standard error ``noise``; ``cost_each``: promotion cost for each of these, None where they are not beyond luck.
    """

    high: tuple[str, ...]
    started_low: int
    risen: int
    extra: int
    noise: float
    cost_each: float | None


@dataclass(frozen=True)
class Seen:
    """Segments as the planner saw them against the true ones, over all customers and decisions.

    ``correct``: share seen rightly; ``matrix[true][seen]``: customers x decisions.
    """

    correct: float
    matrix: dict[str, dict[str, int]]
