from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "kehu.ledgers.orders"
    label = "orders"
