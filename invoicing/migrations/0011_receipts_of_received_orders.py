"""An order that was received before receipts has one, of all its articles, on the day its journal tells."""

from django.db import migrations


def fill(apps, schema_editor):
    Order = apps.get_model("invoicing", "PurchaseOrder")
    Line = apps.get_model("invoicing", "PurchaseOrderLine")
    Receipt = apps.get_model("invoicing", "Receipt")
    ReceivedLine = apps.get_model("invoicing", "ReceivedLine")
    History = apps.get_model("invoicing", "HistoryLine")
    kind = apps.get_model("contenttypes", "ContentType").objects.filter(app_label="invoicing", model="purchaseorder").first()
    for order in Order.objects.filter(state__in=["received", "billed"], receipts__isnull=True).iterator():
        told = History.objects.filter(content_type=kind, object_id=order.pk, act="received").order_by("pk").last()
        lines = Line.objects.filter(order=order, kind="article")
        if not lines or (order.state == "billed" and told is None):
            continue
        day = told.at.date() if told else order.ordered_on
        receipt = Receipt.objects.create(order=order, on=max(day, order.ordered_on), by=told.by if told else None)
        ReceivedLine.objects.bulk_create(
            ReceivedLine(receipt=receipt, line=line, quantity=line.quantity) for line in lines
        )


class Migration(migrations.Migration):
    dependencies = [("invoicing", "0010_receipts")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
