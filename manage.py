#!/usr/bin/env python
"""Entry point of the management commands."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "openfire_billing.settings")
    if sys.argv[1:2] == ["demo"]:
        os.environ.setdefault("DEMO", "1")
    if sys.argv[1:] in (["version"], ["--version"]):  # Django would print its own
        from openfire_billing.kernel.version import version

        sys.stdout.write(f"{version()}\n")
        return
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
