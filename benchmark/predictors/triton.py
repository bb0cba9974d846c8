"""Real Triton, in the environment and by the launcher that `isvc` runs it with: triton/ at the top of the checkout."""

from pathlib import Path

from benchmark.environments import EnvironmentFailed, Say
from isvc import environments, errors

ROLE = "triton"


def unsupported() -> str | None:
    """Why it cannot run on this machine; None if it can."""
    return environments.recipe(ROLE).obstacle()


def environment(say: Say) -> None:
    """Has it made, if it is not there.

    Raises:
        EnvironmentFailed: pip could not install it.
    """
    try:
        environments.ensure(environments.recipe(ROLE), say)
    except errors.EnvironmentFailed as exc:
        raise EnvironmentFailed(str(exc)) from exc


def command(repository: Path, http_port: int, grpc_port: int) -> list[str]:
    return [
        *environments.command(ROLE, "tritonserver"),
        f"--model-store={repository}",
        f"--http-port={http_port}",
        f"--grpc-port={grpc_port}",
        "--allow-metrics=false",
    ]
