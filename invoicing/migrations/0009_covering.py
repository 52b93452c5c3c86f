"""What is owed is read from indexes alone: of the allocations of an invoice, and of the posted invoices.

On PostgreSQL nobody waits while they are made: they are built beside the work, outside a transaction, and the index
they replace is dropped last, without touching the foreign key it stood for. Stopped on the way, it is run again.
"""

import django.db.models.deletion
from django.db import migrations, models
from django.db.migrations.operations.models import AddIndex
from django.db.models.indexes import Index
from django.db.transaction import atomic


class AddIndexBeside(AddIndex):
    """AddIndex: CONCURRENTLY on PostgreSQL, where what a stopped run left under that name goes first."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != "postgresql":
            return super().database_forwards(app_label, schema_editor, from_state, to_state)
        drop_beside(schema_editor, self.index.name)
        model = to_state.apps.get_model(app_label, self.model_name)
        schema_editor.add_index(model, self.index, concurrently=True)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != "postgresql":
            return super().database_backwards(app_label, schema_editor, from_state, to_state)
        drop_beside(schema_editor, self.index.name)


class DropForeignKeyIndex(migrations.AlterField):
    """AlterField to `db_index=False`. Django would drop the key too, and check every row of it again."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != "postgresql":
            with atomic(schema_editor.connection.alias):  # the table is written anew: whole, or not at all
                return super().database_forwards(app_label, schema_editor, from_state, to_state)
        model = from_state.apps.get_model(app_label, self.model_name)
        columns, ours = [model._meta.get_field(self.name).column], {index.name for index in model._meta.indexes}
        names = schema_editor._constraint_names(model, columns, index=True, type_=Index.suffix, exclude=ours)
        for name in names:
            drop_beside(schema_editor, name)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != "postgresql":
            with atomic(schema_editor.connection.alias):
                return super().database_backwards(app_label, schema_editor, from_state, to_state)
        model = to_state.apps.get_model(app_label, self.model_name)
        field = model._meta.get_field(self.name)
        schema_editor.execute(schema_editor._create_index_sql(model, fields=[field], concurrently=True))


def drop_beside(schema_editor, name):
    schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {schema_editor.quote_name(name)}")


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('invoicing', '0008_message_company'),
    ]

    operations = [
        AddIndexBeside(
            model_name='allocation',
            index=models.Index(fields=['invoice'], include=('amount',), name='invoicing_allocation_of'),
        ),
        AddIndexBeside(
            model_name='invoice',
            index=models.Index(condition=models.Q(('state', 'posted')), fields=['id'], include=('gross',), name='invoicing_posted_gross'),
        ),
        DropForeignKeyIndex(
            model_name='allocation',
            name='invoice',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='allocations', to='invoicing.invoice', verbose_name='facture'),
        ),
    ]
