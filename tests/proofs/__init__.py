import os


def unmeasured() -> dict[str, str]:
    """The environment for what runs long in processes of its own: without coverage, which would make it twice as long."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
