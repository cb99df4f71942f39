from django.apps import AppConfig


class OperationsConfig(AppConfig):
    name = "kehu.operations"
    label = "operations"
