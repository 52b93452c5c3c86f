"""Pages of what work is made of: tasks and templates."""

from decimal import Decimal

import pytest

from interventions.models import InterventionTemplate, TemplateLine
from invoicing.models import HistoryLine
from openfire_billing.office.roles import MANAGER, PLANNER
from tests.factories import ProductFactory, TemplateFactory, World
from tests.factories.pages import address, refusal, texts_of, typed

pytestmark = pytest.mark.django_db


@pytest.fixture
def template(world: World) -> InterventionTemplate:
    """Two metres of a seal at 12,45."""
    product = ProductFactory(code="joint", name="Joint", unit_price=Decimal("12.45"))
    template = TemplateFactory(task=world.task)
    TemplateLine.objects.create(
        template=template, product=product, label="Joint", quantity=2, unit_price=product.unit_price, tax=product.tax
    )
    return template


def test_who_only_reads_a_template_sees_what_its_lines_come_to(world: World, template: InterventionTemplate) -> None:
    page = world.office(PLANNER).get(address(template))
    assert "24,90" in texts_of(page, "of-num")


def test_lines_of_a_template_leave_a_trace_and_a_stale_form_is_refused(
    world: World, template: InterventionTemplate
) -> None:
    office = world.office(MANAGER)
    seen = office.open(template)
    office.save(template, lines__0__quantity="3")

    line = HistoryLine.objects.of(template).get()
    assert (str(line.text), line.by) == ("Lignes modifiées", office.user)
    assert "Modifié entre-temps par" in refusal(office.send(template, typed(seen, lines__0__quantity="4")))
    assert template.lines.get().quantity == 3


def test_duration_of_a_task_stays_on_one_line(world: World) -> None:
    page = world.office(PLANNER).get(address(type(world.task), "changelist"))
    assert "1 h 30" in texts_of(page, "of-nowrap")
