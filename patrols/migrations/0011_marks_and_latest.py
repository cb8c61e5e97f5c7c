"""Marks that a judge has taken; latest positions that are written in place."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("patrols", "0010_welfare_checks"),
    ]

    operations = [
        migrations.AddField(
            model_name="touchedday",
            name="taken_at",
            field=models.DateTimeField(null=True),
        ),
        # No index is touched and the page has room: PostgreSQL then writes the new row beside the
        # old one (HOT) and needs no vacuum to find the place again.
        migrations.AlterField(
            model_name="latest",
            name="version",
            field=models.BigIntegerField(),
        ),
        migrations.RunSQL(
            "ALTER TABLE patrols_latest SET (fillfactor = 50);"
            "ALTER TABLE patrols_touchedday SET (fillfactor = 70);"
            "ALTER TABLE patrols_phone SET (fillfactor = 70);",
            "ALTER TABLE patrols_latest RESET (fillfactor);"
            "ALTER TABLE patrols_touchedday RESET (fillfactor);"
            "ALTER TABLE patrols_phone RESET (fillfactor);",
        ),
    ]
