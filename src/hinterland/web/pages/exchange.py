"""Records from other machines taken in, and those of this one given away."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

from starlette.background import BackgroundTask
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, RedirectResponse, Response

from hinterland.errors import HinterlandError, SetupError, UsageError
from hinterland.exchange import archive, taking
from hinterland.web.pages import run
from hinterland.web.pages.site import site_of

PIECE = 1 << 18
ONE = asyncio.Lock()


async def take(request: Request) -> Response:
    """Takes in the record in a form. What is refused is said on the page that has the form."""
    site = site_of(request)
    try:
        async with request.form(max_files=1, max_fields=4) as form:
            sent = form.get("record")
            if not isinstance(sent, UploadFile) or not sent.filename:
                return run.listed(site, problem="Choose a file first: a .zip or a .tar.gz.")
            taken = await _taken(site.store, sent)
    except HinterlandError as error:
        code = 503 if isinstance(error, SetupError) else 400
        return run.listed(site, problem=f"{error.says} {error.next_step}".strip(), code=code)
    except ClientDisconnect:
        raise HTTPException(400, "The form was cut short.") from None
    if not taken.left_out:
        return RedirectResponse(f"/runs/{taken.id}", 303)
    return run.listed(site, taken=taken)


async def _taken(store: Path, sent: UploadFile) -> taking.Taken:
    with tempfile.NamedTemporaryFile(prefix="hinterland-import-") as kept:
        while piece := await sent.read(PIECE):
            kept.write(piece)
        kept.flush()
        # It is read in another process, and waited for in another thread: pages go on meanwhile. One at a
        # time: each may take a GiB.
        async with ONE:
            return await asyncio.to_thread(taking.take, store, Path(kept.name), sent.filename or "")


async def give(request: Request) -> Response:
    """A run's record as a .zip."""
    folder, record = run.record_of(request)
    run.seen(site_of(request), run.today(record.info.experiment))
    if record.info.status == "running":
        raise UsageError("This run still goes on.", "Take its record when it has ended.")
    made = Path(tempfile.mkdtemp(prefix="hinterland-export-"))
    try:
        path = made / f"{folder.id}.zip"
        await asyncio.to_thread(archive.pack, folder.path, path)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    gone = BackgroundTask(shutil.rmtree, made, ignore_errors=True)
    return FileResponse(path, filename=path.name, media_type="application/zip", background=gone)
