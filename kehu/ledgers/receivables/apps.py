from django.apps import AppConfig


class ReceivablesConfig(AppConfig):
    name = "kehu.ledgers.receivables"
    label = "receivables"
