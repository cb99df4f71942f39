from django.apps import AppConfig


class CustomersConfig(AppConfig):
    name = "kehu.ledgers.customers"
    label = "customers"
