"""The flags: KServe's names and defaults, and --protocol that really selects."""

import argparse

import pytest

from modelapi import cli
from modelapi.config import PredictorConfig, ServerConfig


def test_no_flags_give_kserves_defaults() -> None:
    args = cli.parse([])
    assert cli.server_config(args) == ServerConfig()
    assert cli.predictor_config(args) is None
    assert (args.model_name, args.protocol, args.predictor_protocol) == ("model", "v1", "v1")


@pytest.mark.parametrize(
    ("flags", "protocol"),
    [
        ([], "v1"),
        (["--protocol", "grpc-v2"], "grpc-v2"),
        (["--predictor_protocol", "v2"], "v2"),
        (["--protocol", "grpc-v2", "--predictor_protocol", "v1"], "v1"),
        (["--predictor_protocol", "grpc-v2", "--protocol", "v1"], "grpc-v2"),
    ],
)
def test_either_protocol_flag_selects_and_the_predictors_own_wins(flags: list[str], protocol: str) -> None:
    config = cli.predictor_config(cli.parse(["--predictor_host", "h:1", *flags]))
    assert config is not None
    assert config.protocol == protocol


def test_every_predictor_flag_arrives() -> None:
    flags = ["--predictor_host", "h", "--predictor_use_ssl", "true", "--predictor_request_timeout_seconds", "3"]
    flags += ["--predictor_request_retries", "2"]
    args = cli.parse([*flags, "--enable_predictor_health_check", "--predictor_encoding", "json"])
    assert cli.predictor_config(args) == PredictorConfig("h", "v1", True, 3, 2, True, "json")


def test_server_flags_arrive() -> None:
    args = cli.parse(
        [
            "--http_port",
            "1",
            "--grpc_port",
            "2",
            "--workers",
            "3",
            "--event-loop",
            "asyncio",
            "--enable_grpc",
            "no",
            "--host",
            "0.0.0.0",
        ]
    )
    config = cli.server_config(args)
    assert (config.http_port, config.grpc_port, config.workers, config.event_loop) == (1, 2, 3, "asyncio")
    assert (config.enable_grpc, config.host) == (False, "0.0.0.0")


def test_tls_moves_the_default_port() -> None:
    assert cli.server_config(cli.parse(["--ssl_certfile", "c", "--ssl_keyfile", "k"])).http_port == 8443


def test_flags_of_the_user_are_left_alone() -> None:
    assert cli.parse(["--mine", "1", "--http_port", "9"]).http_port == 9


def test_no_flag_is_taken_for_its_beginning() -> None:
    assert cli.parse(["--model", "x"]).model_name == "model"


def test_the_parser_can_be_a_parent() -> None:
    parser = argparse.ArgumentParser(parents=[cli.build_parser()])
    parser.add_argument("--mine")
    assert parser.parse_args(["--mine", "1", "--model_name", "m"]).model_name == "m"


@pytest.mark.parametrize(("text", "value"), [("true", True), ("1", True), ("Yes", True), ("off", False), ("0", False)])
def test_truth_values_are_read_as_kserve_reads_them(text: str, value: bool) -> None:
    assert cli.strtobool(text) is value


def test_what_is_no_truth_value_is_refused() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="maybe"):
        cli.strtobool("maybe")
