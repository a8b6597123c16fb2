"""Members, and what is said of a matter, have names that are translated. No table changes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0007_refund_unused"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="member",
            options={
                "default_permissions": ("view",),
                "managed": False,
                "permissions": (
                    ("grant_credits", "Can give a member credits"),
                    ("take_credits", "Can take a member's credits"),
                    ("reset_credits", "Can reset a member's credits"),
                    ("end_sessions", "Can sign a member out everywhere"),
                    ("refund_unused", "Can refund what a member has not spent of a purchase"),
                ),
                "verbose_name": "member",
                "verbose_name_plural": "members",
            },
        ),
        migrations.AlterField(
            model_name="attention",
            name="closed_by",
            field=models.CharField(blank=True, max_length=150, verbose_name="closed by"),
        ),
        migrations.AlterField(
            model_name="attention",
            name="detail",
            field=models.CharField(max_length=255, verbose_name="detail"),
        ),
        migrations.AlterField(
            model_name="attention",
            name="kind",
            field=models.CharField(
                choices=[
                    ("fraud_warning", "Early fraud warning"),
                    ("review", "Paid, and needs review"),
                    ("selling_paused", "Selling is paused"),
                    ("withdrawal", "Withdrawal under way"),
                ],
                max_length=40,
                verbose_name="kind",
            ),
        ),
    ]
