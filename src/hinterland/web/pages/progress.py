"""All progress as one file: given away, and taken from elsewhere."""

from __future__ import annotations

import time

import msgspec
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hinterland import catalogue
from hinterland.errors import UsageError
from hinterland.web.pages.site import site_of
from hinterland.web.reader import progress


async def give(request: Request) -> Response:
    """The file, to be kept or taken elsewhere."""
    site, entries = site_of(request), site_of(request).notebook.entries()
    atlas_of = {one.id: one for one in catalogue.experiments()}
    made = progress.made(entries, site.calibration.answered(entries, atlas_of))
    name = time.strftime("hinterland-%Y-%m-%d.json")
    return Response(
        msgspec.json.format(msgspec.json.encode(made), indent=1),
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def take(request: Request) -> Response:
    """Takes what is new in a file: all of it or, where anything is wrong with it, nothing."""
    site = site_of(request)
    content = await _file_of(request)
    found = progress.new(progress.read(content, time.time()), site.notebook.entries())
    if found:
        site.notebook.add(*found)
    return RedirectResponse(f"/notebook?taken={len(found)}#taken", 303)


async def _file_of(request: Request) -> bytes:
    """Returns the content of the form's file. Raises UsageError where there is none."""
    try:
        async with request.form(max_files=1, max_fields=4) as form:
            given = form.get("file")
            if isinstance(given, UploadFile) and given.filename:
                return await given.read(progress.LARGEST_BYTES + 1)
    except HTTPException as error:
        raise UsageError(f"That is not a form with a file: {error.detail}", progress.OTHER) from None
    raise UsageError("Choose a file first.", progress.OTHER)
