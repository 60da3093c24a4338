"""No case is left out on any platform, and no test names a case that is none."""

from __future__ import annotations

import pytest

from tests.adapters.matrix import CASES, IMPOSSIBLE, PLATFORMS, cases_of, trials_of


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_case_is_tried(platform: str) -> None:
    tests = trials_of(platform)
    missing = {case: CASES[case] for case in cases_of(platform) if not tests[case]}
    assert missing == {}
    assert len(cases_of(platform)) == 48 - sum(where == platform for where, _ in IMPOSSIBLE)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_tests_name_cases_of_their_platform_that_can_happen(platform: str) -> None:
    known = {"C", PLATFORMS[platform]}
    strange = {case: names for case, names in trials_of(platform).items() if case not in CASES or case[0] not in known}
    assert strange == {}
