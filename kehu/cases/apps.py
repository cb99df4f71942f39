from django.apps import AppConfig


class CasesConfig(AppConfig):
    name = "kehu.cases"
    label = "cases"
