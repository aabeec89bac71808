"""`driftline init`: a folder to start with."""

from pathlib import Path
from typing import Annotated

import typer

from streams import starter
from streams.cli.common import JsonOption, put, put_json, say

FolderArgument = Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Made if it is not there.")]


def init(folder: FolderArgument = Path(), json: JsonOption = False) -> None:
    """Write a pipeline to try: its spec, a sample of events and labels, a model of your own, a secret.

    Files that are there already are never overwritten.
    """
    written = starter.write(folder)
    if json:
        put_json({"folder": str(folder), "files": written})
        return
    say(f"wrote {', '.join(written)}")
    say("next:")
    if folder != Path():
        put(f"cd {folder}")
    put("driftline produce payments.csv --time-from-field")
    put("driftline produce labels.csv --to labels --time-from-field")
    put("driftline run")
    put("driftline tail predictions")
