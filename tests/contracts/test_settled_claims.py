"""The reader leaves out the claims of settled periods: the plan is the one that reading everything gives.

Lives of contracts, drawn with a seed: runs, ends moved, lines ended and served again, tacit renewal ticked or not,
drafts taken back, exceptions. After each step the plan with the shortcut is compared with the plan without it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from random import Random
from typing import Any

from django.db import transaction

from contracts.models import Contract
from contracts.planner.billing import examined_from, next_due_on, plan
from contracts.planner.facts import (
    ANNIVERSARY,
    CALENDAR,
    DAY,
    DAYS,
    FULL,
    IN_ADVANCE,
    IN_ARREARS,
    MONTH,
    NONE,
    WEEK,
    YEAR,
    Claimed,
    ContractFacts,
    Frequency,
)
from contracts.planner.intents import Charge, PeriodCharge, Plan
from contracts.services.billing import bill_contracts
from contracts.services.contracts import save_contract
from contracts.services.facts import read_facts
from contracts.services.lines import save_line
from contracts.services.termination import terminate_contract
from invoicing.models import Invoice
from invoicing.services.documents.drafts import cancel_draft, delete_drafts
from tests.contracts import planner_builders as facts_of
from tests.contracts.contract_builders import article, exception, make_contract
from tests.factories import World

FREQUENCIES = [
    Frequency(1, MONTH),
    Frequency(2, MONTH),
    Frequency(3, MONTH),
    Frequency(5, MONTH),
    Frequency(6, MONTH),
    Frequency(1, YEAR),
    Frequency(2, WEEK),
    Frequency(40, DAY),
]


@dataclass
class Life:
    """A contract in memory: its facts, the charges that stand, the due day that is stored."""

    chance: Random
    facts: ContractFacts
    today: date
    stands: list[Charge] = field(default_factory=list)
    due_on: date | None = None

    def claims(self) -> Claimed:
        return facts_of.claims_on(self.stands)

    def as_read(self) -> tuple[ContractFacts, Claimed]:
        """The facts and the claims that the reader gives: those that end after the due day, or after the first day of
        the period that holds it."""
        due = self.due_on
        read = replace(self.facts, lines=tuple(replace(one, settled_before=due) for one in self.facts.lines))
        if due is None:
            return read, self.claims()
        after = min(due, examined_from(read) or due)
        kept = [c for c in self.stands if not isinstance(c, PeriodCharge) or c.period.end > after]
        return read, facts_of.claims_on(kept)

    def plans_agree(self, on: date) -> Plan:
        """The plan, which is the same with the shortcut and without, and so is the due day after it."""
        read, claimed = self.as_read()
        whole = plan([self.facts], self.claims(), on=on, force=True)
        assert plan([read], claimed, on=on, force=True) == whole
        made = [charge for group in whole.groups for charge in group.charges]
        following = next_due_on(self.facts, self.claims().with_charges(made))
        assert next_due_on(read, claimed.with_charges(made)) == following
        return whole

    def run(self) -> None:
        self.today += timedelta(self.chance.randint(0, 45))
        made = self.plans_agree(self.today)
        self.stands += [charge for group in made.groups for charge in group.charges]
        self._rewrite_due()

    def free(self) -> None:
        """A draft is taken back: its claims go, and the due day is brought forward, as the hook `freed` does."""
        if self.stands:
            first = self.chance.randrange(len(self.stands))
            freed = self.stands[first : first + self.chance.randint(1, 3)]
            self.stands = [charge for charge in self.stands if charge not in freed]
            days = [charge.due_on for charge in freed]
            self.due_on = min([*days, self.due_on] if self.due_on else days)

    def move_end(self) -> None:
        self.facts = replace(self.facts, end_on=self._some_day(), auto_renew=False)
        self._rewrite_due()

    def tick_renewal(self) -> None:
        self.facts = replace(self.facts, auto_renew=not self.facts.auto_renew)
        self._rewrite_due()

    def end_line(self) -> None:
        """« Servie jusqu'au » given, moved or emptied."""
        number = self.chance.randrange(len(self.facts.lines))
        end = self.chance.choice([None, self._some_day()])
        lines = list(self.facts.lines)
        lines[number] = replace(lines[number], chain_end=end)
        self.facts = replace(self.facts, lines=tuple(lines))
        self._rewrite_due()

    def _some_day(self) -> date:
        """Around today, never before the start."""
        return max(self.facts.start_on, self.today + timedelta(self.chance.randint(-60, 120)))

    def _rewrite_due(self) -> None:
        self.due_on = next_due_on(self.facts, self.claims())


def a_life(seed: int) -> Life:
    chance = Random(seed)
    start = date(2023, 1, 1) + timedelta(chance.randint(0, 400))
    frequency = chance.choice(FREQUENCIES)
    one = facts_of.line(
        1,
        *(facts_of.article(pk, str(chance.randint(0, 30_000) / 100)) for pk in range(1, chance.randint(2, 3))),
        exceptions=tuple(
            facts_of.exception(pk, facts_of.french(start + timedelta(chance.randint(0, 200))), "1", "5.00")
            for pk in range(1, chance.randint(1, 3))
        ),
    )
    added = facts_of.line(2, facts_of.article(9), chain_start=start + timedelta(chance.randint(0, 90)))
    facts = facts_of.contract(
        facts_of.french(start),
        *[one, added][: chance.randint(1, 2)],
        frequency=frequency,
        timing=chance.choice([IN_ADVANCE, IN_ARREARS]),
        alignment=ANNIVERSARY if frequency.days else chance.choice([CALENDAR, ANNIVERSARY]),
        anchor_day=chance.choice([None, None, 1, 15, 31]),
        proration=chance.choice([DAYS, DAYS, FULL, NONE]),
        end_on=start + timedelta(chance.randint(0, 200)),
        auto_renew=chance.random() < 0.3,
    )
    life = Life(chance, facts, start)
    life.due_on = next_due_on(facts, life.claims())
    return life


