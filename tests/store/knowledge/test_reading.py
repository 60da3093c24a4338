"""Files are read in a process that they can take down, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from botkit.core.knowledge import KnowledgeSource
from botkit.store.knowledge import KnowledgeIndex
from botkit.store.knowledge.blocks import Unreadable
from botkit.store.knowledge.reading import DocumentReader
from botkit.testing.clock import ManualClock
from tests.store.knowledge.files import a_docx


def test_one_process_reads_many_files() -> None:
    with DocumentReader() as reader:
        assert [one.text for one in reader.passages("a.md", b"# A\n\nTea.")] == ["Tea."]
        assert reader.passages("a.docx", a_docx())[0].headings == ("Handbook",)
        with pytest.raises(Unreadable, match="no JSON"):
            reader.passages("a.json", b"{")
        assert [one.text for one in reader.passages("b.txt", b"Coffee.")] == ["Coffee."]


def test_a_file_that_takes_forever_is_given_up_and_the_next_one_is_read() -> None:
    with DocumentReader(timeout_s=0.2) as reader:
        reader._process = _a_process_that_says_nothing()  # pyright: ignore[reportPrivateUsage]
        with pytest.raises(Unreadable, match="longer than"):
            reader.passages("a.md", b"x" * 1_000_000)
        assert reader._process is None  # pyright: ignore[reportPrivateUsage] - the next file gets a new one


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not hold a process to its address space")
def test_a_file_that_takes_too_much_memory_is_given_up() -> None:
    with DocumentReader(memory_bytes=200 * 1024 * 1024) as reader:
        with pytest.raises(Unreadable, match="memory"):
            reader.passages("a.json", b"[" + b'{"a":"x"},' * 3_000_000 + b"1]")
        assert reader.passages("b.md", b"Tea.")[0].text == "Tea."


def test_the_reader_has_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    with DocumentReader() as reader:
        reader.passages("a.md", b"Tea.")
        process = reader._process  # pyright: ignore[reportPrivateUsage]
        assert process is not None
        environment = Path(f"/proc/{process.pid}/environ")
        if not environment.exists():
            pytest.skip("this system does not show the environment of processes")
        assert b"canary" not in environment.read_bytes()


def test_a_file_that_ends_the_reader_is_a_warning_and_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docs").mkdir()
    for name in ("a.md", "b.md", "c.md"):
        (tmp_path / "docs" / name).write_text(f"Tea from {name}.")
    real = DocumentReader.passages

    def dying(self: DocumentReader, name: str, data: bytes) -> object:
        if name.endswith("b.md"):
            process = self._process  # pyright: ignore[reportPrivateUsage]
            assert process is not None
            os.kill(process.pid, 9)
            process.wait()
        return real(self, name, data)

    monkeypatch.setattr(DocumentReader, "passages", dying)
    index = KnowledgeIndex(tmp_path / "home", ManualClock())
    result = index.refresh(KnowledgeSource(name="shop", root=str(tmp_path), paths=("docs",)))
    assert (result.added, result.unreadable) == (2, 1)
    problems = {one.file: one.problem for one in index.files(["shop"])}
    assert "ended the reader" in problems["docs/b.md"]
    assert {one.file for one in index.search(["shop"], "tea", top_k=5)} == {"docs/a.md", "docs/c.md"}
    index.close()


def _a_process_that_says_nothing() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
