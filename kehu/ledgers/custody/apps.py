from django.apps import AppConfig


class CustodyConfig(AppConfig):
    name = "kehu.ledgers.custody"
    label = "custody"
