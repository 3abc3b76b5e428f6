"""Proofs that nothing is lost and nothing said twice, whatever breaks. Each is a make target of its own as well."""

import os


def unmeasured() -> dict[str, str]:
    """The environment for what runs long in processes of its own: coverage would make it twice as long."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
