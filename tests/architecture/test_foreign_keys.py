"""A foreign key points down, as imports do; written as a text it is one that the import linter cannot see."""

import tomllib

from django.apps import apps

from tests.cast import ROOT


def layers() -> list[set[str]]:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    words = next(contract["layers"] for contract in contracts if contract["id"] == "layers")
    return [{name.strip() for name in line.split("|")} for line in words]


def height(model: type) -> int:
    package = model.__module__.split(".")[1]
    return next(-number for number, names in enumerate(layers()) if package in names)


def test_foreign_keys_point_down() -> None:
    models = [model for model in apps.get_models() if model.__module__.startswith("kehu.")]
    upward = [
        f"{model.__name__}.{field.name} -> {field.related_model.__name__}"
        for model in models
        for field in model._meta.get_fields()
        if field.is_relation and not field.auto_created and field.related_model.__module__.startswith("kehu.")
        if height(field.related_model) > height(model)
    ]

    assert upward == []


def test_every_row_belongs_to_an_organization() -> None:
    from kehu.accounts.models import FailedSignIn, Session
    from kehu.core.models import Organization, User
    from kehu.core.scope import OrganizationRow, ScopedManager
    from kehu.operations.models import Backup, Heartbeat

    nobody_s = (Organization, User, Session, FailedSignIn, Backup, Heartbeat)  # who signs in belongs nowhere yet
    for model in apps.get_models():
        if model.__module__.startswith("kehu.") and model not in nobody_s:
            assert issubclass(model, OrganizationRow), f"{model.__name__} is nobody's"
            assert isinstance(model._default_manager, ScopedManager), f"{model.__name__} can be queried without scope"
