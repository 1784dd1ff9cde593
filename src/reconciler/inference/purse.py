"""What probes may still spend. An amount is set aside before a question leaves, so that no two spend the same money."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from reconciler.inference.cost import Cost


class Purse:
    """The budgets of one run: of each probe, and of all together in each currency. None is no bound."""

    def __init__(self, whole: Decimal | None = None) -> None:
        self._whole = whole
        self._by_probe: defaultdict[str, Decimal] = defaultdict(Decimal)
        self._by_currency: defaultdict[str, Decimal] = defaultdict(Decimal)

    @property
    def bounded(self) -> bool:
        """Whether the run as a whole has a budget."""
        return self._whole is not None

    def take(self, probe: str, budget: Decimal | None, cost: Cost) -> bool:
        """Set an amount aside; False, and nothing is, where it would exceed the probe's budget or the run's."""
        spent, of_all = self._by_probe[probe], self._by_currency[cost.currency]
        if budget is not None and spent + cost.amount > budget:
            return False
        if self._whole is not None and of_all + cost.amount > self._whole:
            return False
        self._move(probe, cost.currency, cost.amount)
        return True

    def settle(self, probe: str, set_aside: Cost, spent: Cost | None) -> None:
        """Put the real amount in place of what was set aside; None is nothing."""
        self._move(probe, set_aside.currency, (Decimal(0) if spent is None else spent.amount) - set_aside.amount)

    def _move(self, probe: str, currency: str, amount: Decimal) -> None:
        self._by_probe[probe] += amount
        self._by_currency[currency] += amount
