from django.db import migrations, models

from kehu.core.indexes import AddIndexBeside


class Migration(migrations.Migration):
    atomic = False  # indexes of tables in use

    dependencies = [
        ("customers", "0005_words_unwatched"),
    ]

    operations = [
        AddIndexBeside(
            model_name="contact",
            index=models.Index(fields=["organization", "customer"], name="contact_of_customer"),
        ),
        AddIndexBeside(
            model_name="customer",
            index=models.Index(
                fields=["organization", "short_name"],
                condition=~models.Q(short_name=""),
                name="customer_by_short_name",
            ),
        ),
    ]
