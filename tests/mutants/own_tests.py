"""The modules in scope, and the test files of each: those where a fault of the module must be noticed."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

SCOPE = (
    "*/services/**/*.py",
    "contracts/planner/*.py",
    "*/querysets.py",
    "*/models/**/*.py",  # their QuerySet classes alone
    "openfire_billing/kernel/money.py",
    "appointments/availability.py",
    "appointments/ranking.py",
    "appointments/announced.py",
    "appointments/reminding.py",
    "appointments/travel.py",
    "appointments/tour_order.py",
    "appointments/spreading.py",
    "interventions/sectors.py",
)

_LINES = [
    "invoicing/test_drafts",
    "invoicing/test_quotes",
    "invoicing/test_taxes",
    "invoicing/test_quote_and_draft_acts",
    "invoicing/test_deductions",
]
_PLANNER = [
    f"contracts/test_planner_{name}"
    for name in ("amounts", "billing", "charges", "grids", "grouping", "lines", "visits")
]
_BILLING = ["contracts/test_acts", "contracts/test_billing_services", "contracts/test_life"]

# Module → its test files. Of the keys that begin a path, the longest counts.
OWN: dict[str, list[str]] = {
    "openfire_billing/kernel/money.py": ["kernel/test_money"],
    # invoicing
    "invoicing/querysets.py": [
        "invoicing/test_payments",
        "invoicing/test_credit",
        "invoicing/test_quotes",
        "invoicing/test_settlement_acts",
        "invoicing/test_record_neighbours",
        "invoicing/test_credited",
    ],
    "invoicing/models/access.py": ["office/test_sessions"],
    "invoicing/models/documents/purchases.py": ["invoicing/test_purchases", "invoicing/test_purchase_acts"],
    "invoicing/models/parties/companies.py": ["invoicing/test_records"],
    "invoicing/models/records/follow_ups.py": ["invoicing/test_daily_work", "invoicing/test_record_neighbours"],
    "invoicing/models/records/history.py": ["invoicing/test_records", "invoicing/test_record_neighbours"],
    "invoicing/models/records/messages.py": ["invoicing/test_outbox", "invoicing/test_record_neighbours"],
    "invoicing/models/settlement.py": [
        "invoicing/test_refunds",
        "invoicing/test_payments",
        "invoicing/test_settlement_acts",
    ],
    "invoicing/services/access/guesses.py": [
        "office/test_guesses",
        "office/test_new_password_demands",
        "office/test_appointment_page",
        "api/test_keys",
    ],
    "invoicing/services/access/passwords.py": ["office/test_accounts"],
    "invoicing/services/parties/places.py": ["invoicing/test_places"],
    "invoicing/services/parties/programs.py": ["api/test_keys"],
    "invoicing/services/parties/webhooks.py": ["api/test_webhooks"],
    "invoicing/services/access/second_factor.py": ["office/test_second_factor", "api/test_second_factor"],
    "invoicing/services/access/sessions.py": ["office/test_sessions"],
    "invoicing/services/accounts.py": [
        "invoicing/test_posting",
        "invoicing/test_payments",
        "invoicing/test_settlement_acts",
    ],
    "invoicing/services/catalogue.py": ["invoicing/test_taxes", "invoicing/test_quotes"],
    "invoicing/services/locks.py": [
        "invoicing/test_drafts",
        "invoicing/test_credit",
        "invoicing/test_purchases",
        "invoicing/test_duplicates",
        "invoicing/test_settlement_acts",
        "invoicing/test_purchase_acts",
        "locks/test_order",
    ],
    "invoicing/services/documents/batches.py": ["interventions/test_billing", "appointments/test_billing"],
    "invoicing/services/documents/deductions.py": ["invoicing/test_deductions", "interventions/test_deductions"],
    "invoicing/services/documents/suppliers.py": ["office/test_form_page"],
    "invoicing/services/documents/prices.py": ["invoicing/test_deductions"],
    "appointments/services/deductions.py": ["appointments/test_deductions"],
    "appointments/services/tours.py": ["appointments/test_tours"],
    "appointments/services/tour_orders.py": ["appointments/test_tour"],
    "appointments/tour_order.py": ["appointments/test_tour_order"],
    "appointments/spreading.py": ["appointments/test_spreading"],
    "appointments/services/month_visits.py": ["appointments/test_month_visits"],
    "appointments/services/roads.py": ["appointments/test_roads"],
    "appointments/services/slots.py": ["appointments/test_slots", "appointments/test_fill"],
    "appointments/services/places.py": ["appointments/test_slots", "appointments/test_fill"],
    "appointments/services/stops.py": ["appointments/test_slots", "appointments/test_fill"],
    "appointments/travel.py": ["appointments/test_travel"],
    "appointments/ranking.py": ["appointments/test_ranking"],
    "invoicing/services/documents/drafts.py": [
        "invoicing/test_drafts",
        "invoicing/test_taxes",
        "invoicing/test_quote_and_draft_acts",
        "invoicing/test_deductions",
    ],
    "invoicing/services/documents/intents.py": [
        "invoicing/test_drafts",
        "invoicing/test_quote_and_draft_acts",
        "invoicing/test_deductions",
        "interventions/test_billing",
    ],
    "invoicing/services/documents/jobs.py": ["invoicing/test_papers", "invoicing/test_record_neighbours"],
    "invoicing/services/documents/lines.py": _LINES,
    "invoicing/services/documents/life.py": ["office/test_invoice_card"],
    "invoicing/services/documents/mailing.py": ["invoicing/test_mailing", "invoicing/test_mailing_many"],
    "invoicing/services/documents/receipts.py": ["invoicing/test_receipts"],
    "invoicing/services/documents/prints.py": ["invoicing/test_prints"],
    "invoicing/services/documents/purchases.py": [
        "invoicing/test_purchases",
        "invoicing/test_purchase_acts",
        "invoicing/test_receipts",
    ],
    "invoicing/services/documents/quotes.py": [
        "invoicing/test_quotes",
        "invoicing/test_quote_and_draft_acts",
        "invoicing/test_deductions",
    ],
    "invoicing/services/documents/snapshots.py": ["invoicing/test_papers", "invoicing/test_posting"],
    "invoicing/services/documents/writing.py": [
        "invoicing/test_drafts",
        "invoicing/test_taxes",
        "invoicing/test_quote_and_draft_acts",
        "stories/test_currency",
        "invoicing/test_deductions",
    ],
    "invoicing/services/parties/companies.py": ["invoicing/test_papers"],
    "invoicing/services/parties/customers.py": ["office/test_creation"],
    "invoicing/services/parties/duplicates.py": ["invoicing/test_duplicates", "office/test_creation"],
    "invoicing/services/parties/logos.py": ["invoicing/test_papers"],
    "invoicing/services/posting/credit.py": [
        "invoicing/test_credit",
        "invoicing/test_posting_acts",
        "contracts/test_billing_services",
        "invoicing/test_deductions",
    ],
    "invoicing/services/posting/checks.py": [
        "invoicing/test_posting",
        "invoicing/test_posting_acts",
        "invoicing/test_refused_well",
        "invoicing/test_deductions",
    ],
    "invoicing/services/posting/post.py": [
        "invoicing/test_posting",
        "invoicing/test_taxes",
        "invoicing/test_posting_acts",
        "invoicing/test_deductions",
    ],
    "invoicing/services/records/acts.py": ["office/test_once_on_many", "office/test_versions"],
    "invoicing/services/records/changes.py": ["office/test_journal"],
    "invoicing/services/records/attachments.py": ["invoicing/test_records", "invoicing/test_record_neighbours"],
    "invoicing/services/records/follow_ups.py": ["invoicing/test_daily_work", "invoicing/test_record_neighbours"],
    "invoicing/services/records/history.py": [
        "invoicing/test_records",
        "invoicing/test_record_neighbours",
        "office/test_journal",
    ],
    "invoicing/services/records/links.py": [
        "invoicing/test_records",
        "invoicing/test_record_neighbours",
        "office/test_appointment_page",
    ],
    "invoicing/services/records/events.py": ["api/test_webhooks"],
    "invoicing/models/records/webhooks.py": ["api/test_webhooks"],
    "invoicing/services/records/messages.py": [
        "invoicing/test_outbox",
        "invoicing/test_record_neighbours",
        "appointments/test_reminders",
        "appointments/test_notices",
    ],
    "invoicing/services/documents/text_subjects.py": ["invoicing/test_texts", "appointments/test_texts"],
    "invoicing/services/documents/texts.py": ["invoicing/test_texts"],
    "appointments/services/texts.py": ["appointments/test_texts", "appointments/test_announced"],
    "appointments/services/announced.py": ["appointments/test_announced", "appointments/test_notices"],
    "appointments/services/feeds.py": ["appointments/test_calendar_feed"],
    "appointments/services/answers.py": ["office/test_appointment_page"],
    "appointments/services/ics.py": ["appointments/test_reminders", "appointments/test_calendar_feed"],
    "appointments/services/notices.py": ["appointments/test_notices", "appointments/test_reminders"],
    "appointments/services/reminders.py": ["appointments/test_reminders"],
    "invoicing/services/records/notes.py": ["invoicing/test_daily_work"],
    "invoicing/services/records/saved_filters.py": ["invoicing/test_daily_work"],
    "invoicing/services/records/saving.py": ["office/test_versions", "office/test_journal"],
    "invoicing/services/records/shared.py": ["office/test_shared_records", "office/test_companies_apart"],
    "invoicing/services/settlement/balances.py": [
        "office/test_customer_overview",
        "invoicing/test_settlement_acts",
        "invoicing/test_duplicates",
    ],
    "invoicing/services/settlement/payments.py": [
        "invoicing/test_payments",
        "invoicing/test_refunds",
        "invoicing/test_rejected_payments",
        "invoicing/test_settlement_acts",
        "invoicing/test_payment_page",
    ],
    "invoicing/services/settlement/refunds.py": [
        "invoicing/test_refunds",
        "invoicing/test_rejected_payments",
        "invoicing/test_settlement_acts",
    ],
    "invoicing/services/settlement/supplier_payments.py": [
        "invoicing/test_purchases",
        "invoicing/test_settlement_acts",
    ],
    "invoicing/services/settlement/settled.py": ["office/test_customer_page", "invoicing/test_credited"],
    # interventions
    "interventions/querysets.py": [
        "office/test_lists",
        "interventions/test_acts",
        "interventions/test_billing",
        "interventions/test_line_states",
    ],
    "interventions/sectors.py": ["interventions/test_sectors"],
    "interventions/services/billing.py": [
        "interventions/test_acts",
        "interventions/test_billing",
        "interventions/test_deductions",
    ],
    "interventions/services/documents.py": ["office/test_refusals"],
    "interventions/services/letters.py": ["invoicing/test_mailing"],
    "interventions/services/locks.py": [
        "locks/test_order",
        "interventions/test_locked_rows",
        "interventions/test_billing",
    ],
    "interventions/services/planning.py": [
        "interventions/test_acts",
        "interventions/test_requests",
        "contracts/test_promises",
    ],
    "interventions/services/promises.py": [
        "interventions/test_acts",
        "contracts/test_promises",
        "appointments/test_month_visits",
    ],
    "interventions/services/purchases.py": [
        "interventions/test_acts",
        "interventions/test_purchases",
        "invoicing/test_purchases",
        "interventions/test_deductions",
    ],
    "interventions/services/requests.py": [
        "interventions/test_acts",
        "interventions/test_requests",
        "contracts/test_promises",
        "interventions/test_deductions",
    ],
    "interventions/services/sectors.py": ["interventions/test_sectors"],
    "interventions/models/sectors.py": ["interventions/test_sectors"],
    "interventions/services/states.py": [
        "office/test_undo",
        "interventions/test_acts",
        "interventions/test_requests",
        "contracts/test_promises",
    ],
    "interventions/services/templates.py": [
        "interventions/test_acts",
        "interventions/test_requests",
        "interventions/test_work",
    ],
    "interventions/services/writing.py": ["interventions/test_requests", "contracts/test_visits_in_bulk"],
    # appointments
    "appointments/announced.py": ["appointments/test_announced"],
    "appointments/reminding.py": ["appointments/test_reminders"],
    "appointments/availability.py": ["appointments/test_availability", "appointments/test_cycles"],
    "appointments/querysets.py": [
        "appointments/test_billing",
        "appointments/test_mobile",
        "appointments/test_days",
        "office/test_appointment_page",
    ],
    "appointments/services/absences.py": ["api/test_absences", "appointments/test_absent"],
    "appointments/services/moves.py": ["appointments/test_absent"],
    "appointments/services/billing.py": ["appointments/test_billing", "appointments/test_deductions"],
    "appointments/services/booking.py": ["appointments/test_booking", "appointments/test_weeks"],
    "appointments/services/calendars.py": ["appointments/test_calendars", "appointments/test_weeks"],
    "appointments/services/days.py": ["appointments/test_days"],
    "appointments/services/letters.py": ["invoicing/test_mailing", "appointments/test_days"],
    "appointments/services/lines.py": [
        "appointments/test_acts",
        "appointments/test_billing",
        "appointments/test_life",
        "appointments/test_used",
        "appointments/test_deductions",
    ],
    "appointments/services/locks.py": [
        "locks/test_order",
        "interventions/test_locked_rows",
        "appointments/test_billing",
    ],
    "appointments/services/moving.py": [
        "appointments/test_board_drops",
        "appointments/test_absent",
        "appointments/test_properties",
    ],
    "appointments/services/planned.py": ["appointments/test_acts", "appointments/test_life"],
    "appointments/services/planning.py": ["appointments/test_booking"],
    "appointments/services/saving.py": [
        "appointments/test_acts",
        "appointments/test_life",
        "appointments/test_booking",
    ],
    "appointments/services/states.py": [
        "office/test_undo",
        "appointments/test_acts",
        "appointments/test_life",
        "appointments/test_deductions",
    ],
    "appointments/services/weeks.py": ["appointments/test_weeks", "appointments/test_weeks_pages"],
    # contracts
    "contracts/planner/": _PLANNER,
    "contracts/planner/outlook.py": ["contracts/test_outlook"],
    "contracts/models/claims.py": ["contracts/test_billing_services"],
    "contracts/models/contracts.py": ["contracts/test_acts", "contracts/test_life", "contracts/test_night"],
    "contracts/models/requests.py": ["contracts/test_acts", "contracts/test_callouts", "contracts/test_promises"],
    "contracts/models/runs.py": ["contracts/test_night"],
    "contracts/services/activation.py": ["contracts/test_acts", "contracts/test_life"],
    "contracts/services/billing.py": ["contracts/test_billing_services", "contracts/test_night"],
    "contracts/services/callouts.py": ["contracts/test_acts", "contracts/test_callouts", "contracts/test_promises"],
    "contracts/services/cancellation.py": ["contracts/test_acts", "contracts/test_life"],
    "contracts/services/contracts.py": ["contracts/test_acts", "contracts/test_life", "contracts/test_prolonged"],
    "contracts/services/days_served.py": ["contracts/test_days_served"],
    "contracts/services/drafts.py": [
        "contracts/test_billing_services",
        "contracts/test_claim_nets",
        "contracts/test_titles_of_sites",
    ],
    "contracts/services/fact_rows.py": [
        "contracts/test_facts",
        "contracts/test_billing_services",
        "contracts/test_edge_cases",
    ],
    "contracts/services/facts.py": [
        "contracts/test_facts",
        "contracts/test_billing_services",
        "contracts/test_edge_cases",
        "contracts/test_settled_claims",
    ],
    "contracts/services/lines.py": [
        "contracts/test_acts",
        "contracts/test_billing_services",
        "contracts/test_days_served",
        "contracts/test_edge_cases",
    ],
    "contracts/services/live_claims.py": _BILLING,
    "contracts/services/locks.py": ["locks/test_order", "interventions/test_locked_rows", "contracts/test_night"],
    "contracts/services/manual_runs.py": ["contracts/test_acts", "contracts/test_night"],
    "contracts/services/next_bill.py": ["contracts/test_billing_services", "contracts/test_outlook"],
    "contracts/services/next_dates.py": [
        "contracts/test_acts",
        "contracts/test_billing_services",
        "contracts/test_night",
    ],
    "contracts/services/night.py": ["contracts/test_night", "contracts/test_night_steps"],
    "contracts/services/outlook.py": ["contracts/test_outlook"],
    "contracts/services/prices.py": ["contracts/test_acts", "contracts/test_billing_services"],
    "contracts/services/run_outcomes.py": ["contracts/test_acts", "contracts/test_outcomes", "contracts/test_night"],
    "contracts/services/runs.py": ["contracts/test_acts", "contracts/test_billing_services", "contracts/test_night"],
    "contracts/services/takeover.py": ["contracts/test_acts", "contracts/test_edge_cases", "contracts/test_night"],
    "contracts/services/termination.py": ["contracts/test_acts", "contracts/test_life", "contracts/test_edge_cases"],
    "contracts/services/visits.py": ["contracts/test_acts", "contracts/test_life", "contracts/test_visits_in_bulk"],
    "contracts/services/waivers.py": [
        "contracts/test_acts",
        "contracts/test_billing_services",
        "contracts/test_claim_nets",
    ],
}

# Modules that only PostgreSQL runs as they are: mutants of these are run there.
ON_POSTGRESQL: frozenset[str] = frozenset()


def modules() -> list[str]:
    """The paths of the modules in scope, in order."""
    found = {path.relative_to(ROOT).as_posix() for pattern in SCOPE for path in ROOT.glob(pattern)}
    return sorted(path for path in found if _has_points(path))


def own_tests(path: str) -> list[str]:
    """The test files of a module in scope, by path. Raises KeyError when none is named."""
    key = max((key for key in OWN if path.startswith(key)), key=len, default="")
    return [f"tests/{name}.py" for name in OWN[key]]


def _has_points(path: str) -> bool:
    text = (ROOT / path).read_text(encoding="utf-8")
    return (
        any(f"QuerySet({base}[" in text for base in ("models.QuerySet", "StampedQuerySet"))
        if "/models/" in path
        else "def " in text
    )
