from django.apps import AppConfig


class IntakeConfig(AppConfig):
    name = "kehu.intake"
    label = "intake"
