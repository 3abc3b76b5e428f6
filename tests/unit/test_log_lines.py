"""The lines of a worker's log that matter."""

import pytest

from bot.domain.log_lines import LONGEST_LINE, MOST_LINES, PodLog, is_tail_error, lines_that_matter

GO_PANIC = """\
2026-11-23T10:00:00Z INFO started
2026-11-23T10:00:01Z INFO block 21345678 written
panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x6b2f3a]

goroutine 17 [running]:
main.(*Worker).flush(0xc000123456)
\t/app/worker.go:217 +0x1a
main.main()
\t/app/main.go:12 +0x2f
exit status 2"""
JAVA = """\
2026-11-23 10:00:00 INFO  Started
2026-11-23 10:00:01 ERROR Sink failed
com.covalent.SinkException: flush failed
\tat com.covalent.Sink.flush(Sink.java:10)
\tat com.covalent.Sink.run(Sink.java:20)
Caused by: org.postgresql.util.PSQLException: ERROR: column "fee" does not exist
\tat org.postgresql.core.QueryExecutor.receive(QueryExecutor.java:2713)
\t... 12 more
2026-11-23 10:00:02 INFO  Shutting down"""
PYTHON = """\
INFO connected
Traceback (most recent call last):
  File "/app/worker.py", line 17, in flush
    self._write(rows)
  File "/app/sink.py", line 3, in _write
    raise ValueError("bad row")
ValueError: bad row"""
RUST = """\
2026-11-23T10:00:00Z  INFO worker: ready
thread 'main' panicked at src/sink.rs:41:17:
called `Result::unwrap()` on an `Err` value: Db("division by zero")
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace"""
POSTGRES = """\
level=info msg="flushing" rows=500
level=error msg="flush failed" err="pq: duplicate key value violates unique constraint \\"swaps_pkey\\""
DETAIL: Key (tx_hash)=(0xab) already exists.
level=info msg="shutting down\""""
JSON = """\
{"level":"info","msg":"block written","block":1}
{"level":"error","msg":"flush failed","error":"pq: permission denied for table swaps","ts":1}
{"level":"info","msg":"bye"}"""
RETRIES = "\n".join(
    [
        "INFO ready",
        "FATAL transform trades failed: division by zero",
        *(f"ERROR dial tcp 10.0.0.{number}: connection refused, retrying" for number in range(30)),
    ]
)


@pytest.mark.parametrize(
    ("log", "error", "also"),
    [
        (GO_PANIC, "panic: runtime error: invalid memory address or nil pointer dereference", "SIGSEGV"),
        (JAVA, 'org.postgresql.util.PSQLException: ERROR: column "fee" does not exist', "Caused by"),
        (PYTHON, "ValueError: bad row", "/app/sink.py"),
        (RUST, 'called `Result::unwrap()` on an `Err` value: Db("division by zero")', "panicked"),
        (POSTGRES, "duplicate key value", "DETAIL"),
        (JSON, "permission denied for table swaps", "flush failed"),
        (RETRIES, "FATAL transform trades failed: division by zero", "ready"),
    ],
    ids=["go", "java", "python", "rust", "postgres", "json", "retries"],
)
def test_the_last_error_that_ended_the_work_comes_with_its_context(log: str, error: str, also: str) -> None:
    excerpt = lines_that_matter(PodLog(pod="a", text=log))
    assert error in excerpt.error
    assert also in "\n".join(excerpt.lines)
    assert len(excerpt.lines) <= MOST_LINES


def test_without_an_error_the_last_lines_show_what_it_did() -> None:
    excerpt = lines_that_matter(
        PodLog(pod="a", text="\n".join(f"INFO block {number}" for number in range(50)) + "\n\n")
    )
    assert excerpt.error == ""
    assert excerpt.lines == tuple(f"INFO block {number}" for number in range(40, 50))


def test_lines_are_cut_and_lose_what_a_terminal_obeys() -> None:
    excerpt = lines_that_matter(PodLog(pod="a", text="\x1b[31mERROR\x1b[0m \u202edenied" + "x" * 5000))
    assert len(excerpt.error) == LONGEST_LINE
    assert excerpt.error.startswith("ERROR  denied")


def test_a_huge_line_and_a_huge_log_end_in_time() -> None:
    """Linear: a quadratic search would take minutes for this."""
    assert lines_that_matter(PodLog(pod="a", text="ERROR " + "a " * 500_000)).error
    assert lines_that_matter(PodLog(pod="a", text="ERROR no\n" * 100_000)).error == "ERROR no"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n \n",
        "unable to upgrade connection: container not found",
        'unable to upgrade connection: container not found ("worker")\n',
        'container "worker" in pod "pipeline-x" is waiting to start: ContainerCreating',
        'Error from server (NotFound): pods "pipeline-x" not found',
        'previous terminated container "worker" in pod "pipeline-x" not found',
        "failed to get pod logs: context deadline exceeded",
        "error dialing backend: dial tcp 10.0.0.1:10250: connect: connection refused",
    ],
)
def test_a_tail_error_is_no_log(text: str) -> None:
    assert is_tail_error(text)


@pytest.mark.parametrize("text", [GO_PANIC, JAVA, JSON, "INFO ready", "ERROR container image not found in cache\n" * 9])
def test_a_log_is_no_tail_error(text: str) -> None:
    assert not is_tail_error(text)


@pytest.mark.parametrize(
    "farewell",
    [
        "2026-11-23T10:00:03Z FATAL worker: worker exits code=1",
        '{"level":"fatal","msg":"worker exited with code 1"}',
        'ts=2026-11-23T10:00:03Z level=fatal caller=main.go:12 msg="shutting down"',
        "10:00:03 [main] FATAL c.g.Worker - Terminating",
    ],
)
def test_a_farewell_is_not_the_error(farewell: str) -> None:
    log = f"INFO ready\nWARN flush failed, retrying\nERROR pq: permission denied for table swaps\n{farewell}\nINFO bye"
    excerpt = lines_that_matter(PodLog(pod="p", text=log))
    assert excerpt.error == "ERROR pq: permission denied for table swaps"
    assert any("ermission" in line for line in excerpt.lines)


@pytest.mark.parametrize("fatal", ["FATAL worker exits: no space left on device", "FATAL aborting: division by zero"])
def test_a_farewell_with_a_reason_is_the_error(fatal: str) -> None:
    assert lines_that_matter(PodLog(pod="p", text=f"ERROR flush failed\n{fatal}")).error == fatal


def test_a_farewell_alone_is_all_there_is() -> None:
    assert lines_that_matter(PodLog(pod="p", text="INFO ready\nFATAL worker exits code=1")).error


def test_an_attempt_to_do_something_is_no_retry() -> None:
    error = "ERROR Code: 241. DB::Exception: Memory limit exceeded (attempt to allocate chunk of 4194304 bytes)"
    assert lines_that_matter(PodLog(pod="p", text=f"{error}\nFATAL worker exits code=1")).error == error
