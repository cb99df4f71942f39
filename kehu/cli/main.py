"""`kehu COMMAND …`: finds the command and lets it run.

A command is a module with `run(arguments) -> exit code`. It is imported only when it is asked for, so that `kehu check`
needs neither Django nor a database.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

COMMANDS = {
    "check": "kehu.cli.check:run",
    "examples": "kehu.cli.examples:run",
    "demo": "kehu.cli.demo:run",
    "serve": "kehu.cli.serve:run",
    "worker": "kehu.cli.worker:run",
    "channel": "kehu.cli.channel:run",
    "webhook": "kehu.cli.webhook:run",
    "publish": "kehu.cli.publish:run",
    "procedure": "kehu.cli.procedure:run",
    "schedule": "kehu.cli.schedule:run",
    "member": "kehu.cli.member:run",
    "absence": "kehu.cli.absence:run",
    "act": "kehu.cli.act:run",
    "fill": "kehu.cli.fill:run",
    "calendar": "kehu.cli.calendar:run",
    "import": "kehu.cli.importing:run",
    "backup": "kehu.cli.backup:run",
    "restore": "kehu.cli.restore:run",
    "verify": "kehu.cli.verify:run",
    "doctor": "kehu.cli.doctor:run",
    "upgrade": "kehu.cli.upgrade:run",
    "schema": "kehu.cli.schema:run",
    "token": "kehu.cli.token:run",  # nosec B105
    "openapi": "kehu.cli.openapi:run",
}

WHAT_THEY_DO = {
    "check": "read packs and name every mistake",
    "examples": "run a pack's stories and print every difference",
    "demo": "make the demo company",
    "serve": "serve the pages, with a worker beside them",
    "worker": "run a worker: deadlines, messages",
    "channel": "how the channels are; a test of one",
    "webhook": "the webhooks; deliveries sent again",
    "publish": "set up a pack's company and put its procedures in force",
    "procedure": "the procedures in force; switch one on or off",
    "schedule": "what the calendar will open next, and why",
    "member": "take on a member, appoint, let leave",
    "absence": "who is away, and who stands in",
    "act": "do something with a case: complete, send back, withdraw, pause …",
    "fill": "fill a customer's own form, in Word or Excel, from a case",
    "calendar": "propose and confirm a year's holidays",
    "import": "bring in a sheet of customers, prices, orders …; take one back",
    "backup": "write database and files into one file",
    "restore": "put a backup into an empty database",
    "upgrade": "bring the database up to this version",
    "verify": "name the first row or file that was altered",
    "doctor": "name what is unsafe or wrong in this installation",
    "schema": "print the JSON Schema of the pack files, for editors",
    "token": "make, list and revoke access tokens of the API",  # nosec B105
    "openapi": "print the API's OpenAPI document, for tools that make clients",
}


def main(arguments: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if arguments is None else arguments)
    # What follows the command is the command's own, `--help` too.
    parser = argparse.ArgumentParser(
        prog="kehu",
        usage="kehu COMMAND …",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="commands:\n" + "\n".join(f"  {name:<10}{WHAT_THEY_DO.get(name, '')}".rstrip() for name in COMMANDS),
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="see below; kehu COMMAND --help says more")
    if not words:
        parser.print_help()
        return 0
    command = parser.parse_args(words[:1]).command
    module, _, function = COMMANDS[command].partition(":")
    code: int = getattr(import_module(module), function)(words[1:])
    return code


if __name__ == "__main__":
    sys.exit(main())
