"""The partitioned positions table, and quarantine that keeps a re-sent body once."""

from django.db import migrations, models

from patrols import storage


class Migration(migrations.Migration):
    dependencies = [("patrols", "0001_initial")]

    operations = [
        migrations.RunSQL(storage.CREATE_POSITION_SQL, storage.DROP_POSITION_SQL),
        migrations.AddField(
            "quarantine", "digest", models.CharField(max_length=32, default=""), False
        ),
        migrations.AddConstraint(
            "quarantine",
            models.UniqueConstraint(
                fields=("bureau_id", "phone_id", "digest"), name="quarantined_once"
            ),
        ),
    ]
