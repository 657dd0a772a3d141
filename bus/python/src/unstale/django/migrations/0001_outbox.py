from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="OutboxEvent",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("shard", models.SmallIntegerField()),
                ("key", models.TextField()),
                ("value", models.TextField()),
                ("created", models.DateTimeField()),
                ("sent_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "unstale_outbox",
                "verbose_name": "event to be sent",
                "verbose_name_plural": "events to be sent",
                "indexes": [
                    models.Index(fields=["shard", "id"], name="unstale_outbox_shard_id"),
                ],
            },
        ),
    ]
