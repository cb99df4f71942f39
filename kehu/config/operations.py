"""Wiring table 4: what cases may ask of the layers above them. Operation -> function, by its name: `kehu/cases/steps.py` calls it."""

OPERATIONS = {
    "figures": "kehu.reports.figures.figures",
}
