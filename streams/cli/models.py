"""`driftline models`: the table of ready models."""

from streams.cli.common import JsonOption, put_json, put_table


def models(json: JsonOption = False) -> None:
    """List the ready models: what each can do, what it can be told, and when to use it."""
    from engine.models import MODELS

    if json:
        put_json(
            {
                name: {"tasks": ready.tasks, "arguments": ready.arguments, "for": ready.purpose}
                for name, ready in MODELS.items()
            }
        )
        return
    rows = [
        [
            name,
            ", ".join(ready.tasks),
            " ".join(f"{k}={v}" for k, v in ready.arguments.items()),
            ready.purpose,
        ]
        for name, ready in MODELS.items()
    ]
    put_table(["model", "tasks", "arguments", "for"], rows)
