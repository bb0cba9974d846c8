import pytest

from isvc.backends.compose.progress import AIR_GAPPED, BuildNews, reason

CACHED = """#5 [internal] load build context
#5 transferring context: 10B done
#6 [transformer wheels 2/3] RUN pip install
#6 CACHED
""".splitlines()
FAILED = """#7 [transformer stage-1 4/6] RUN pip install --require-hashes -r requirements.lock
#7 0.879 ERROR: No matching distribution found for nothing==1
#7 ERROR: process "/bin/sh -c pip install" did not complete successfully: exit code: 1
------
 > [transformer stage-1 4/6] RUN pip install --require-hashes -r requirements.lock:
0.879 ERROR: No matching distribution found for nothing==1
------
failed to solve: process "/bin/sh -c pip install" did not complete successfully: exit code: 1
""".splitlines()


def told(lines: list[str]) -> list[str]:
    news = BuildNews()
    return [said for said in map(news.read, lines) if said is not None]


def test_cached_and_internal_steps_are_no_news() -> None:
    assert told(CACHED) == []


def test_a_step_that_takes_time_is_told_once() -> None:
    lines = ["#7 [t 1/2] RUN pip", "#7 0.1 Collecting", "#7 [t 1/2] RUN pip", "#7 0.2 Installing", "#7 DONE 1.0s"]
    assert told(lines) == ["[t 1/2] RUN pip"]


def test_a_failed_build_shows_the_failing_step_and_nothing_before() -> None:
    news = BuildNews()
    for line in (*CACHED, *FAILED):
        news.read(line)
    shown = news.failure()
    assert "No matching distribution found for nothing==1" in shown
    assert "[transformer stage-1 4/6]" in shown
    assert "CACHED" not in shown
    assert AIR_GAPPED not in shown


@pytest.mark.parametrize(
    "line",
    [
        "failed to solve: python:3.11-slim-bookworm: failed to do request: dial tcp: lookup registry-1.docker.io",
        'Error response from daemon: Get "https://registry-1.docker.io/v2/": dial tcp: i/o timeout',
    ],
)
def test_a_registry_out_of_reach_is_said_with_the_mend(line: str) -> None:
    news = BuildNews()
    news.read(line)
    assert AIR_GAPPED in news.failure()
    assert AIR_GAPPED in reason(f"something\n{line}\n")


def test_the_reason_of_a_failure_is_its_last_line() -> None:
    assert reason("Container x  Creating\nError response from daemon: no space left\n\n").endswith("no space left")
    assert reason("") == "it failed and said nothing"