STEPS: list[Callable[[Life], None]] = [Life.run, Life.run, Life.free, Life.move_end, Life.tick_renewal, Life.end_line]


def test_two_thousand_lives_are_planned_alike_with_the_shortcut_and_without() -> None:
    for seed in range(2_000):
        life = a_life(seed)
        life.run()
        for _step in range(5):
            life.chance.choice(STEPS)(life)
            life.plans_agree(life.today + timedelta(life.chance.randint(-20, 60)))


def same_plans(contract: Contract, on: date) -> None:
    """The facts read with the shortcut give the plan that all the facts give."""
    found = []
    for settled in (True, False):
        facts = read_facts([contract.pk], lock=False, settled=settled)
        made = plan(facts.contracts, facts.claimed, on=on, force=True)
        charges = [charge for group in made.groups for charge in group.charges]
        due = [next_due_on(one, facts.claimed.with_charges(charges)) for one in facts.contracts]
        found.append((made, due))
    assert found[0] == found[1]


def a_contract(world: World, chance: Random) -> Contract:
    start = date(2025, 1, 1) + timedelta(chance.randint(0, 300))
    frequency = chance.choice(["monthly", "quarterly", "half_yearly", "yearly", "every"])
    terms: dict[str, Any] = {"every": 40, "unit": "day"} if frequency == "every" else {}
    proration = chance.choice(["days", "days", "full", "none"])
    first_end = start + timedelta(chance.randint(40, 200))
    served = start + timedelta(chance.randint(0, min(150, (first_end - start).days)))
    return make_contract(
        world,
        f"{start:%d/%m/%y}",
        *[article("175.00"), article("0.30", position=2)][: chance.randint(1, 2)],
        exceptions=[exception(f"{served:%d/%m/%y}", "5.00", alone=chance.random() < 0.5)],
        frequency=frequency,
        timing=chance.choice(["in_advance", "in_arrears"]),
        alignment="anniversary" if terms else chance.choice(["calendar", "anniversary"]),
        anchor_day=chance.choice([None, 1, 31]),
        proration=proration,
        auto_renew=proration == "none" or chance.random() < 0.2,  # without stubs, a short contract would bill nothing
        end_on=first_end,
        **terms,
    )


class Stored:
    """The life of a contract of the database, through the services."""

    def __init__(self, world: World, chance: Random) -> None:
        self.world, self.chance = world, chance
        self.contract = a_contract(world, chance)
        self.today = self.contract.start_on

    def some_day(self) -> date:
        return max(self.contract.start_on, self.today + timedelta(self.chance.randint(-60, 120)))

    def run(self) -> None:
        self.today += timedelta(self.chance.randint(0, 45))
        run = bill_contracts([self.contract], on=self.today, by=None, force=True)
        assert [outcome.reason for outcome in run.outcomes.filter(result="refused")] == []

    def free(self) -> None:
        drafts = list(Invoice.objects.drafts().filter(origin=self.contract.reference).order_by("pk"))
        if drafts:
            draft = self.chance.choice(drafts)
            if self.chance.random() < 0.5:
                delete_drafts([draft], by=self.world.biller)
            else:
                cancel_draft(draft, by=self.world.biller)

    def save(self) -> None:
        """The end is moved, or tacit renewal ticked."""
        if self.chance.random() < 0.3:
            values: dict[str, Any] = {"auto_renew": not self.contract.auto_renew}
        else:
            values = {"end_on": self.some_day(), "auto_renew": False}
        save_contract(self.contract.pk, values, on=self.today, by=self.world.manager)

    def end_line(self) -> None:
        line = self.contract.lines.get()
        save_line(
            line.pk, {"ends_on": self.chance.choice([None, self.some_day()])}, on=self.today, by=self.world.manager
        )

    def terminate(self) -> None:
        last_day = self.some_day() if self.contract.auto_renew else min(self.some_day(), self.contract.end_on)
        terminate_contract(self.contract, last_day=last_day, reason="", on=self.today, by=self.world.manager)
        self.compare()

    def compare(self) -> None:
        self.contract.refresh_from_db()
        same_plans(self.contract, self.today + timedelta(self.chance.randint(-20, 60)))

    def step(self) -> None:
        self.chance.choice([self.run, self.run, self.run, self.free, self.save, self.save, self.end_line])()
        self.compare()


def test_sixty_lives_in_the_database_are_planned_alike_with_the_shortcut_and_without(world: World) -> None:
    for seed in range(60):
        with transaction.atomic():
            life = Stored(world, Random(seed))
            life.run()
            for _step in range(6):
                life.step()
            if seed % 3 == 0:
                life.terminate()
                life.run()
                life.compare()
            transaction.set_rollback(True)
