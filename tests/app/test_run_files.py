"""What tools may read of the stored files."""

from __future__ import annotations

import pytest

from botkit.app.run_files import RunFiles
from botkit.core.errors import LimitReached, NotFound
from botkit.core.journal import PutFile, StartRun
from botkit.testing.stores.samples import a_run
from tests.app.conftest import OpenInstance


async def test_a_run_reads_the_files_of_its_conversation_up_to_a_size(opened: OpenInstance) -> None:
    async with opened("command") as instance:
        store = instance.store
        file_id, size, sha256 = await store.files.put(b"pixels", limit_bytes=100)
        here, elsewhere = a_run(lane="tg:1:"), a_run(lane="tg:2:")
        kept = PutFile(
            file_id=file_id, lane="tg:1:", person_id="p", name="a.png", mime="image/png", size_bytes=size,
            sha256=sha256, at=1,
        )  # fmt: skip
        await store.journal.commit(None, [StartRun(run=here), StartRun(run=elsewhere), kept])
        files = RunFiles(store.records, store.files)
        found = await files.read(file_id, run_id=here.id, limit_bytes=6)
        assert (found.name, found.mime, found.data) == ("a.png", "image/png", b"pixels")
        with pytest.raises(LimitReached):
            await files.read(file_id, run_id=here.id, limit_bytes=5)
        for run_id, wanted in ((elsewhere.id, file_id), (here.id, "f_other"), ("", file_id)):
            with pytest.raises(NotFound):
                await files.read(wanted, run_id=run_id, limit_bytes=6)
