"""Several files as one configuration: includes, variables, prompts, hosted servers, revisions."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from botkit.core.config import SERVERS_LISTING, HostedServer, discover_servers, load_config, snapshot_files
from botkit.core.config.interpolate import interpolate
from botkit.core.errors import ConfigError
from tests.core.config.helpers import lines, load


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root / "bots.yaml"


def problems_on_disk(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config(path, env={}, platforms=())
    return [str(problem) for problem in caught.value.problems]


class TestIncludes:
    def test_mappings_are_merged_and_the_including_file_wins(self) -> None:
        config = load(
            """
            include: [a.yaml, b.yaml]
            bots: {x: {prompt: main}}
            """,
            files={
                "a.yaml": "bots: {x: {prompt: a, welcome: a, fallback: a}, only-a: {}}",
                "b.yaml": "bots: {x: {prompt: b, welcome: b}}",
            },
        )
        bot = config.bots["x"]
        assert (bot.prompt, bot.welcome, bot.fallback) == ("main", "b", "a")
        assert "only-a" in config.bots

    def test_includes_are_relative_to_their_file_and_may_include_again(self) -> None:
        config = load(
            "include: conf/all.yaml",
            files={
                "conf/all.yaml": "include: [more/bots.yaml, ../people.yaml]",
                "conf/more/bots.yaml": "bots: {deep: {}}",
                "people.yaml": "people: {ada: {}}",
            },
        )
        assert set(config.bots) == {"deep"}
        assert set(config.people) == {"ada"}

    def test_a_pattern_includes_every_file_that_fits(self) -> None:
        files = {"bots/b.yaml": "bots: {b: {}}", "bots/a.yaml": "bots: {a: {}}", "bots/x/no.yaml": "bots: {no: {}}"}
        assert list(load("include: bots/*.yaml", files=files).bots) == ["a", "b"]

    def test_mistakes_of_all_files_are_told_at_once(self) -> None:
        found = lines(
            "include: a.yaml\nbots: {x: {modle: 1}}",
            files={"a.yaml": "include: b.yaml\n\nchannels: {t: {platform: telegram}}", "b.yaml": "bot: {}"},
        )
        assert found == [
            "a.yaml:3:12: channels.t: `bot` is missing",
            "a.yaml:3:12: channels.t: `dm_policy` is missing",
            "a.yaml:3:12: channels.t: `token` is missing",
            "b.yaml:1:1: bot: unknown key (did you mean `bots`?)",
            "bots.yaml:2:12: bots.x.modle: unknown key (did you mean `model`?)",
        ]

    def test_a_circle_is_told_by_its_chain(self) -> None:
        files = {"a.yaml": "include: conf/b.yaml", "conf/b.yaml": "include: ../bots.yaml"}
        assert lines("include: a.yaml", files=files) == [
            "conf/b.yaml:1:10: include: includes itself: bots.yaml → a.yaml → conf/b.yaml → bots.yaml"
        ]
        assert lines("include: bots.yaml") == ["bots.yaml:1:10: include: includes itself: bots.yaml → bots.yaml"]

    def test_the_same_file_may_be_included_twice(self) -> None:
        files = {"a.yaml": "include: c.yaml", "b.yaml": "include: c.yaml", "c.yaml": "bots: {c: {}}"}
        assert set(load("include: [a.yaml, b.yaml]", files=files).bots) == {"c"}

    def test_a_missing_include_is_told_where_it_is_asked_for(self) -> None:
        assert lines("bots: {}\ninclude: [nope.yaml]") == [
            "bots.yaml:2:11: include: nope.yaml is not part of this revision"
        ]

    @pytest.mark.parametrize("target", ["../x.yaml", "/etc/passwd", "a/../../x.yaml", "C:\\x", "..\\x"])
    def test_includes_stay_in_the_project(self, target: str) -> None:
        assert "include: leads out of the project" in lines(f"include: '{target}'")[0]

    def test_a_list_here_and_a_mapping_there_is_a_mistake(self) -> None:
        found = lines("include: a.yaml\nbots: {x: {tools: {allow: ['*']}}}", files={"a.yaml": "bots: [x]"})
        assert found[0] == "bots.yaml:2:1: bots: is a mapping here and a list in a.yaml, line 1"

    def test_include_takes_no_variables(self) -> None:
        assert lines("include: ${X}.yaml", files={"${X}.yaml": ""})[0].endswith(
            "include takes plain paths, without ${…}"
        )


class TestVariables:
    ENV = {"HOST": "example.org", "EMPTY": "", "PORT": "8080", "YES": "true", "HALF": "0.5"}

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("plain", "plain"),
            ("https://${HOST}/x", "https://example.org/x"),
            ("${env:HOST}", "example.org"),
            ("${HOST}${PORT}", "example.org8080"),
            ("${MISSING:-other}", "other"),
            ("${MISSING:-}", ""),
            ("${EMPTY:-other}", "other"),
            ("${EMPTY}", ""),
            ("${HOST:-other}", "example.org"),
            ("$${HOST}", "${HOST}"),
            ("$$${HOST}", "$${HOST}"),
            ("${{amount}}", "${{amount}}"),
            ("$HOST $ 5$", "$HOST $ 5$"),
        ],
    )
    def test_placeholders_are_replaced(self, text: str, expected: str) -> None:
        assert interpolate(text, self.ENV) == (expected, [])

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("${MISSING}", "the variable MISSING is not set; set it, or write ${MISSING:-default}"),
            ("${HOST", "`${` is never closed; write $${ for the characters themselves"),
            ("${}", "`${…}` takes the name of a variable; write $${ for the characters themselves"),
            ("${input:key}", "`${…}` takes the name of a variable; write $${ for the characters themselves"),
            ("${1A}", "`${…}` takes the name of a variable; write $${ for the characters themselves"),
        ],
    )
    def test_what_cannot_be_replaced_is_told(self, text: str, reason: str) -> None:
        assert interpolate(text, self.ENV) == (text, [reason])

    def test_a_missing_variable_is_located(self) -> None:
        assert lines("bots:\n  a:\n    prompt: Hi ${WHO}, ${WHAT}\n") == [
            "bots.yaml:3:13: bots.a.prompt: the variable WHO is not set; set it, or write ${WHO:-default}",
            "bots.yaml:3:13: bots.a.prompt: the variable WHAT is not set; set it, or write ${WHAT:-default}",
        ]

    def test_numbers_and_flags_may_come_from_variables(self) -> None:
        config = load(
            """
            bots: {a: {max_iterations: "${N}", stream: "${FLAG}", temperature: "${T}", max_turn_cost: "${N} USD"}}
            models: {m: {model: "${M}", params: {n: "${N}", s: "x${N}"}}}
            """,
            env={"N": "7", "FLAG": "false", "T": "0.5", "M": "a/b"},
        )
        bot = config.bots["a"]
        assert (bot.max_iterations, bot.stream, bot.temperature) == (7, False, 0.5)
        assert config.models["m"].params == {"n": 7, "s": "x7"}

    def test_text_from_a_variable_stays_text(self) -> None:
        config = load("bots: {a: {prompt: '${N}'}}", env={"N": "7"})
        assert config.bots["a"].prompt == "7"
        assert type(config.bots["a"].prompt) is str

    def test_a_value_from_a_variable_is_never_repeated(self) -> None:
        found = lines("bots: {a: {busy: '${X}', max_iterations: '${X}', model: '${X}'}}", env={"X": "hunter2"})
        assert found[0].startswith("bots.yaml:1:18: bots.a.busy: ")
        assert "hunter2" not in "".join(found)

    def test_the_projects_env_file_is_read_below_the_process_environment(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("BOTKIT_TEST_B", "process")
        path = write(
            tmp_path,
            {
                "bots.yaml": "bots: {a: {prompt: '${BOTKIT_TEST_A} ${BOTKIT_TEST_B}'}}",
                ".env": "BOTKIT_TEST_A=file\nBOTKIT_TEST_B=file\n",
            },
        )
        assert load_config(path).bots["a"].prompt == "file process"


class TestPrompts:
    def test_a_prompt_file_is_relative_to_the_file_that_names_it(self) -> None:
        config = load(
            "include: conf/bots.yaml",
            files={"conf/bots.yaml": "bots: {a: {prompt_file: prompts/a.md}}", "conf/prompts/a.md": "Hi ${{x}} ${Y}"},
        )
        assert config.bots["a"].prompt == "Hi ${{x}} ${Y}"
        assert config.bots["a"].prompt_file == "conf/prompts/a.md"

    def test_a_missing_prompt_file_is_located(self) -> None:
        assert lines("bots: {a: {prompt_file: a.md}}") == [
            "bots.yaml:1:25: bots.a.prompt_file: a.md is not part of this revision"
        ]

    def test_prompt_files_stay_in_the_project(self) -> None:
        assert "leads out of the project" in lines("bots: {a: {prompt_file: ../../etc/passwd}}")[0]


class TestDisk:
    def test_links_may_not_lead_out_of_the_project(self, tmp_path: Path) -> None:
        (tmp_path / "outside.md").write_text("private")
        path = write(tmp_path / "project", {"bots.yaml": "bots: {a: {prompt_file: in.md}}"})
        (tmp_path / "project" / "in.md").symlink_to(tmp_path / "outside.md")
        assert problems_on_disk(path) == ["bots.yaml:1:25: bots.a.prompt_file: in.md leads out of the project"]

    def test_pipes_folders_and_other_encodings_are_refused(self, tmp_path: Path) -> None:
        path = write(
            tmp_path,
            {"bots.yaml": "bots: {a: {prompt_file: pipe}, b: {prompt_file: folder}, c: {prompt_file: latin.md}}"},
        )
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "folder").mkdir()
        (tmp_path / "latin.md").write_bytes("ok\nf\xfcr".encode("latin-1"))
        assert [line.split(": ", 2)[2] for line in problems_on_disk(path)] == [
            "pipe is not a file",
            "folder cannot be read: Is a directory",
            "latin.md is not UTF-8: byte 0xfc on line 2",
        ]

    def test_a_byte_order_mark_is_no_mistake(self, tmp_path: Path) -> None:
        (tmp_path / "bots.yaml").write_bytes(b"\xef\xbb\xbfbots: {a: {}}\r\nmodels: {}\r\n")
        assert set(load_config(tmp_path / "bots.yaml", env={}).bots) == {"a"}


class TestHostedServers:
    def test_files_in_the_servers_folder_are_servers(self, tmp_path: Path) -> None:
        path = write(
            tmp_path,
            {
                "bots.yaml": "servers: {notes: {timeout_s: 5}, x: {run: workspace/servers/renamed.py}}",
                "workspace/servers/notes.py": "",
                "workspace/servers/order_desk.py": "",
                "workspace/servers/renamed.py": "",
                "workspace/servers/_helper.py": "",
                "workspace/servers/readme.md": "",
            },
        )
        servers = load_config(path, env={}).servers
        assert {name: s.run for name, s in servers.items() if isinstance(s, HostedServer)} == {
            "notes": "workspace/servers/notes.py",
            "x": "workspace/servers/renamed.py",
            "order-desk": "workspace/servers/order_desk.py",
        }
        assert [name for name, s in servers.items() if isinstance(s, HostedServer) and s.discovered] == ["order-desk"]
        assert servers["notes"].timeout_s == 5
        assert discover_servers(tmp_path)["order-desk"] == "workspace/servers/order_desk.py"

    def test_a_listed_file_must_exist(self, tmp_path: Path) -> None:
        path = write(tmp_path, {"bots.yaml": "servers: {a: {run: tools/a.py}}"})
        assert problems_on_disk(path) == ["bots.yaml:1:20: servers.a.run: there is no such file in the project"]

    def test_a_file_whose_name_cannot_be_a_server_is_told(self, tmp_path: Path) -> None:
        path = write(tmp_path, {"bots.yaml": "", "workspace/servers/über.py": ""})
        (line,) = problems_on_disk(path)
        assert line.startswith("workspace/servers/über.py: ")
        assert "rename it" in line

    def test_two_files_may_not_have_the_same_name(self, tmp_path: Path) -> None:
        path = write(tmp_path, {"bots.yaml": "", "workspace/servers/a_b.py": "", "workspace/servers/a-b.py": ""})
        (line,) = problems_on_disk(path)
        assert "workspace/servers/a-b.py" in line
        assert "rename" in line


class TestRevisions:
    FILES = {
        "bots.yaml": "include: more.yaml\nbots: {a: {prompt_file: a.md}}\n",
        "more.yaml": "people: {ada: {}}\n",
        "a.md": "Be kind.\n",
        "workspace/servers/notes.py": "print()\n",
        "unrelated.txt": "x",
    }

    def test_a_revision_is_loaded_again_from_its_texts(self, tmp_path: Path) -> None:
        path = write(tmp_path, self.FILES)
        first = load_config(path, env={})
        files = snapshot_files(path)
        assert set(files) == {"bots.yaml", "more.yaml", "a.md", SERVERS_LISTING}
        again = load_config("bots.yaml", files=files, env={})
        assert again.revision == first.revision
        assert again == first or again.model_dump() == first.model_dump()

    @pytest.mark.parametrize(
        ("file", "text"),
        [
            ("bots.yaml", "include: more.yaml\nbots: {a: {prompt_file: a.md}}\n#\n"),
            ("more.yaml", "people: {bob: {}}\n"),
            ("a.md", "Be short.\n"),
            ("workspace/servers/more.py", ""),
        ],
    )
    def test_a_change_in_any_of_its_files_makes_another_revision(self, tmp_path: Path, file: str, text: str) -> None:
        path = write(tmp_path, self.FILES)
        before = load_config(path, env={}).revision
        write(tmp_path, {file: text})
        assert load_config(path, env={}).revision != before

    def test_other_files_and_variables_do_not_matter(self, tmp_path: Path) -> None:
        path = write(tmp_path, self.FILES)
        before = load_config(path, env={}).revision
        write(tmp_path, {"unrelated.txt": "y", "workspace/servers/notes.py": "print(1)\n"})
        assert load_config(path, env={"X": "1"}).revision == before
