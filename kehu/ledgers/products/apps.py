from django.apps import AppConfig


class ProductsConfig(AppConfig):
    name = "kehu.ledgers.products"
    label = "products"
