from django.apps import AppConfig


class OrganizationsConfig(AppConfig):
    name = "kehu.organizations"
    label = "organizations"
