"""The position « VEN-INTRACOM » as it was delivered exempted works as goods: they are under reverse charge.

A position whose rows a firm changed stays as it is.
"""

from django.db import migrations

GOODS_EXEMPTED = "Livraison intracommunautaire"
REVERSE_CHARGE = {
    "rate": 0,
    "category": "AE",
    "account": "",
    "mention": "Autoliquidation, art. 283-2 du CGI.",
}
DELIVERED = {("TVA 20 % travaux", GOODS_EXEMPTED), ("TVA 20 %", GOODS_EXEMPTED)}


def correct(apps, schema_editor):
    Tax = apps.get_model("invoicing", "Tax")
    position = apps.get_model("invoicing", "FiscalPosition").objects.filter(code="VEN-INTRACOM", company=None).first()
    if position is None:
        return
    rows = list(position.mappings.select_related("source", "target"))
    shared = all(row.source.company_id is None and row.target.company_id is None for row in rows)
    if not shared or {(row.source.name, row.target.name) for row in rows} != DELIVERED:
        return
    tax, _is_new = Tax.objects.get_or_create(
        name="Autoliquidation UE (prestations)", company=None, defaults=REVERSE_CHARGE
    )
    if tax.category == "AE":
        position.mappings.filter(source__name="TVA 20 % travaux").update(target=tax)


class Migration(migrations.Migration):
    dependencies = [("invoicing", "0014_codes_are_unique")]
    operations = [migrations.RunPython(correct, migrations.RunPython.noop)]
